// three_meshes_test.js SAMPLES: three.js plays the .glb files as they were, and
// draws them as our renderer does.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');

const [samples] = process.argv.slice(2);
const expected = JSON.parse(
    fs.readFileSync(path.join(samples, 'expected.json'), 'utf8'));

// Positions of all corners at `seconds`, of what is to be seen.
function corners(page, file, seconds) {
  return page.evaluate(([file, seconds]) => corners(file, seconds),
                       [file, seconds]);
}

function expectNear(actual, wanted, tolerance, what) {
  assert.strictEqual(actual.length, wanted.length, what);
  const error = Math.max(...actual.map((x, i) => Math.abs(x - wanted[i])));
  assert(error <= tolerance, `${what}: off by ${error}`);
}

// Half a step of positions in 16 bits; floats lose less than 2e-6 of the
// samples, which are about 1 in size.
function toleranceOf(file) {
  const bytes = fs.readFileSync(path.join(samples, file));
  const gltf = JSON.parse(
      bytes.subarray(20, 20 + bytes.readUInt32LE(12)).toString());
  const quantized = (gltf.extensionsRequired || [])
      .includes('KHR_mesh_quantization');
  return 2e-6 + (quantized ? 0.5 / 32767 * gltf.nodes[0].scale[0] : 0);
}

async function testMorphing(page, name) {
  const {frames, fps} = expected.moving;
  const tolerance = toleranceOf(`${name}.glb`);
  for (let i = 0; i < frames.length; ++i) {
    expectNear(await corners(page, `${name}.glb`, i / fps), frames[i].corners,
               tolerance, `${name} frame ${i}`);
  }
  const between = frames[1].corners.map(
      (x, i) => (x + frames[2].corners[i]) / 2);
  expectNear(await corners(page, `${name}.glb`, 1.5 / fps), between, tolerance,
             `${name} between two frames`);
}

async function testTurns(page, name, scene) {
  const {frames, fps} = expected[scene];
  for (let i = 0; i < frames.length; ++i) {
    for (const part of [0.01, 0.5, 0.99]) {
      expectNear(await corners(page, `${name}.glb`, (i + part) / fps),
                 frames[i].corners, toleranceOf(`${name}.glb`),
                 `${name} frame ${i + part}`);
    }
  }
}

// Inside, both filter the texture trilinearly, but at the steps between mip
// levels by rules of their own; along the outline, each smooths edges in its own
// way, a pixel wide. The samples' outline is below 2 % of the picture.
const MEAN_TOLERANCE = 0.5;

async function testPictures(browser, page, name, scene) {
  const {frames, fps, world_from_camera, fov_y} = expected[scene];
  for (const i of [0, 1, frames.length - 1]) {
    const url = await page.evaluate(
        (view) => picture(view),
        {file: `${name}.glb`, seconds: (i + (scene === 'moving' ? 0 : 0.5)) / fps,
         world_from_camera, fov_y, size: 256});
    const drawn = Buffer.from(url.split(',')[1], 'base64');
    const ours = fs.readFileSync(path.join(samples, `${scene}_${i}.png`));
    if (process.env.SCREENSHOTS) {
      fs.writeFileSync(
          path.join(process.env.SCREENSHOTS, `three_${scene}_${i}.png`), drawn);
      fs.writeFileSync(
          path.join(process.env.SCREENSHOTS, `ours_${scene}_${i}.png`), ours);
    }
    const {mean} = await browser.difference(drawn, ours);
    console.log(`${name} frame ${i}: mean difference ${mean.toFixed(3)} of 255`);
    assert(mean < MEAN_TOLERANCE, `${name} frame ${i}: ${mean}`);
    // What tells nothing apart proves nothing.
    const other = fs.readFileSync(
        path.join(samples, `${scene}_${(i + 2) % frames.length}.png`));
    const wrong = await browser.difference(drawn, other);
    assert(wrong.mean > 2 * MEAN_TOLERANCE, `frames are alike: ${wrong.mean}`);
  }
}

async function main() {
  const browser = await Browser.start();
  const {page, complaints} = await browser.openModule(
      'three_meshes_page.js',
      {'three': '/three/build/three.module.js',
       'three/addons/': '/three/examples/jsm/'},
      {three: path.join(process.env.NODE_PATH, 'three'), samples});
  await page.waitForFunction(() => typeof corners === 'function');
  for (const name of ['moving', 'quantized']) await testMorphing(page, name);
  await testTurns(page, 'changing', 'changing');
  await testTurns(page, 'nodes', 'moving');
  await testTurns(page, 'quantized_nodes', 'changing');
  await testPictures(browser, page, 'unlit', 'moving');
  await testPictures(browser, page, 'unlit_changing', 'changing');
  assert.deepStrictEqual(complaints, []);
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
