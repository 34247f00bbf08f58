'use strict';

// The page of `dg4d run --view` and `dg4d view`.

const by = (id) => document.getElementById(id);

let toastTimer = 0;

// Says something that passes.
function tell(text) {
  const toast = by('toast');
  toast.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.textContent = ''; }, 6000);
}

function view() {
  const state = {view: 'gaussians', shade: 'colour', time: 0,
                 playing: !prefersStillness(), loop: true, fps: 8,
                 background: undefined};
  const camera = new OrbitCamera({fov_y: 49.1 * RADIANS, azimuth: 0,
                                  elevation: 0, radius: 2, target: [0, 0, 0]});
  let shownFov = null;     // by the slider
  let chosenRate = false;  // by the user
  let last = null;         // message of the scene that came last
  const scene = new SceneView(by('canvas'), camera, state, {
    say: (text) => { by('status').textContent = text; },
    time: () => controls.showTime(),
    changed: () => controls.show(),
    scene: (header) => {
      // The first one puts the camera where the picture's was; later ones
      // leave it, and the time, as they are.
      const first = scene.scenes === 1;
      camera.setHome(header.camera);
      if (first) camera.reset();
      if (header.frames > 1 && !chosenRate) state.fps = header.fps;
      const {stage, step} = header.told;
      by('scene_of').textContent =
          stage ? `${stage}${step ? ` · step ${step}` : ''}` : '';
      document.body.classList.toggle('still', header.frames < 2);
      controls.show();
    },
    tick: (seconds) => paths.tick(seconds),
    drawn: (seen) => {
      overlays.draw(seen);
      controls.showDepth(seen);
      if (camera.fov !== shownFov) showFov();
    },
  });

  let connection = null;
  const send = (command) => {
    if (!connection?.send(command)) {
      tell('Not sent: there is no connection to the program.');
    }
  };
  const controls = new Controls(scene, {
    reset: () => camera.reset(),
    snapshot: () => {
      const {stage, step} = last || {};
      scene.snapshot([by('title').textContent, stage, step]
          .filter((part) => part !== undefined && part !== '').join('_'));
    },
    s: () => overlays.toggle('split'),
    i: () => overlays.toggle('input'),
    c: () => overlays.toggle('cameras'),
    k: () => paths.add(),
    p: () => controls.actions.snapshot(),
    '?': () => by('help').showModal(),
  });
  const overlays = new Overlays(scene, {changed: () => controls.changed()});
  const paths = new PathPanel(scene, controls, {send, tell, changed: (path) => {
    overlays.path = path;
    scene.wake();
  }});
  const run = new RunPanel({send});
  const curves = new Curves();
  const exports = new ExportsPanel({send});

  by('fps').addEventListener('change', () => { chosenRate = true; });
  by('fov').addEventListener('input', () => {
    camera.fov = Number(by('fov').value) * RADIANS;
    scene.wake();
  });
  function showFov() {
    shownFov = camera.fov;
    by('fov').value = camera.fov / RADIANS;
    by('fov_text').textContent = `${Math.round(camera.fov / RADIANS)}°`;
  }
  by('help_button').addEventListener('click', () => by('help').showModal());
  followTheme(state, undefined, () => controls.changed());
  choosePanels(by('tabs'));
  showFov();
  controls.show();
  if (!scene.start()) return {scene};

  const receive = {
    hello: (message) => {
      curves.clear();
      run.setHello(message);
      exports.setHello(message);
      document.body.dataset.mode = message.mode;
    },
    state: (message) => run.setState(message),
    metrics: ({rows}) => curves.add(rows),
    warning: (message) => run.addWarning(message),
    image: (message) => overlays.setImage(message),
    cameras: (message) => overlays.setCameras(message),
    export: (message) => {
      if (!exports.show(message) && message.exporter === 'camera_path' &&
          message.state !== 'running') {
        tell(message.state === 'done'
            ? message.message || 'The camera path is saved.'
            : `The camera path is not saved: ${message.message}`);
      }
    },
    error: ({message}) => tell(message),
  };
  connection = new Connection({
    message: (message) => receive[message.type]?.(message),
    scene: (message, payload) => {
      last = message;
      scene.load({...message.header,
                  told: {stage: message.stage, step: message.step}}, payload);
    },
    opened: () => {
      by('connection').hidden = true;
      run.show();
    },
    lost: () => {
      by('connection').textContent = run.mayComeBack()
          ? 'The connection to the program is lost. Trying again …'
          : 'The program has ended. This page keeps what it has; dg4d view ' +
              'shows the run again.';
      by('connection').hidden = false;
      run.show(true);
      exports.lost();
    },
  });
  return {scene, camera, overlays, paths, curves, run, connection};
}

// On small windows one panel at a time stands below the scene, or none.
function choosePanels(tabs) {
  const buttons = [...tabs.querySelectorAll('button')];
  const choose = (name) => {
    document.body.dataset.panel = name;
    for (const button of buttons) {
      button.setAttribute('aria-expanded', button.dataset.panel === name);
      by(button.dataset.panel).classList.toggle(
          'chosen', button.dataset.panel === name);
    }
  };
  for (const button of buttons) {
    button.addEventListener('click', () => choose(
        document.body.dataset.panel === button.dataset.panel
            ? '' : button.dataset.panel));
  }
  choose('');
}

window.dg4dViewer = view();
window.dg4dScene = window.dg4dViewer.scene;
