'use strict';

// The page of one scene that has everything inside.

function isColour(text) { return /^#?[0-9a-f]{6}$/i.test(text || ''); }

// What the address asks for, after ? or #, as name=value joined by &:
//   embed             only the scene, for a frame in another page
//   autoplay=0        shows the picture until it is clicked
//   view=gaussians|mesh|wireframe  shade=colour|alpha|depth|normals
//   time=FRAME  play=0  loop=0|1  fps=NUMBER  background=RRGGBB
//   azimuth=DEGREES  elevation=DEGREES  distance=NUMBER  theme=light|dark
function readAddress() {
  const text = `${location.search.slice(1)}&${location.hash.slice(1)}`;
  const given = new URLSearchParams(text);
  const number = (name, low, high) => {
    const value = parseFloat(given.get(name));
    return value >= low && value <= high ? value : undefined;
  };
  const flag = (name) =>
      given.has(name) ? given.get(name) !== '0' : undefined;
  const one = (name, values) =>
      values.includes(given.get(name)) ? given.get(name) : undefined;
  return {
    embed: flag('embed'), autoplay: flag('autoplay'), play: flag('play'),
    loop: flag('loop'), view: one('view', VIEWS), shade: one('shade', SHADES),
    time: number('time', 0, 1e6), fps: number('fps', 0.5, 120),
    azimuth: number('azimuth', -360, 360),
    elevation: number('elevation', -89.9, 89.9),
    distance: number('distance', 1e-3, 1e6),
    theme: one('theme', ['light', 'dark']),
    background: isColour(given.get('background'))
        ? `#${given.get('background').replace('#', '')}` : undefined,
  };
}

function say(text) { document.getElementById('status').textContent = text; }

function play(header) {
  const asked = readAddress();
  const state = {
    view: asked.view || 'gaussians',
    shade: asked.shade || 'colour',
    time: Math.min(asked.time || 0, header.frames - 1),
    playing: header.frames > 1 && asked.play !== false && !prefersStillness(),
    loop: asked.loop === undefined ? header.loop : asked.loop,
    fps: asked.fps || header.fps,
    background: asked.background,
  };
  document.body.classList.toggle('embed', Boolean(asked.embed));
  document.body.classList.toggle('still', header.frames < 2);
  document.getElementById('panel').open = innerWidth > 600;

  const camera = new OrbitCamera(header.camera);
  if (asked.azimuth !== undefined) camera.azimuth = asked.azimuth;
  if (asked.elevation !== undefined) camera.elevation = asked.elevation;
  if (asked.distance !== undefined) camera.radius = asked.distance;
  const poster = document.getElementById('poster');
  const scene =
      new SceneView(document.getElementById('canvas'), camera, state, {
        say,
        time: () => controls.showTime(),
        changed: () => controls.show(),
        scene: () => controls.show(),
        drawn: (view) => {
          controls.showDepth(view);
          if (poster && !poster.hidden) poster.hidden = true;
        },
      });
  const controls = new Controls(scene, {
    reset: () => camera.reset(),
    snapshot: () => scene.snapshot(document.title),
  });
  followTheme(state, asked.theme, () => controls.changed());

  const load = () => {
    say('Loading …');
    if (!scene.start()) return;
    const payload = document.getElementById('payload');
    scene.load(header, payload.textContent);
    payload.remove();
    controls.show();
  };
  const start = document.getElementById('start');
  if (asked.autoplay === false) {
    say('');
    start.hidden = false;
    start.addEventListener('click', () => {
      start.hidden = true;
      scene.canvas.focus();
      load();
    }, {once: true});
  } else {
    load();
  }
  return scene;
}

window.dg4dScene =
    play(JSON.parse(document.getElementById('header').textContent));
