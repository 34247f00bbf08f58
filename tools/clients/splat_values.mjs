// What programs may make of our Gaussians: their numbers in other axes, and how
// far off each format lets them be.

import assert from 'node:assert';
import fs from 'node:fs';

export const SH_C0 = 0.28209479177387814;

// The coordinates that change their sign under half a turn about an axis.
export const HALF_TURNS = {x: 'yz', y: 'xz', z: 'xy', none: ''};

// The coordinates that each harmonic is odd in, as real harmonics are listed:
// by degree, then order.
const ODD_IN = ['', 'y', 'z', 'x', 'xy', 'yz', '', 'xz', '', 'y', 'xyz', 'y',
                'z', 'x', 'z', 'x'];

const QUATERNION_PRODUCT = {
  x: ([w, x, y, z]) => [-x, w, -z, y],
  y: ([w, x, y, z]) => [-y, z, w, -x],
  z: ([w, x, y, z]) => [-z, -y, x, w],
  none: (q) => q,
};

// What splat_samples wrote, as a list of frames; each is a list of Gaussians.
export function readSamples(path) {
  return JSON.parse(fs.readFileSync(path, 'utf8')).map((frame) => {
    const coefficients = (frame.sh_degree + 1) ** 2;
    const gaussians = [];
    for (let i = 0; i < frame.count; ++i) {
      const rows = (values, size) => values.slice(size * i, size * (i + 1));
      const sh = rows(frame.sh, 3 * coefficients);
      gaussians.push({
        mean: rows(frame.means, 3),
        quaternion: unit(rows(frame.quaternions, 4)),
        logScale: rows(frame.log_scales, 3),
        opacity: frame.opacities[i],
        sh: Array.from({length: coefficients},
                       (_, k) => sh.slice(3 * k, 3 * k + 3)),
      });
    }
    return gaussians;
  });
}

export function unit(q) {
  const length = Math.hypot(...q);
  return q.map((component) => component / length);
}

// `gaussian` after half a turn about `axis` (or 'none').
export function turned(gaussian, axis) {
  const flipped = HALF_TURNS[axis];
  const sign = (odd) =>
      [...odd].filter((c) => flipped.includes(c)).length % 2 ? -1 : 1;
  return {
    ...gaussian,
    mean: gaussian.mean.map((value, c) => value * sign('xyz'[c])),
    quaternion: QUATERNION_PRODUCT[axis](gaussian.quaternion),
    sh: gaussian.sh.map((rgb, k) => rgb.map((value) => value * sign(ODD_IN[k]))),
  };
}

const ROUNDING = 2e-6;  // of a few operations on floats

// How far a number may be off. SPZ rounds to the nearest of its steps; its
// harmonics are rounded to 1/128 first and then to steps of 8 or 16 of these.
// Of a quaternion the three smallest components are off by h, and the largest,
// at least 1/2, which makes up for them, by 3 h sqrt(1/2) / (1/2).
const H = 0.5 * Math.SQRT1_2 / 511;
export const TOLERANCES = {
  float: {
    mean: ROUNDING, quaternion: ROUNDING, logScale: ROUNDING,
    opacity: ROUNDING,
    sh: () => ROUNDING,
  },
  spz: {
    mean: 0.5 / 4096 + ROUNDING,
    quaternion: 3 * Math.SQRT2 * H + ROUNDING,
    logScale: 0.5 / 16 + ROUNDING,
    opacity: 0.5 / 255 + ROUNDING,
    sh: (k) => (k === 0 ? 0.5 / (0.15 * 255) :
                k < 4 ? (8 / 2 + 0.5) / 128 : (16 / 2 + 0.5) / 128) + ROUNDING,
  },
};

function expectNear(actual, wanted, tolerance, what) {
  assert.strictEqual(actual.length, wanted.length, what);
  for (let i = 0; i < wanted.length; ++i) {
    assert(Math.abs(actual[i] - wanted[i]) <= tolerance,
           `${what}[${i}]: ${actual[i]}, not ${wanted[i]} +- ${tolerance}`);
  }
}

// Of the quaternions that turn a Gaussian as `q` does the one nearest `wanted`:
// half a turn about one of its own axes leaves it as it is, and q and -q are the
// same rotation.
function nearestAlike([w, x, y, z], wanted) {
  const dot = (q) => q.reduce((sum, c, i) => sum + c * wanted[i], 0);
  const alike = [[w, x, y, z], [-x, w, z, -y], [-y, -z, w, x], [-z, y, -x, w]];
  const best = alike.reduce(
      (a, b) => (Math.abs(dot(b)) > Math.abs(dot(a)) ? b : a));
  return best.map((c) => c * Math.sign(dot(best)));
}

// Fails unless `actual` are `wanted` within what `format` allows.
export function expectGaussians(actual, wanted, format, what) {
  const tolerance = TOLERANCES[format];
  assert.strictEqual(actual.length, wanted.length, what);
  wanted.forEach((gaussian, i) => {
    const found = actual[i];
    const name = `${what}: Gaussian ${i}: `;
    expectNear(found.mean, gaussian.mean, tolerance.mean, `${name}mean`);
    expectNear(found.logScale, gaussian.logScale, tolerance.logScale,
               `${name}logScale`);
    expectNear([found.opacity], [gaussian.opacity], tolerance.opacity,
               `${name}opacity`);
    expectNear(nearestAlike(found.quaternion, gaussian.quaternion),
               gaussian.quaternion, tolerance.quaternion, `${name}quaternion`);
    assert.strictEqual(found.sh.length, gaussian.sh.length, `${name}sh`);
    gaussian.sh.forEach((rgb, k) => {
      expectNear(found.sh[k], rgb, tolerance.sh(k), `${name}sh[${k}]`);
    });
  });
}
