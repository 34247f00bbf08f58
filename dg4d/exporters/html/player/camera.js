'use strict';

const RADIANS = Math.PI / 180;

// A camera on a sphere around a target, upright. Azimuth 0 is in front (+z) and
// grows towards +x; negative elevation is above, as in the program.
class OrbitCamera {
  // `home` as PlayerScene::header has it: fov_y, azimuth, elevation, radius,
  // target.
  constructor(home) {
    this.setHome(home);
    this.reset();
  }

  setHome({fov_y, azimuth, elevation, radius, target}) {
    this.home = {fov: fov_y, azimuth, elevation, radius, target: [...target]};
  }

  // Back to where it began.
  reset() {
    Object.assign(this, this.home, {target: [...this.home.target]});
  }

  orbit(azimuth, elevation) {
    this.azimuth = (this.azimuth + azimuth + 540) % 360 - 180;
    this.elevation = Math.max(-89.9, Math.min(89.9, this.elevation + elevation));
  }

  zoom(factor) {
    const {radius} = this.home;
    this.radius =
        Math.max(0.15 * radius, Math.min(8 * radius, this.radius * factor));
  }

  // Moves the target so that it follows a pointer by pixels on a canvas whose
  // shorter side is `size`.
  pan(right, down, size) {
    const [x, y] = this.rows();
    const unit = 2 * this.radius * Math.tan(this.fov / 2) / size;
    for (let i = 0; i < 3; ++i) {
      this.target[i] -= unit * (right * x[i] + down * y[i]);
    }
  }

  // Stands at `position` and looks at `target`; upright, as always.
  look(position, target) {
    const [x, y, z] = position.map((p, i) => p - target[i]);
    this.target = [...target];
    this.radius = Math.max(1e-6, Math.hypot(x, y, z));
    this.azimuth = Math.atan2(x, z) / RADIANS;
    const height = Math.max(-1, Math.min(1, y / this.radius));
    this.elevation = Math.max(-89.9, Math.min(89.9,
                                              -Math.asin(height) / RADIANS));
  }

  // Where it stands.
  position() {
    const forward = this.rows()[2];
    return this.target.map((t, i) => t - this.radius * forward[i]);
  }

  // Axes of the view in the world: x right, y down, z forward.
  rows() {
    const a = this.azimuth * RADIANS, e = this.elevation * RADIANS;
    const back = [Math.cos(e) * Math.sin(a), -Math.sin(e),
                  Math.cos(e) * Math.cos(a)];
    const right = [Math.cos(a), 0, -Math.sin(a)];
    const down = [-(back[1] * right[2] - back[2] * right[1]),
                  -(back[2] * right[0] - back[0] * right[2]),
                  -(back[0] * right[1] - back[1] * right[0])];
    return [right, down, back.map((v) => -v)];
  }

  // Everything that shaders want to know for an image of `width` x `height`.
  // The field of view is that of the shorter side, so that what fits a square
  // fits every window.
  view(width, height, radius) {
    const rows = this.rows();
    const position = this.position();
    const translation =
        rows.map((r) => -(r[0] * position[0] + r[1] * position[1] +
                          r[2] * position[2]));
    const focal = Math.min(width, height) / (2 * Math.tan(this.fov / 2));
    const distance = Math.hypot(...position);
    return {
      rotation: new Float32Array([0, 1, 2].flatMap(
          (column) => rows.map((r) => r[column]))),  // column-major
      translation, position, focal, forward: rows[2], size: [width, height],
      depthRange: [Math.max(0, distance - radius), distance + radius],
    };
  }
}
