'use strict';

const VIEWS = ['gaussians', 'mesh', 'wireframe'];

function isColour(text) { return /^#?[0-9a-f]{6}$/i.test(text || ''); }

function rgbOf(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
}

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

// The page's controls. `state` is what they show and set; `onChange` is called
// after each change, `actions` holds reset and snapshot.
class Controls {
  constructor(state, limits, actions, onChange) {
    Object.assign(this, {state, limits});
    const by = (id) => document.getElementById(id);
    this.elements = {play: by('play'), time: by('time'), frame: by('frame'),
                     loop: by('loop'), fps: by('fps'),
                     background: by('background')};
    const {elements} = this;
    const changed = () => {
      this.show();
      onChange();
    };
    for (const name of ['view', 'shade']) {
      for (const input of document.getElementsByName(name)) {
        input.addEventListener('change', () => {
          state[name] = input.value;
          changed();
        });
      }
    }
    for (const input of document.getElementsByName('view')) {
      const there = input.value === 'gaussians' ? limits.gaussians
                                                : limits.meshes;
      input.closest('label').hidden = !there;
    }
    elements.play.addEventListener('click', () => {
      this.setPlaying(!state.playing);
      changed();
    });
    elements.time.addEventListener('input', () => {
      state.time = Number(elements.time.value);
      state.playing = false;
      changed();
    });
    elements.loop.addEventListener('change', () => {
      state.loop = elements.loop.checked;
      changed();
    });
    elements.fps.addEventListener('change', () => {
      const fps = Number(elements.fps.value);
      if (fps >= 0.5 && fps <= 120) state.fps = fps;
      changed();
    });
    elements.background.addEventListener('input', () => {
      state.background = elements.background.value;
      changed();
    });
    by('reset').addEventListener('click', actions.reset);
    by('snapshot').addEventListener('click', actions.snapshot);
    addEventListener('keydown', (event) => {
      if (event.target.closest('input, button, summary') || event.ctrlKey ||
          event.metaKey || event.altKey || !this.press(event.key)) return;
      event.preventDefault();
      changed();
    });
    document.body.classList.toggle('still', limits.frames < 2);
    document.body.classList.toggle('embed', Boolean(state.embed));
    by('panel').open = innerWidth > 600;
    this.show();
  }

  // Keys that mean the same wherever the focus is.
  press(key) {
    const {state, limits} = this;
    const views = VIEWS.filter((view) => view === 'gaussians'
        ? limits.gaussians : limits.meshes);
    if (key === ' ') {
      this.setPlaying(!state.playing);
    } else if (key === ',' || key === '.') {
      state.playing = false;
      const step = key === '.' ? 1 : -1;
      const next = Math.round(state.time) + step;
      state.time = (next + limits.frames) % limits.frames;
    } else if (views[Number(key) - 1]) {
      state.view = views[Number(key) - 1];
    } else {
      return false;
    }
    return true;
  }

  // The last time there is: a loop leads on from there to the first frame.
  end() { return this.state.loop ? this.limits.frames : this.limits.frames - 1; }

  setPlaying(playing) {
    const {state} = this;
    if (playing && !state.loop && state.time >= this.end()) state.time = 0;
    state.playing = playing;
  }

  show() {
    const {state, elements} = this;
    for (const name of ['view', 'shade']) {
      for (const input of document.getElementsByName(name)) {
        input.checked = input.value === state[name];
      }
    }
    document.body.classList.toggle('playing', state.playing);
    elements.play.setAttribute('aria-label', state.playing ? 'Pause' : 'Play');
    elements.time.max = this.end();
    elements.loop.checked = state.loop;
    elements.fps.value = Math.round(state.fps * 100) / 100;
    elements.background.value = state.background;
    this.showTime();
  }

  showTime() {
    const {elements, state} = this;
    elements.time.value = state.time;
    elements.frame.value = state.time.toFixed(1);
  }
}
