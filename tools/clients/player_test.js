// Chromium plays our pages:
//   node player_test.js SAMPLES [TEST...]

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');
const {
  SIZES, isPhone, choosesWhatToShow, movesTheCamera, obeysFingers, keepsTime,
  overflowing, expectAccessible, reachedByTab,
} = require('./scene_controls.js');

const samples = process.argv[2];
const file = (name) => path.join(samples, name);
const SMALL = {viewport: {width: 320, height: 256}};  // as views.json's

// ---- What it draws ----------------------------------------------------------

// The page and our own renderers draw the same. Opacities are rounded to 1/255,
// and each sum to half floats; edges of meshes are sampled 4 times or not at
// all, where mesh_raster weighs them.
async function drawsWhatOurRenderersDraw(browser) {
  const views = JSON.parse(fs.readFileSync(file('views.json')));
  for (const {name, page, address, mean} of views) {
    const player = await browser.open(
        file(page), `${address}&embed&play=0&background=ffffff`, SMALL);
    const picture = await player.picture();
    fs.writeFileSync(path.join(process.env.SCREENSHOTS || samples,
                               `${name}_page.png`), picture);
    const difference = await browser.difference(
        picture, fs.readFileSync(file(`${name}.png`)));
    console.log(`${name}: mean ${difference.mean.toFixed(3)}, largest ` +
        `${difference.largest} of 255`);
    assert(difference.mean <= mean, `${name} differs`);
    await player.close();
  }
}

async function movesSmoothlyBetweenFrames(browser) {
  const player = await browser.open(file('moving.html'), 'play=0', SMALL);
  const at = async (view, time) => {
    await player.page.evaluate(([view, time]) => {
      dg4dScene.state.view = view;
      dg4dScene.state.time = time;
      dg4dScene.wake();
    }, [view, time]);
    return player.picture();
  };
  for (const view of ['gaussians', 'mesh']) {
    const [first, between, near, second, last, wrapped] =
        [await at(view, 1), await at(view, 1.5), await at(view, 1.97),
         await at(view, 2), await at(view, 4.97), await at(view, 0)];
    const gap = async (a, b) => (await browser.difference(a, b)).mean;
    const whole = await gap(first, second);
    assert(await gap(first, between) > 0.2 * whole, view);
    assert(await gap(between, second) > 0.2 * whole, view);
    assert(await gap(near, second) < 0.3 * whole, view);
    assert(await gap(last, wrapped) < 0.3 * whole, `${view} at the end`);
  }
  await player.close();
}

// Meshes of changing topology are shown in turn, and never mixed.
async function showsChangingMeshesInTurn(browser) {
  const player = await browser.open(file('changing.html'), 'play=0&view=mesh',
                                    SMALL);
  const pictures = [];
  for (const time of [0, 0.9, 1, 2, 3]) {
    await player.page.evaluate((time) => {
      dg4dScene.state.time = time;
      dg4dScene.wake();
    }, time);
    pictures.push(await player.picture());
  }
  assert((await browser.difference(pictures[0], pictures[1])).mean === 0);
  for (const i of [1, 2, 3]) {
    const {mean} = await browser.difference(pictures[i], pictures[i + 1]);
    assert(mean > 0.2, `frame ${i}`);
  }
  await player.close();
}

// ---- Controls -----------------------------------------------------------------

async function hasControlsThatWork(browser) {
  for (const options of SIZES) {
    const player = await browser.open(file('moving.html'), 'play=0', options);
    await player.settle();
    assert.strictEqual(await player.page.isVisible('#poster'), false);
    await player.keep(`moving_${options.viewport.width}.png`);
    await choosesWhatToShow(player, async () => {
      if (isPhone(options)) await player.page.click('summary');
    });
    await movesTheCamera(player);
    if (options.hasTouch) await obeysFingers(player);
    await keepsTime(player);
    // Nothing reaches beyond the window.
    assert.deepStrictEqual(
        await overflowing(player, '#panel, #timeline, h1'), []);
    await player.close();
  }
}

// ---- The address, posters, themes, accessibility ----------------------------

async function obeysItsAddress(browser) {
  let player = await browser.open(
      file('moving.html'), 'embed&play=0&view=mesh&shade=normals&time=2.5' +
      '&background=102030&azimuth=40&elevation=-20&distance=3&fps=3&loop=0' +
      '&theme=dark');
  await player.settle();
  const {page} = player;
  const state = await player.state();
  assert.deepStrictEqual(
      [state.view, state.shade, state.time, state.background, state.fps,
       state.loop],
      ['mesh', 'normals', 2.5, '#102030', 3, false]);
  const camera = await player.camera();
  assert.deepStrictEqual([camera.azimuth, camera.elevation, camera.radius],
                         [40, -20, 3]);
  assert.strictEqual(await page.isVisible('#panel'), false);
  assert.strictEqual(
      await page.evaluate(() => document.documentElement.dataset.theme),
      'dark');
  await player.close();

  player = await browser.open(file('moving.html'), 'embed&autoplay=0');
  assert(await player.page.isVisible('#poster'));
  assert.strictEqual(await player.page.evaluate(() => dg4dScene.ready()),
                     false);
  await player.page.click('#start');
  await player.page.waitForFunction(
      () => dg4dScene.state.time > 0 && poster.hidden);
  await player.close();

  player = await browser.open(file('moving.html'), '',
                              {reducedMotion: 'reduce'});
  await player.settle();
  assert.strictEqual((await player.state()).playing, false);
  await player.close();
}

async function isAccessible(browser) {
  for (const options of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      const player = await browser.open(
          file('moving.html'), 'play=0',
          {...options, colorScheme, bypassCSP: true});
      await player.settle();
      if (isPhone(options)) await player.page.click('summary');
      await expectAccessible(player);
      const reached = await reachedByTab(player, 12);
      for (const name of ['canvas', 'SUMMARY', 'view', 'shade', 'background',
                          'reset', 'snapshot', 'play', 'time', 'loop', 'fps']) {
        assert(reached.has(name), `Tab does not reach ${name}`);
      }
      await player.close();
    }
  }
}

async function saysWhatIsWrong(browser) {
  const page = fs.readFileSync(file('moving.html'), 'utf8');
  fs.writeFileSync(file('broken.html'),
                   page.replace(/id="payload">.{40}/, 'id="payload">' +
                       'A'.repeat(40)));
  const player = await browser.open(file('broken.html'), '');
  await player.page.waitForFunction(
      () => document.getElementById('status').textContent.includes('Cannot'));
  await player.page.context().close();
}

// ---- Speed ------------------------------------------------------------------

// The window is small because SwiftShader paints pixels slowly, which is not
// what is measured: JavaScript on the page's thread, and in the worker.
async function isFast(browser) {
  const bytes = fs.statSync(file('large.html')).size;
  const player = await browser.open(file('large.html'), 'fps=14',
                                    {viewport: {width: 96, height: 96}});
  const {page} = player;
  await page.waitForFunction(() => {
    dg4dScene.camera.orbit(0.5, 0);
    return dg4dScene.timings.frames.length >= 12 &&
        dg4dScene.timings.sorts.length >= 9;
  }, null, {timeout: 240000});
  const {frames, sorts} = await page.evaluate(() => dg4dScene.timings);
  // The first ones compile.
  const median = (values) => [...values].slice(4).sort((a, b) => a - b)[
      Math.floor((values.length - 4) / 2)];
  console.log(`20000 Gaussians x 14 frames: ${bytes} bytes; median of ` +
      `${frames.length - 4} frames ${median(frames).toFixed(2)} ms, of ` +
      `${sorts.length - 4} sorts ${median(sorts).toFixed(2)} ms`);
  assert(bytes < 10e6);
  assert(median(frames) <= 4, `a frame takes ${median(frames)} ms`);
  assert(median(sorts) <= 5, `a sort takes ${median(sorts)} ms`);
  await page.evaluate(() => dg4dScene.setPlaying(false));
  await player.close();
}

async function main() {
  const browser = await Browser.start();
  try {
    for (const test of [
      drawsWhatOurRenderersDraw, movesSmoothlyBetweenFrames,
      showsChangingMeshesInTurn, hasControlsThatWork, obeysItsAddress,
      isAccessible, saysWhatIsWrong, isFast,
    ]) {
      const chosen = process.argv.slice(3);
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
