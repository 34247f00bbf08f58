'use strict';

const VIEWS = ['gaussians', 'mesh', 'wireframe'];

function rgbOf(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
}

// Whether keys mean something of their own where the focus is.
function takesKeys(element) {
  return Boolean(element.closest(
      'input, button, select, textarea, summary, dialog, [role="slider"]'));
}

// What is shown of a SceneView and when, as view_controls.html and
// time_controls.html have it. `actions` holds reset and snapshot, and by name
// what other keys do.
class Controls {
  constructor(scene, actions) {
    Object.assign(this, {scene, actions});
    const {state} = scene;
    const by = (id) => document.getElementById(id);
    this.elements = {play: by('play'), time: by('time'), frame: by('frame'),
                     loop: by('loop'), fps: by('fps'),
                     background: by('background')};
    const {elements} = this;
    by('depth').querySelector('i').style.background =
        `linear-gradient(to left, ${DEPTH_COLOURS.join()})`;
    for (const name of ['view', 'shade']) {
      for (const input of document.getElementsByName(name)) {
        input.addEventListener('change', () => {
          state[name] = input.value;
          this.changed();
        });
      }
    }
    elements.play.addEventListener('click', () => {
      scene.setPlaying(!state.playing);
      this.changed();
    });
    elements.time.addEventListener('input', () => {
      state.time = Number(elements.time.value);
      state.playing = false;
      this.changed();
    });
    elements.loop.addEventListener('change', () => {
      state.loop = elements.loop.checked;
      this.changed();
    });
    elements.fps.addEventListener('change', () => {
      const fps = Number(elements.fps.value);
      if (fps >= 0.5 && fps <= 120) state.fps = fps;
      this.changed();
    });
    elements.background.addEventListener('input', () => {
      state.background = elements.background.value;
      this.changed();
    });
    for (const name of ['reset', 'snapshot']) {
      by(name).addEventListener('click', () => {
        actions[name]();
        scene.wake();
      });
    }
    attachGestures(scene.canvas, scene.camera, () => scene.wake());
    addEventListener('keydown', (event) => {
      if (takesKeys(event.target) || event.ctrlKey || event.metaKey ||
          event.altKey || !this.press(event.key)) return;
      event.preventDefault();
      this.changed();
    });
  }

  // Shows and draws the state after a change of it.
  changed() {
    this.show();
    this.scene.wake();
  }

  // Keys that mean the same wherever the focus is.
  press(key) {
    const {scene, scene: {state}, actions} = this;
    const views = VIEWS.filter((view) => scene.has(view));
    if (key === ' ') {
      scene.setPlaying(!state.playing);
    } else if (key === ',' || key === '.') {
      state.playing = false;
      const step = key === '.' ? 1 : -1;
      const next = Math.round(state.time) + step;
      state.time = (next + scene.frames()) % scene.frames();
    } else if (views[Number(key) - 1]) {
      state.view = views[Number(key) - 1];
    } else if (Object.hasOwn(actions, key)) {
      actions[key]();
    } else {
      return false;
    }
    return true;
  }

  show() {
    const {elements, scene, scene: {state}} = this;
    for (const input of document.getElementsByName('view')) {
      input.checked = input.value === scene.shown();
      input.disabled = !scene.has(input.value);
    }
    for (const input of document.getElementsByName('shade')) {
      input.checked = input.value === state.shade;
    }
    document.getElementById('depth').hidden = state.shade !== 'depth';
    document.body.classList.toggle('playing', state.playing);
    elements.play.setAttribute('aria-label', state.playing ? 'Pause' : 'Play');
    elements.time.max = scene.end();
    elements.loop.checked = state.loop;
    elements.fps.value = Math.round(state.fps * 100) / 100;
    elements.background.value = state.background;
    this.showTime();
  }

  // The range of depths that colours stand for in `view` (OrbitCamera.view).
  showDepth({depthRange}) {
    ['nearest', 'farthest'].forEach((id, i) => {
      const text = depthRange[i].toFixed(2), output = document.getElementById(id);
      if (output.value !== text) output.value = text;
    });
  }

  showTime() {
    const {elements, scene: {state}} = this;
    elements.time.value = state.time;
    elements.frame.value = state.time.toFixed(1);
  }
}
