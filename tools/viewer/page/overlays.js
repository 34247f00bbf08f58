'use strict';

// What lies over the scene: the driving frame beside a divider, the input
// picture, and cameras.
class Overlays {
  constructor(scene, {changed}) {
    Object.assign(this, {scene, changed});
    const by = (id) => document.getElementById(id);
    this.canvas = by('overlay');
    this.driving = by('driving');
    this.split = by('split');
    this.divider = by('divider');
    this.inset = by('input_inset');
    this.picture = by('input_picture');
    this.toggles = {split: by('show_split'), input: by('show_input'),
                    cameras: by('show_cameras')};
    this.frames = [];  // images of the driving video
    this.cameras = {reference: null, views: []};
    this.path = null;  // a CameraPath
    this.at = 50;      // of the divider, percent
    for (const toggle of Object.values(this.toggles)) {
      toggle.addEventListener('change', () => {
        this.show();
        changed();
      });
    }
    this.followDivider();
    this.show();
  }

  // ---- What the program tells ----

  setImage({name, index, frames, url}) {
    if (name === 'input') {
      this.picture.src = withToken(url);
      this.toggles.input.disabled = false;
    } else if (name === 'frame') {
      this.frames.length = frames;
      const image = new Image();
      image.onload = () => this.scene.wake();
      image.src = withToken(url);
      this.frames[index] = image;
      this.toggles.split.disabled = false;
    }
    this.show();
  }

  setCameras({reference, views}) {
    this.cameras = {reference: reference || null, views: views || []};
    if (this.shows('cameras')) this.scene.wake();
  }

  // Turns an overlay on or off, if there is one.
  toggle(name) {
    const toggle = this.toggles[name];
    if (toggle.disabled) return;
    toggle.checked = !toggle.checked;
    this.show();
    this.changed();
  }

  shows(name) {
    const toggle = this.toggles[name];
    return toggle.checked && !toggle.disabled;
  }

  show() {
    const split = this.shows('split');
    // The frame is what the camera of the picture sees.
    if (split && this.split.hidden) this.scene.camera.reset();
    this.split.hidden = !split;
    this.inset.hidden = !this.shows('input');
    this.scene.wake();
  }

  // ---- The divider ----

  followDivider() {
    const {divider, split} = this;
    const follow = (event) => {
      const box = split.getBoundingClientRect();
      this.divide((event.clientX - box.left) / box.width * 100);
    };
    divider.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      divider.focus();
      divider.setPointerCapture(event.pointerId);
    });
    divider.addEventListener('pointermove', (event) => {
      if (divider.hasPointerCapture(event.pointerId)) follow(event);
    });
    divider.addEventListener('keydown', (event) => {
      const to = {ArrowLeft: this.at - 2, ArrowRight: this.at + 2, Home: 0,
                  ArrowDown: this.at - 2, ArrowUp: this.at + 2,
                  PageDown: this.at - 10, PageUp: this.at + 10,
                  End: 100}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.divide(to);
    });
    this.divide(this.at);
  }

  divide(percent) {
    this.at = Math.max(0, Math.min(100, percent));
    this.split.style.setProperty('--at', `${this.at}%`);
    this.divider.setAttribute('aria-valuenow', Math.round(this.at));
  }

  // Number of the driving frame at the present time: the scene may have more
  // frames than the video.
  frameNumber() {
    const {frames} = this, {scene} = this;
    if (!frames.length) return -1;
    const time = scene.state.time / scene.frames() * frames.length;
    return Math.floor(time + 0.5) % frames.length;
  }

  drawFrame([width, height]) {
    const number = this.frameNumber();
    const image = this.frames[number];
    const {driving, scene: {state}} = this;
    const key = [number, image?.complete, width, height, state.background].join();
    if (key === this.drawnFrame) return;
    this.drawnFrame = key;
    driving.width = width;
    driving.height = height;
    driving.dataset.frame = number;
    const context = driving.getContext('2d');
    context.fillStyle = state.background;
    context.fillRect(0, 0, width, height);
    if (!image?.complete || !image.naturalWidth) return;
    // Where the camera of the picture sees it: what fits the shorter side.
    const scale = Math.min(width, height) /
        Math.max(image.naturalWidth, image.naturalHeight);
    const w = image.naturalWidth * scale, h = image.naturalHeight * scale;
    context.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
  }

  // ---- Cameras ----

  // Draws over the picture that `view` (OrbitCamera.view) has made.
  draw(view) {
    if (this.shows('split')) this.drawFrame(view.size);
    const {canvas} = this, [width, height] = view.size;
    const visible = this.shows('cameras');
    if (!visible && this.empty) return;
    canvas.width = width;  // clears it
    canvas.height = height;
    this.empty = !visible;
    if (!visible) return;
    const context = canvas.getContext('2d');
    const lines = new WorldLines(context, this.scene.camera.rows(), view);
    const style = getComputedStyle(document.body);
    const colour = (name) => style.getPropertyValue(name).trim();
    const ratio = width / this.scene.canvas.clientWidth;
    const size = 0.12 * this.scene.camera.home.radius;
    context.lineWidth = 1.25 * ratio;
    context.lineJoin = 'round';
    for (const camera of this.cameras.views) {
      lines.frustum(frustumOf(camera), size, colour('--view-camera'));
    }
    if (this.cameras.reference) {
      context.lineWidth = 2 * ratio;
      lines.frustum(frustumOf(this.cameras.reference), 1.6 * size,
                    colour('--accent'));
    }
    if (this.path) this.drawPath(lines, size, colour('--path'), ratio);
  }

  drawPath(lines, size, colour, ratio) {
    const {path} = this;
    lines.context.lineWidth = 2 * ratio;
    if (path.isWhole()) {
      const duration = path.duration(), points = [];
      for (let i = 0; i <= 100; ++i) {
        points.push(path.at(duration * i / 100).position);
      }
      lines.polyline(points, colour);
    }
    lines.context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    path.keyframes.forEach((key, i) => {
      const camera = new OrbitCamera({fov_y: key.fov_y_degrees * RADIANS,
                                      azimuth: 0, elevation: 0, radius: 1,
                                      target: [0, 0, 0]});
      camera.look(key.position, key.target);
      const [right, down, forward] = camera.rows();
      lines.frustum({position: key.position, right, down, forward, aspect: 1,
                     tangent: Math.tan(camera.home.fov / 2)}, size, colour);
      lines.label(key.position, String(i + 1), colour, 8 * ratio);
    });
  }
}

// Place and axes of a camera of the program, whose matrix is row-major and which
// looks along its own -z.
function frustumOf({world_from_camera: m, fov_y, width, height}) {
  const column = (c, sign) => [0, 4, 8].map((row) => sign * m[row + c]);
  return {position: column(3, 1), right: column(0, 1), down: column(1, -1),
          forward: column(2, -1), aspect: width / height,
          tangent: Math.tan(fov_y / 2)};
}

const NEAREST = 0.05;  // to the eye that lines come

// Lines of the world on a 2D canvas, cut off before they come behind the eye.
class WorldLines {
  constructor(context, rows, {translation, focal, size}) {
    Object.assign(this, {context, rows, translation, focal, size});
  }

  // A point of the world as the camera sees it: right, down, forward.
  seen(p) {
    return this.rows.map((r, i) => r[0] * p[0] + r[1] * p[1] + r[2] * p[2] +
        this.translation[i]);
  }

  // Where that is on the canvas.
  place([x, y, z]) {
    const {focal, size: [width, height]} = this;
    return [width / 2 + focal * x / z, height / 2 + focal * y / z];
  }

  label(point, text, colour, up) {
    const seen = this.seen(point);
    if (seen[2] < NEAREST) return;
    const [x, y] = this.place(seen);
    this.context.fillStyle = colour;
    this.context.textAlign = 'center';
    this.context.fillText(text, x, y - up);
  }

  polyline(points, colour) {
    const {context} = this, near = NEAREST;
    const seen = points.map((p) => this.seen(p));
    context.strokeStyle = colour;
    context.beginPath();
    for (let i = 1; i < seen.length; ++i) {
      let [a, b] = [seen[i - 1], seen[i]];
      if (a[2] < near && b[2] < near) continue;
      const cut = (near - a[2]) / (b[2] - a[2]);
      if (a[2] < near) a = mixPoints(a, b, cut);
      else if (b[2] < near) b = mixPoints(a, b, cut);
      context.moveTo(...this.place(a));
      context.lineTo(...this.place(b));
    }
    context.stroke();
  }

  // A pyramid of depth `size`, with a mark on its upper side.
  frustum({position, right, down, forward, aspect, tangent}, size, colour) {
    const at = (x, y) => position.map((p, i) => p + size *
        (forward[i] + tangent * (x * aspect * right[i] + y * down[i])));
    const corners = [at(-1, -1), at(1, -1), at(1, 1), at(-1, 1)];
    this.polyline([...corners, corners[0]], colour);
    for (const corner of corners) this.polyline([position, corner], colour);
    this.polyline([at(-0.4, -1.1), at(0, -1.6), at(0.4, -1.1),
                   at(-0.4, -1.1)], colour);
  }
}
