'use strict';

// The way of a camera, as dg4d/scene/camera_path.h defines it:
// keyframes of {seconds, position, target, fov_y_degrees, frame or null}.
class CameraPath {
  constructor(keyframes = [], loop = false) {
    this.keyframes = keyframes;
    this.loop = loop;
  }

  // The path that a file's text holds. Throws what is wrong with it.
  static parse(text) {
    const file = JSON.parse(text);
    if (!file || file.camera_path !== 1 || !Array.isArray(file.keyframes)) {
      throw new Error('it is no camera path');
    }
    const isNumber = (value) => Number.isFinite(value) && Math.abs(value) <= 1e6;
    const isPoint = (value) => Array.isArray(value) && value.length === 3 &&
        value.every(isNumber);
    file.keyframes.forEach((key, i) => {
      const wrong = (what) => {
        throw new Error(`keyframe ${i + 1}: ${what}`);
      };
      if (!isNumber(key.seconds)) wrong('seconds is no number');
      if (i > 0 && !(key.seconds > file.keyframes[i - 1].seconds)) {
        wrong('seconds do not increase');
      }
      if (!isPoint(key.position) || !isPoint(key.target)) {
        wrong('position and target must be three numbers each');
      }
      if (key.position.every((p, axis) => p === key.target[axis])) {
        wrong('position and target are one point');
      }
      if (!(key.fov_y_degrees >= 1 && key.fov_y_degrees <= 170)) {
        wrong('fov_y_degrees is not from 1 to 170');
      }
      if (key.frame !== null && !(isNumber(key.frame) && key.frame >= 0)) {
        wrong('frame is neither a number nor null');
      }
    });
    return new CameraPath(
        file.keyframes.map(({seconds, position, target, fov_y_degrees, frame}) =>
            ({seconds, position, target, fov_y_degrees, frame})),
        Boolean(file.loop));
  }

  object() {
    return {camera_path: 1, loop: this.loop, keyframes: this.keyframes};
  }

  text() { return `${JSON.stringify(this.object(), null, 1)}\n`; }

  isWhole() { return this.keyframes.length >= 2; }

  // From the first keyframe to the last, or back to the first if it loops.
  duration() {
    const {keyframes} = this;
    if (!this.isWhole()) return 0;
    const span = keyframes[keyframes.length - 1].seconds - keyframes[0].seconds;
    return this.loop ? span * keyframes.length / (keyframes.length - 1) : span;
  }

  // {position, target, fov_y_degrees, frame or null} so many seconds after the
  // first keyframe.
  at(seconds) {
    const {keyframes, loop} = this, count = keyframes.length;
    const time = keyframes[0].seconds +
        Math.max(0, Math.min(this.duration(), seconds));
    let i = keyframes.findIndex((key) => key.seconds > time) - 1;
    if (i < 0) i = loop ? count - 1 : count - 2;
    const from = keyframes[i], to = keyframes[(i + 1) % count];
    const end = i + 1 < count ? to.seconds
                              : keyframes[0].seconds + this.duration();
    const t = Math.max(0, Math.min(1, (time - from.seconds) /
                                          (end - from.seconds)));
    const point = (name) => {
      const at = (k) => keyframes[(k + count) % count][name];
      const b = at(i), c = at(i + 1);
      const a = loop || i > 0 ? at(i - 1) : mixPoints(b, c, -1);
      const d = loop || i + 2 < count ? at(i + 2) : mixPoints(c, b, -1);
      return splinePoint(a, b, c, d, t);
    };
    const mix = (a, b) => a + (b - a) * t;
    return {position: point('position'), target: point('target'),
            fov_y_degrees: mix(from.fov_y_degrees, to.fov_y_degrees),
            frame: from.frame === null || to.frame === null
                ? null : mix(from.frame, to.frame)};
  }
}

function mixPoints(a, b, t) { return a.map((x, i) => x + (b[i] - x) * t); }

function distanceOf(a, b) { return Math.hypot(...a.map((x, i) => x - b[i])); }

// The point at `t` in [0, 1] from b to c of the centripetal Catmull-Rom spline
// through a, b, c and d, by the pyramid of Barry and Goldman (1988).
function splinePoint(a, b, c, d, t) {
  const middle = Math.sqrt(distanceOf(b, c));
  if (middle === 0) return [...b];
  if (distanceOf(a, b) === 0) a = mixPoints(b, c, -1);
  if (distanceOf(d, c) === 0) d = mixPoints(c, b, -1);
  const before = -Math.sqrt(distanceOf(a, b));
  const after = middle + Math.sqrt(distanceOf(c, d));
  const x = t * middle;  // b is at 0, c at `middle`
  const ab = mixPoints(a, b, (x - before) / -before);
  const bc = mixPoints(b, c, t);
  const cd = mixPoints(c, d, (x - middle) / (after - middle));
  return mixPoints(mixPoints(ab, bc, (x - before) / (middle - before)),
                   mixPoints(bc, cd, x / after), t);
}
