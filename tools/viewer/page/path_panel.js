'use strict';

const SECONDS_BETWEEN = 2;  // keyframes that are added

// The camera path: its list, its preview, its files. `send(command)` and
// `tell(text)` are the page's.
class PathPanel {
  constructor(scene, controls, {send, tell, changed}) {
    Object.assign(this, {scene, controls, send, tell, changed});
    this.path = new CameraPath();
    this.playing = false;
    this.seconds = 0;  // of the preview
    const by = (id) => document.getElementById(id);
    this.elements = {list: by('keyframes'), hint: by('path_hint'),
                     preview: by('preview_path'), time: by('path_time'),
                     hold: by('hold_frame'), loop: by('path_loop'),
                     store: by('store_path'), save: by('save_path'),
                     file: by('path_file')};
    const {elements} = this;
    by('add_keyframe').addEventListener('click', () => this.add());
    elements.preview.addEventListener('click', () => this.preview());
    elements.time.addEventListener('input', () => {
      this.stop();
      this.seconds = Number(elements.time.value);
      this.apply();
      controls.changed();
    });
    elements.loop.addEventListener('change', () => {
      this.path.loop = elements.loop.checked;
      this.show();
    });
    elements.store.addEventListener('click', () => this.send(
        {command: 'camera_path', path: this.path.object()}));
    elements.save.addEventListener('click', () => saveFile(
        'camera_path.json',
        new Blob([this.path.text()], {type: 'application/json'})));
    by('load_path').addEventListener('click', () => elements.file.click());
    elements.file.addEventListener('change', () => this.load());
    // Who takes the camera in hand ends the preview.
    for (const kind of ['pointerdown', 'wheel', 'keydown']) {
      scene.canvas.addEventListener(kind, () => this.stop());
    }
    this.show();
  }

  // Adds the present view after the last keyframe.
  add() {
    const {scene, scene: {camera}, path: {keyframes}} = this;
    const last = keyframes[keyframes.length - 1];
    keyframes.push({
      seconds: last ? Math.round((last.seconds + SECONDS_BETWEEN) * 100) / 100
                    : 0,
      position: camera.position(),
      target: [...camera.target],
      fov_y_degrees: camera.fov / RADIANS,
      frame: this.elements.hold.checked
          ? Math.round(scene.state.time * 100) / 100 : null,
    });
    this.show();
    this.elements.list.lastElementChild.scrollIntoView({block: 'nearest'});
  }

  // Puts the camera to keyframe `i`.
  go(i) {
    this.stop();
    this.seconds = this.path.keyframes[i].seconds -
        this.path.keyframes[0].seconds;
    this.applyView(this.path.keyframes[i]);
    this.controls.changed();
    this.showTime();
  }

  // Exchanges the views of two neighbours; their times stay in order.
  move(i, step) {
    const {keyframes} = this.path, other = i + step;
    [keyframes[i], keyframes[other]] =
        [{...keyframes[other], seconds: keyframes[i].seconds},
         {...keyframes[i], seconds: keyframes[other].seconds}];
    this.show();
    this.focus(other, step < 0 ? '.up' : '.down');
  }

  remove(i) {
    this.path.keyframes.splice(i, 1);
    this.show();
    this.focus(Math.min(i, this.path.keyframes.length - 1), '.remove');
  }

  focus(i, what) {
    const row = this.elements.list.children[i];
    const button = row?.querySelector(`${what}:enabled`) ||
        row?.querySelector('.go') || document.getElementById('add_keyframe');
    button.focus();
  }

  setSeconds(i, value) {
    const {keyframes} = this.path;
    const after = i > 0 ? keyframes[i - 1].seconds : -Infinity;
    const before = i + 1 < keyframes.length ? keyframes[i + 1].seconds
                                            : Infinity;
    if (value > after && value < before && value >= 0 && value < 86400) {
      keyframes[i].seconds = value;
    } else {
      this.tell('The seconds of keyframes grow from one to the next.');
    }
    this.show();
  }

  applyView({position, target, fov_y_degrees, frame}) {
    const {camera, state} = this.scene;
    camera.look(position, target);
    camera.fov = fov_y_degrees * RADIANS;
    if (frame !== null) {
      state.time = frame % this.scene.frames();
      state.playing = false;
    }
  }

  // Shows the path at the preview's time. Where no frame is held the animation
  // plays at its own rate.
  apply() {
    const view = this.path.at(this.seconds);
    const {header} = this.scene;
    if (view.frame === null && header) view.frame = this.seconds * header.fps;
    this.applyView(view);
  }

  preview() {
    if (this.playing) {
      this.stop();
    } else {
      this.playing = true;
      if (this.seconds >= this.path.duration()) this.seconds = 0;
      this.apply();
      this.controls.changed();
    }
    this.showTime();
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.showTime();
  }

  // Moves the preview on by `seconds`; whether it goes on.
  tick(seconds) {
    if (!this.playing) return false;
    const duration = this.path.duration();
    this.seconds += seconds;
    if (this.seconds >= duration) {
      if (this.path.loop) {
        this.seconds %= duration;
      } else {
        this.seconds = duration;
        this.playing = false;
      }
    }
    this.apply();
    this.controls.showTime();
    this.showTime();
    this.changed(this.path);
    return this.playing;
  }

  async load() {
    const {elements} = this;
    const [file] = elements.file.files;
    elements.file.value = '';
    if (!file) return;
    try {
      this.path = CameraPath.parse(await file.text());
      this.seconds = 0;
      this.stop();
      this.show();
    } catch (error) {
      this.tell(`Cannot load ${file.name}: ${error.message}`);
    }
  }

  showTime() {
    const {elements, path} = this;
    elements.preview.textContent = this.playing ? 'Stop' : 'Preview';
    elements.time.max = Math.max(0.01, path.duration());
    elements.time.value = this.seconds;
    elements.time.setAttribute('aria-valuetext',
                               `${this.seconds.toFixed(1)} s`);
  }

  show() {
    const {elements, path, path: {keyframes}} = this;
    if (!path.isWhole()) this.playing = false;
    for (const name of ['preview', 'time', 'store', 'save']) {
      elements[name].disabled = !path.isWhole();
    }
    elements.hint.hidden = keyframes.length > 0;
    elements.loop.checked = path.loop;
    this.seconds = Math.min(this.seconds, path.duration());
    elements.list.replaceChildren(
        ...keyframes.map((key, i) => this.row(key, i)));
    this.showTime();
    this.changed(this.path);
  }

  row(key, i) {
    const row = document.createElement('li');
    const button = (name, label, text, action) => {
      const element = document.createElement('button');
      element.type = 'button';
      element.className = name;
      element.title = label;
      element.setAttribute('aria-label', `${label}: view ${i + 1}`);
      element.textContent = text;
      element.addEventListener('click', action);
      return element;
    };
    const seconds = document.createElement('label');
    seconds.className = 'number';
    const input = document.createElement('input');
    Object.assign(input, {type: 'number', min: 0, step: 0.1,
                          value: key.seconds});
    input.setAttribute('aria-label', `Seconds of view ${i + 1}`);
    input.addEventListener('change',
                           () => this.setSeconds(i, Number(input.value)));
    seconds.append(input, ' s');
    const what = document.createElement('span');
    what.className = 'what';
    what.textContent = key.frame === null ? 'plays on'
                                          : `frame ${shortNumber(key.frame)}`;
    const up = button('up', 'Earlier', '↑', () => this.move(i, -1));
    const down = button('down', 'Later', '↓', () => this.move(i, 1));
    up.disabled = i === 0;
    down.disabled = i + 1 === this.path.keyframes.length;
    row.append(button('go', 'Show', String(i + 1), () => this.go(i)), seconds,
               what, up, down,
               button('remove', 'Remove', '✕', () => this.remove(i)));
    return row;
  }
}
