// Chromium watches a run of ours, and looks at one that is done:
//   node viewer_test.js PROGRAM PICTURE FOLDER [TEST...]
// FOLDER is for what the runs write.

const assert = require('assert');
const {spawnSync} = require('child_process');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');
const {
  SIZES: WINDOWS, isPhone, choosesWhatToShow, movesTheCamera, obeysFingers, keepsTime,
  overflowing, expectAccessible, reachedByTab,
} = require('./scene_controls.js');
const {Served} = require('./served.js');

const [program, picture, folder] = process.argv.slice(2);
const FRAMES = 5;
// Without a graphics card Chromium paints slowly: a sixteenth of the pixels do.
const SIZES = WINDOWS.map((options) => ({...options, deviceScaleFactor: 0.25}));
const PATIENCE = {timeout: 120000};

// ---- The program ------------------------------------------------------------

// Few Gaussians, for the same reason.
const smoke = (output) => [
  'run', `--image=${picture}`, `--output=${output}`, '--config=smoke',
  '--overwrite', '--quiet', '--threads=1',
  `stages.procedural_video.frames=${FRAMES}`,
  'stages.static_gaussians.guidances=[{plugin: inflation, options: ' +
      '{surface: {size: 32, texture_size: 64}}}]'];

// A run that is not done before we are, and shows Gaussians that move.
function longRun(name) {
  return Served.start(program, [
    ...smoke(path.join(folder, name)), '--view', '--port=0',
    'stages.dynamic_gaussians.iterations=100000']);
}

// ---- What tests look at -----------------------------------------------------

const text = ({page}, id) => page.textContent(`#${id}`);

function until({page}, condition, argument) {
  return page.waitForFunction(condition, argument, PATIENCE);
}

function untilText({page}, id, wanted) {
  return page.waitForFunction(
      ([id, wanted]) => document.getElementById(id).textContent.includes(wanted),
      [id, wanted], PATIENCE);
}

function untilMoving(player) {
  return until(player, (frames) => dg4dScene.scene?.header.frames === frames,
               FRAMES);
}

async function stand({page}) {
  await page.evaluate(() => {
    dg4dScene.setPlaying(false);
    dg4dScene.hooks.changed();
  });
}

async function panel({page}, options, name) {
  if (isPhone(options)) await page.click(`#tabs [data-panel="${name}"]`);
}

const told = ({page}) => page.evaluate(() => dg4dScene.header.told.step);

// From now on `fewest` in the page is the smallest number of pixels that differ
// from the background in any picture.
function countPaintedPixels({page}) {
  return page.evaluate(() => {
    const {gl, canvas, state, hooks} = dg4dScene;
    const {drawn} = hooks;
    window.fewest = Infinity;
    hooks.drawn = (view) => {
      drawn(view);
      const {width, height} = canvas;
      const pixels = new Uint8Array(4 * width * height);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      const background = [1, 3, 5].map(
          (i) => parseInt(state.background.slice(i, i + 2), 16));
      let count = 0;
      for (let i = 0; i < pixels.length; i += 4) {
        count += background.some(
            (value, c) => Math.abs(value - pixels[i + c]) > 2);
      }
      window.fewest = Math.min(window.fewest, count);
    };
  });
}

// ---- A run ------------------------------------------------------------------

// New scenes take the old one's place: no picture is empty, and the camera, the
// time and whether it plays are left alone.
async function streamsWithoutAFlash(player) {
  const {page} = player;
  await untilMoving(player);
  await countPaintedPixels(player);
  await page.focus('#canvas');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowUp');
  const camera = await player.camera();
  assert((await player.state()).playing);
  for (let scenes = 0; scenes < 2; ++scenes) {
    const before = await told(player);
    await until(player, (step) => dg4dScene.header.told.step > step, before);
  }
  assert(await page.evaluate(() => window.fewest) > 200, 'a picture is empty');
  assert.deepStrictEqual(await player.camera(), camera);
  assert((await player.state()).playing);
  // It keeps a time that stands, too.
  await stand(player);
  await page.locator('#time').fill('2.5');
  const before = await told(player);
  await until(player, (step) => dg4dScene.header.told.step > step, before);
  assert.strictEqual((await player.state()).time, 2.5);
  await page.focus('#canvas');
  await page.keyboard.press('r');
}

async function tellsHowFarItIs(player) {
  const {page} = player;
  assert.strictEqual(await text(player, 'stage_name'), 'dynamic_gaussians');
  assert.match(await text(player, 'stage_steps'), /^\d+ \/ 100000$/);
  await untilText(player, 'eta', 'left');
  assert.match(await page.title(), /^\d+ % dynamic_gaussians · /);
  assert.strictEqual(
      await page.getAttribute('#stages [aria-current]', 'data-stage'),
      'dynamic_gaussians');
  assert.strictEqual(await page.locator('#stages .done').count(), 3);
  await page.click('#config summary');
  assert.match(await text(player, 'config_text'), /iterations: 100000/);
  await page.click('#config summary');
}

async function drawsCurves(player) {
  const {page} = player;
  const chart = page.locator('.chart').first();
  assert.match(await chart.locator('strong').textContent(), /^loss/);
  const line = () => chart.locator('.smooth').getAttribute('d');
  const before = await line();
  await until(player, (before) => document.querySelector('.smooth')
      ?.getAttribute('d') !== before, before);
  const reading = chart.locator('output');
  await chart.locator('svg').scrollIntoViewIfNeeded();
  const box = await chart.locator('svg').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 30);
  await page.waitForFunction(() => document.querySelector('.chart output')
      ?.textContent.includes(' at '));
  const middle = Number((await reading.textContent()).split(' at ')[1]);
  await page.mouse.move(box.x + box.width / 4, box.y + 30);
  await page.waitForFunction((middle) => Number(document.querySelector(
      '.chart output')?.textContent.split(' at ')[1]) < middle, middle);
  await page.mouse.move(10, 120);
  await chart.locator('svg').focus();
  await page.keyboard.press('Home');
  assert.match(await reading.textContent(), / at 1$/);
  await page.keyboard.press('ArrowRight');
  // The next step; of long histories the program tells a part.
  assert(Number((await reading.textContent()).split(' at ')[1]) > 1);
  // Curves of a stage that is done, with the number of Gaussians.
  await page.selectOption('#curve_stage', 'static_gaussians');
  await page.locator('.chart strong', {hasText: 'gaussians'}).waitFor();
  await page.selectOption('#curve_stage', 'dynamic_gaussians');
}

async function pauses(player) {
  await player.page.click('#pause');
  await untilText(player, 'state_text', 'Paused');
  assert.strictEqual(await text(player, 'pause'), 'Resume');
  await player.page.waitForTimeout(300);
  const steps = await text(player, 'stage_steps');
  await player.page.waitForTimeout(1500);
  assert.strictEqual(await text(player, 'stage_steps'), steps);
}

async function resumes(player) {
  const steps = await text(player, 'stage_steps');
  await player.page.click('#pause');
  await untilText(player, 'state_text', 'Running');
  await until(player, (steps) => document.getElementById('stage_steps')
      .textContent !== steps, steps);
}

async function splits(player) {
  const {page} = player;
  await page.waitForFunction(
      () => !document.getElementById('show_split').disabled, null, PATIENCE);
  await stand(player);
  await page.getByLabel('Split with the driving frame').check();
  const frame = () => page.getAttribute('#driving', 'data-frame');
  for (const time of ['0', '3']) {
    await page.locator('#time').fill(time);
    await player.settle();
    assert.strictEqual(await frame(), time);
  }
  const divider = page.locator('#divider');
  const at = async () => Number(await divider.getAttribute('aria-valuenow'));
  const box = await page.locator('#split').boundingBox();
  const y = box.y + box.height / 3;
  await page.mouse.move(box.x + box.width / 2, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 4, y, {steps: 3});
  await page.mouse.up();
  assert.strictEqual(await at(), 25);
  await page.keyboard.press('ArrowRight');
  assert.strictEqual(await at(), 27);
  await page.keyboard.press('Home');
  assert.strictEqual(await at(), 0);
  await page.keyboard.press('End');
  // The frame then covers the whole picture.
  const shown = await page.locator('#driving').evaluate((canvas) => {
    const {data} = canvas.getContext('2d').getImageData(
        canvas.width / 2, canvas.height / 2, 1, 1);
    return [...data.slice(0, 3)];
  });
  assert.notDeepStrictEqual(shown, [255, 255, 255]);
  await player.keep(`split_${page.viewportSize().width}.png`);
  await page.getByLabel('Split with the driving frame').uncheck();
  assert(!(await page.isVisible('#driving')));
}

async function laysPicturesAndCamerasOver(player) {
  const {page} = player;
  await page.getByLabel('Input picture').check();
  assert(await page.locator('#input_picture').evaluate(
      (image) => image.decode().then(() => image.naturalWidth > 0)));
  assert(await page.isVisible('#input_inset'));
  await page.getByLabel('Input picture').uncheck();
  assert(!(await page.isVisible('#input_inset')));
  const lines = () => page.locator('#overlay').evaluate((canvas) => canvas
      .getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      .data.filter((value, i) => i % 4 === 3 && value > 0).length);
  await page.evaluate(() => {
    dg4dScene.camera.zoom(2.5);
    dg4dScene.camera.orbit(50, -20);
  });
  await page.getByLabel('Cameras').check();
  await player.settle();
  const {reference, views} =
      await page.evaluate(() => dg4dViewer.overlays.cameras);
  assert(reference && views.length > 0, 'a step tells no cameras');
  assert(await lines() > 50, 'no camera is drawn');
  await page.getByLabel('Cameras').uncheck();
  await player.settle();
  assert.strictEqual(await lines(), 0);
  await player.expectChange('field of view',
                            () => page.locator('#fov').fill('30'));
  assert.strictEqual(await text(player, 'fov_text'), '30°');
  await page.getByRole('button', {name: 'Reset'}).click();
  await untilText(player, 'fov_text', '49°');
}

// ---- Camera path and exports ------------------------------------------------

const keyframes = ({page}) => page.evaluate(
    () => JSON.parse(JSON.stringify(dg4dViewer.paths.path.keyframes)));

async function downloaded({page}, action) {
  const [download] =
      await Promise.all([page.waitForEvent('download'), action()]);
  return {name: download.suggestedFilename(),
          bytes: fs.readFileSync(await download.path())};
}

async function keepsACameraPath(player, output) {
  const {page} = player;
  const orbit = (azimuth) => page.evaluate((azimuth) => {
    dg4dScene.camera.orbit(azimuth, -5);
    dg4dScene.wake();
  }, azimuth);
  const add = page.getByRole('button', {name: 'Add view'});
  assert(await page.isDisabled('#preview_path'));
  await add.click();
  await orbit(60);
  await page.getByLabel('New views hold the frame shown').check();
  await page.locator('#time').fill('2');
  await add.click();
  await orbit(60);
  await page.locator('#time').fill('4');
  await page.focus('#canvas');
  await page.keyboard.press('k');
  let keys = await keyframes(player);
  assert.deepStrictEqual(keys.map(({seconds, frame}) => [seconds, frame]),
                         [[0, null], [2, 2], [4, 4]]);

  await page.getByRole('button', {name: 'Later: view 1'}).click();
  assert.deepStrictEqual(
      (await keyframes(player)).map(({seconds, frame}) => [seconds, frame]),
      [[0, 2], [2, null], [4, 4]]);
  await page.getByRole('button', {name: 'Earlier: view 2'}).click();
  assert.deepStrictEqual(await keyframes(player), keys);
  const seconds = page.getByLabel('Seconds of view 2');
  await seconds.fill('1');
  await seconds.press('Enter');
  assert.strictEqual((await keyframes(player))[1].seconds, 1);
  await seconds.fill('9');
  await seconds.press('Enter');
  await untilText(player, 'toast', 'grow');
  assert.strictEqual(await seconds.inputValue(), '1');
  await page.getByLabel('Seconds of view 3').fill('1.5');
  await page.getByLabel('Seconds of view 3').press('Enter');
  keys = await keyframes(player);

  await page.getByRole('button', {name: 'Show: view 3'}).click();
  const near = (a, b) => a.every((x, i) => Math.abs(x - b[i]) < 1e-9);
  const position = () => page.evaluate(() => dg4dScene.camera.position());
  assert(near(await position(), keys[2].position));
  assert.strictEqual((await player.state()).time, 4);
  await player.expectChange('time on the path',
                            () => page.locator('#path_time').fill('1'));
  assert(near(await position(), keys[1].position));
  assert.strictEqual((await player.state()).time, 2);
  await page.locator('#path_time').fill('0');
  await page.getByRole('button', {name: 'Preview'}).click();
  assert.strictEqual(await text(player, 'preview_path'), 'Stop');
  await page.waitForFunction(() => !dg4dViewer.paths.playing, null, PATIENCE);
  assert(near(await position(), keys[2].position));
  await page.getByLabel('Lead back to the first view').check();
  assert.strictEqual(await page.getAttribute('#path_time', 'max'), '2.25');

  const file = await downloaded(
      player, () => page.getByRole('button', {name: 'Download'}).click());
  assert.strictEqual(file.name, 'camera_path.json');
  const path_ = JSON.parse(file.bytes);
  assert.deepStrictEqual(path_, {camera_path: 1, loop: true, keyframes: keys});
  await page.getByRole('button', {name: 'Save', exact: true}).click();
  const saved = path.join(output, 'camera_path.json');
  await untilText(player, 'toast', 'camera_path.json');
  assert.strictEqual(JSON.parse(fs.readFileSync(saved)).keyframes.length, 3);

  for (let i = 0; i < 3; ++i) {
    await page.getByRole('button', {name: 'Remove: view 1'}).click();
  }
  assert.deepStrictEqual(await keyframes(player), []);
  await page.setInputFiles('#path_file', {
    name: 'broken.json', mimeType: 'application/json',
    buffer: Buffer.from('{"camera_path": 1, "keyframes": [{}]}')});
  await untilText(player, 'toast', 'keyframe 1');
  await page.setInputFiles('#path_file', saved);
  await page.waitForFunction(
      () => dg4dViewer.paths.path.keyframes.length === 3);
  assert(await page.isChecked('#path_loop'));
  await player.keep(`path_${page.viewportSize().width}.png`);
  (await keyframes(player)).forEach(({position}, i) =>
      assert(near(position, keys[i].position)));
  await page.focus('#canvas');
  await page.keyboard.press('r');
}

// `names` are exporters, with what is in a .zip where they write a folder.
async function exportsTheScene(player, names) {
  const {page} = player;
  for (const [name, inside] of Object.entries(names)) {
    await page.getByRole('button', {name: `Export ${name}`, exact: true})
        .click();
    const link = page.locator('#exports li', {
      has: page.getByRole('button', {name: `Export ${name}`, exact: true}),
    }).getByRole('link', {name: 'Download'});
    await link.waitFor(PATIENCE);
    const {name: file, bytes} = await downloaded(player, () => link.click());
    assert(bytes.length > 1000, name);
    if (inside) {
      assert(file.endsWith('.zip'), file);
      const saved = path.join(folder, file);
      fs.writeFileSync(saved, bytes);
      const {stdout} = spawnSync('python3', ['-m', 'zipfile', '-l', saved],
                                 {encoding: 'utf8'});
      assert(stdout.includes(inside), stdout);
    }
  }
}

// What it cannot export it says, and goes on.
async function saysWhatCannotBeExported(player) {
  const {page} = player;
  await page.getByRole('button', {name: 'Export gltf', exact: true}).click();
  await page.locator('#exports [data-state="failed"]').waitFor(PATIENCE);
  assert.match(await page.textContent('#exports [data-state="failed"]'),
               /mesh/);
}

// ---- Connections ------------------------------------------------------------

async function connectsAgain(player) {
  const {page} = player;
  const camera = await player.camera();
  const scenes = await page.evaluate(() => {
    // Looked at before the page tries again.
    dg4dViewer.connection.handlers.lost = ((lost) => () => {
      lost();
      window.said = [document.getElementById('connection').textContent,
                     document.getElementById('connection').hidden,
                     document.getElementById('state_text').textContent];
    })(dg4dViewer.connection.handlers.lost);
    dg4dViewer.connection.socket.close();
    return dg4dScene.scenes;
  });
  await until(player, (scenes) => dg4dScene.scenes > scenes &&
      document.getElementById('connection').hidden, scenes);
  const [banner, hidden, state] = await page.evaluate(() => window.said);
  assert.match(banner, /lost/);
  assert.strictEqual(hidden, false);
  assert.match(state, /Reconnecting/);
  await untilText(player, 'state_text', 'Paused');
  assert.deepStrictEqual(await player.camera(), camera);
  await page.locator('.chart').first().waitFor(PATIENCE);
}

async function tenPagesWatch(served, browser) {
  const pages = await Promise.all([...Array(10).keys()].map(
      () => served.open(browser, {viewport: {width: 480, height: 320}, deviceScaleFactor: 0.25})));
  for (const player of pages) {
    await untilMoving(player);
    await untilText(player, 'state_text', 'Paused');
  }
  for (const player of pages) await player.close();
}

async function stops(player, served) {
  const {page} = player;
  await page.click('#stop');
  await page.getByRole('button', {name: 'Go on'}).click();
  assert(!(await page.isVisible('#confirm_stop')));
  assert.match(await text(player, 'state_text'), /Running/);
  await page.click('#stop');
  await page.getByRole('button', {name: 'Stop and save'}).click();
  assert.strictEqual(await served.ended, 130);
  await page.waitForFunction(
      () => !document.getElementById('connection').hidden, null, PATIENCE);
  // Trying in vain, the browser itself complains.
  player.complaints = player.complaints.filter(
      (complaint) => !complaint.includes('ERR_CONNECTION_REFUSED'));
}

// ---- Tests ------------------------------------------------------------------

// Calls each [function, argument ...].
async function inTurn(parts) {
  for (const [part, ...given] of parts) {
    const start = Date.now();
    await part(...given);
    console.log(`  ${part.name}: ${(Date.now() - start) / 1000} s`);
  }
}

async function watchesARun(browser) {
  const output = path.join(folder, 'run');
  const served = await longRun('run');
  try {
    const player = await served.open(browser, SIZES[0]);
    await inTurn([
      [streamsWithoutAFlash, player], [tellsHowFarItIs, player],
      [drawsCurves, player], [pauses, player], [splits, player],
      [laysPicturesAndCamerasOver, player], [keepsACameraPath, player, output],
      [exportsTheScene, player, {html: ''}], [saysWhatCannotBeExported, player],
      [connectsAgain, player], [tenPagesWatch, served, browser],
      [resumes, player], [stops, player, served],
    ]);
    await player.close();
    assert(fs.existsSync(path.join(output, 'checkpoints')));
  } finally {
    served.child.kill();
  }
}

async function worksOnAPhone(browser) {
  const options = SIZES[1];
  const output = path.join(folder, 'phone');
  const served = await longRun('phone');
  try {
    const player = await served.open(browser, options);
    const {page} = player;
    await untilMoving(player);
    await page.click('#tabs [data-panel="run_panel"]');
    await inTurn([[drawsCurves, player], [pauses, player]]);
    await page.click('#tabs [data-panel="view_panel"]');
    await inTurn([[splits, player], [laysPicturesAndCamerasOver, player]]);
    await page.click('#tabs [data-panel="path_panel"]');
    await inTurn([[keepsACameraPath, player, output]]);
    await page.click('#tabs [data-panel="export_panel"]');
    await inTurn([[exportsTheScene, player, {html: ''}]]);
    await page.click('#tabs [data-panel="export_panel"]');
    assert(!(await page.isVisible('#export_panel')));
    await inTurn([[resumes, player], [stops, player, served]]);
    await player.close();
  } finally {
    served.child.kill();
  }
}

async function showsARunThatIsDone(browser) {
  const output = path.join(folder, 'done');
  const {status} = spawnSync(program, smoke(output), {stdio: 'inherit'});
  assert.strictEqual(status, 0);
  const served = await Served.start(program, ['view', output, '--port=0']);
  try {
    for (const options of SIZES) {
      const player = await served.open(browser, options);
      const {page} = player;
      await untilMoving(player);
      assert(!(await page.isVisible('#pause')));
      assert.match(await text(player, 'state_text'), /Finished/);
      await stand(player);
      await player.keep(`view_${options.viewport.width}.png`);
      const showView = () => panel(player, options, 'view_panel');
      await inTurn([[choosesWhatToShow, player, showView],
                    [movesTheCamera, player],
                    ...(options.hasTouch ? [[obeysFingers, player]] : []),
                    [keepsTime, player]]);
      await page.focus('#canvas');
      await page.keyboard.press('?');
      await page.getByRole('button', {name: 'Close'}).click();
      if (!isPhone(options)) {
        await inTurn([[exportsTheScene, player, {gltf: '', obj: 'meshes/mesh_0001.obj'}]]);
      }
      assert.deepStrictEqual(await overflowing(
          player, 'header, main, #timeline, #left, #right, #tabs'), []);
      await player.close();
    }
    await isAccessible(browser, served);
  } finally {
    served.child.kill();
    await served.ended;
  }
}

async function isAccessible(browser, served) {
  for (const options of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      const player = await served.open(
          browser, {...options, colorScheme, bypassCSP: true});
      const {page} = player;
      await untilMoving(player);
      await stand(player);
      await page.focus('#canvas');
      await page.keyboard.press('k');
      await page.keyboard.press('k');
      await page.keyboard.press('s');
      await page.keyboard.press('i');
      for (const name of isPhone(options)
          ? ['run_panel', 'view_panel', 'path_panel', 'export_panel']
          : ['']) {
        await panel(player, options, name);
        await expectAccessible(player);
      }
      await page.keyboard.press('?');
      await expectAccessible(player);
      await page.keyboard.press('Escape');
      if (!isPhone(options)) {
        const reached = await reachedByTab(player, 90);
        for (const name of [
          'canvas', 'divider', 'play', 'time', 'loop', 'fps', 'view', 'shade',
          'background', 'reset', 'snapshot', 'show_split', 'show_input',
          'show_cameras', 'fov', 'add_keyframe', 'preview_path', 'path_time',
          'hold_frame', 'path_loop', 'store_path', 'save_path', 'load_path',
          'help_button', 'curve_stage', 'svg', 'SUMMARY']) {
          assert(reached.has(name), `Tab does not reach ${name}`);
        }
      }
      await player.close();
    }
  }
}

async function main() {
  const browser = await Browser.start();
  const chosen = process.argv.slice(5);
  try {
    for (const test of [watchesARun, worksOnAPhone, showsARunThatIsDone]) {
      if (chosen.length && !chosen.includes(test.name)) continue;
      const start = Date.now();
      await test(browser);
      console.log(`${test.name}: passed in ${(Date.now() - start) / 1000} s`);
    }
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
