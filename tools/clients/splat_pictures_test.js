// splat_pictures_test.js PROGRAM PICTURE FOLDER: Spark, a renderer of Gaussians
// by others, draws our .ply and .spz (version 3) files in Chromium as we draw the
// Gaussians.

const assert = require('assert');
const {spawnSync} = require('child_process');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');

const [program, picture, folder] = process.argv.slice(2);
const SIZE = 256;
const VIEWS = [{azimuth: 0, elevation: 0}, {azimuth: 125, elevation: -25}];

// In dB. Among what differs: Spark keeps what a file says in fewer bits (scales in
// 8, as .spz does), cuts Gaussians off at 2.8 standard deviations, where we go on
// to 1/255, and adds up in the 8 bits of the page's canvas. Each is worth about a
// step of 255, and edges show it most: 35.4 dB are measured from the front, 38.2
// from behind. The same object from elsewhere is far below.
const LEAST = 34;
const MOST_OF_OTHERS = 20;

function dg4d(...words) {
  const {status, stderr} =
      spawnSync(program, words, {cwd: folder, encoding: 'utf8'});
  assert.strictEqual(status, 0, `dg4d ${words.join(' ')}: ${stderr}`);
}

// What docs/conventions.md says of angles, 2 from the middle.
function worldFromCamera({azimuth, elevation}) {
  const [a, e] = [azimuth, elevation].map((angle) => angle * Math.PI / 180);
  const back = [Math.sin(a) * Math.cos(e), -Math.sin(e),
                Math.cos(a) * Math.cos(e)];
  const right = [Math.cos(a), 0, -Math.sin(a)];
  const up = [0, 1, 2].map((i) => back[(i + 1) % 3] * right[(i + 2) % 3] -
                                  back[(i + 2) % 3] * right[(i + 1) % 3]);
  return [0, 1, 2].flatMap((i) => [right[i], up[i], back[i], 2 * back[i]])
      .concat([0, 0, 0, 1]);
}

async function drawn(page, file, view) {
  const url = await page.evaluate((asked) => picture(asked), {
    file: `/files/${file}`, turned: file.endsWith('.ply'), size: SIZE,
    world_from_camera: worldFromCamera(view), fov_y: 49.1 * Math.PI / 180});
  const bytes = Buffer.from(url.split(',')[1], 'base64');
  if (process.env.SCREENSHOTS) {
    fs.writeFileSync(path.join(process.env.SCREENSHOTS,
                               `spark_${file}_${view.azimuth}.png`), bytes);
  }
  return bytes;
}

async function main() {
  // The surface that `inflation` finds, hardly fitted yet.
  dg4d('run', `--image=${picture}`, '--output=run', '--quiet', '--threads=1',
       '--until=static_gaussians', 'stages.preprocess.size=256',
       'stages.procedural_video.frames=2',
       'stages.static_gaussians.iterations=1');
  const ours = VIEWS.map(({azimuth, elevation}, i) => {
    dg4d('render', 'run', `--to=${i}.png`, `--size=${SIZE}`,
         `--azimuth=${azimuth}`, `--elevation=${elevation}`);
    return fs.readFileSync(path.join(folder, `${i}.png`));
  });
  for (const format of ['ply', 'spz']) {
    dg4d('export', 'run', `--exporter=${format}`, `--to=cat.${format}`);
  }

  const browser = await Browser.start();
  const modules = process.env.NODE_PATH;
  const {page, complaints} = await browser.openModule(
      'splat_pictures_page.js',
      {'three': '/modules/three/build/three.module.js',
       'three/addons/': '/modules/three/examples/jsm/',
       '@sparkjsdev/spark': '/modules/@sparkjsdev/spark/dist/spark.module.js'},
      {modules, files: folder});
  page.setDefaultTimeout(300000);
  await page.waitForFunction(() => typeof picture === 'function');
  for (const [file, view] of [['cat.ply', 0], ['cat.ply', 1], ['cat.spz', 1]]) {
    const theirs = await drawn(page, file, VIEWS[view]);
    const {psnr, mean} = await browser.difference(theirs, ours[view]);
    console.log(`${file} from ${VIEWS[view].azimuth}°: ${psnr.toFixed(1)} dB, ` +
        `mean difference ${mean.toFixed(2)} of 255`);
    assert(psnr >= LEAST, `${file}: ${psnr} dB`);
    // What tells nothing apart proves nothing.
    const other = await browser.difference(theirs, ours[1 - view]);
    console.log(`  our other view is ${other.psnr.toFixed(1)} dB away`);
    assert(other.psnr < MOST_OF_OTHERS, `views are alike: ${other.psnr} dB`);
  }
  assert.deepStrictEqual(complaints, []);
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
