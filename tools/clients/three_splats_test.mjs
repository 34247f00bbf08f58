// three_splats_test.mjs FOLDER: three.js's loaders of splats find the Gaussians
// that splat_samples wrote into FOLDER in each format, and the frames of a
// sequence are shown in turn.

import assert from 'node:assert';
import fs from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {SH_C0, TOLERANCES, readSamples, turned} from './splat_values.mjs';

globalThis.self = globalThis;  // its glTF loader expects a browser
const three = path.join(process.env.NODE_PATH, 'three');
const load = (file) => import(pathToFileURL(path.join(three, file)));
const {AnimationMixer} = await load('build/three.module.js');
const {SPZLoader} = await load('examples/jsm/loaders/SPZLoader.js');
const {GaussianSplatPLYLoader} =
    await load('examples/jsm/loaders/GaussianSplatPLYLoader.js');
const {GLTFLoader} = await load('examples/jsm/loaders/GLTFLoader.js');
const {GLTFGaussianSplatLoaderExtension} =
    await load('examples/jsm/loaders/GLTFGaussianSplatLoaderExtension.js');

const [folder] = process.argv.slice(2);

function read(name) {
  const bytes = fs.readFileSync(path.join(folder, name));
  return bytes.buffer.slice(bytes.byteOffset,
                            bytes.byteOffset + bytes.byteLength);
}

async function readGlb(name) {
  const loader = new GLTFLoader();
  loader.register((parser) => new GLTFGaussianSplatLoaderExtension(parser));
  return loader.parseAsync(read(name), '');
}

function covarianceOf({quaternion: [w, x, y, z], logScale}) {
  const rotation = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]];
  const variance = logScale.map((value) => Math.exp(2 * value));
  const entry = (r, c) => variance.reduce(
      (sum, v, k) => sum + rotation[r][k] * v * rotation[c][k], 0);
  return [entry(0, 0), entry(0, 1), entry(0, 2), entry(1, 1), entry(1, 2),
          entry(2, 2)];
}

function expectNear(actual, wanted, tolerance, what) {
  assert(Math.abs(actual - wanted) <= tolerance,
         `${what}: ${actual}, not ${wanted} +- ${tolerance}`);
}

// three.js keeps covariances, and bytes of colours and harmonics: half a byte's
// step comes on top of what the format loses.
function expectGeometry(geometry, wanted, format, what) {
  const tolerance = TOLERANCES[format];
  const {position, covariance, color} = geometry.attributes;
  assert.strictEqual(position.count, wanted.length, what);
  // Variances are off by twice the logarithm of scales; a rotation is off by an
  // angle of twice the distance of the quaternions, which turns the covariance
  // by at most twice the angle, and of four components three are off by h, one
  // by the tolerance.
  const stretch = Math.expm1(2 * tolerance.logScale);
  const angle = 2 * 2 * tolerance.quaternion;
  const bands = [1, 2, 3].map((degree) => {
    const attribute = geometry.getAttribute(`sphericalHarmonics${degree}`);
    return attribute && {bytes: new Uint8Array(attribute.array.buffer),
                         stride: attribute.itemSize * 4};
  });
  wanted.forEach((gaussian, i) => {
    const name = `${what}: Gaussian ${i}: `;
    for (let c = 0; c < 3; ++c) {
      expectNear(position.array[3 * i + c], gaussian.mean[c], tolerance.mean,
                 `${name}position`);
      const byte = 255 * (0.5 + SH_C0 * gaussian.sh[0][c]);
      expectNear(color.array[4 * i + c], Math.min(255, Math.max(0, byte)),
                 255 * SH_C0 * tolerance.sh(0) + 0.5 + 1e-3, `${name}colour`);
    }
    expectNear(color.array[4 * i + 3], 255 * gaussian.opacity,
               Math.max(0.5, 255 * tolerance.opacity) + 1e-3, `${name}opacity`);
    const largest = Math.exp(2 * Math.max(...gaussian.logScale));
    covarianceOf(gaussian).forEach((value, j) => {
      expectNear(covariance.array[6 * i + j], value,
                 largest * (stretch + (1 + stretch) * 2 * angle + 1e-5),
                 `${name}covariance`);
    });
    gaussian.sh.forEach((rgb, k) => {
      if (k === 0) return;
      const degree = Math.floor(Math.sqrt(k));
      const {bytes, stride} = bands[degree - 1];
      rgb.forEach((value, c) => {
        expectNear(bytes[i * stride + 3 * (k - degree * degree) + c],
                   128 + 128 * value, 128 * tolerance.sh(k) + 0.5,
                   `${name}sh[${k}]`);
      });
    });
  });
  assert.strictEqual(bands.filter(Boolean).length,
                     Math.sqrt(wanted[0].sh.length) - 1, `${what}: degree`);
}

for (let degree = 0; degree <= 3; ++degree) {
  const name = `degree${degree}`;
  const [ours] = readSamples(path.join(folder, `${name}.json`));
  const halfTurned = ours.map((gaussian) => turned(gaussian, 'z'));
  const plyLoader = new GaussianSplatPLYLoader();
  // Its axes are ours, and it leaves a PLY file as it is.
  expectGeometry(plyLoader.parse(read(`${name}.ply`)), halfTurned, 'float',
                 'PLY');
  expectGeometry(plyLoader.parse(read(`${name}.up.ply`)), ours, 'float',
                 'PLY, up=+y');
  for (const version of [3, 4]) {
    const geometry = await new SPZLoader().parse(read(`${name}.v${version}.spz`));
    expectGeometry(geometry, ours, 'spz', `SPZ ${version}`);
    assert.throws(() => expectGeometry(geometry, halfTurned, 'spz', 'turned'));
  }
  const {scene} = await readGlb(`${name}.glb`);
  const splats = [];
  scene.traverse((object) => {
    if (object.splatGeometry) splats.push(object);
  });
  assert.strictEqual(splats.length, 1);
  expectGeometry(splats[0].splatGeometry, ours, 'float', 'GLB');
  console.log(`${name}: PLY, SPZ 3 and 4, GLB agree`);
}

// One node is seen at a time, in order, and the last as long as the others.
const frames = readSamples(path.join(folder, 'moving.json'));
const {scene, animations: [clip]} = await readGlb('moving.glb');
const fps = 8;
assert(Math.abs(clip.duration - frames.length / fps) < 1e-6, `${clip.duration}`);
const mixer = new AnimationMixer(scene);
mixer.clipAction(clip).play();
for (let i = 0; i < frames.length; ++i) {
  mixer.setTime((i + 0.5) / fps);
  const seen = [];
  scene.traverse((object) => {
    if (object.splatGeometry && object.scale.x > 0) seen.push(object);
  });
  assert.strictEqual(seen.length, 1, `${seen.length} frames at once`);
  expectGeometry(seen[0].splatGeometry, frames[i], 'float', `frame ${i}`);
}
console.log('the sequence is shown in turn');
