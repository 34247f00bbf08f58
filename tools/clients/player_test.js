// Chromium plays our pages:
//   node player_test.js SAMPLES [TEST...]

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');

const samples = process.argv[2];
const file = (name) => path.join(samples, name);
const SMALL = {viewport: {width: 320, height: 256}};  // as views.json's
const SIZES = [
  {viewport: {width: 1280, height: 800}},
  {viewport: {width: 390, height: 844}, hasTouch: true},
];
const isPhone = (options) => options.viewport.width < 600;

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

// ---- Controls ---------------------------------------------------------------

async function choosesWhatToShow(player, phone) {
  const {page, browser} = player;
  if (phone) await page.click('summary');
  const choose = (name) => page.getByRole('radio', {name}).check();
  for (const [name, view] of [['Mesh', 'mesh'], ['Wireframe', 'wireframe'],
                              ['Gaussians', 'gaussians']]) {
    await player.expectChange(name, () => choose(name));
    assert.strictEqual((await player.state()).view, view);
  }
  for (const view of ['Gaussians', 'Mesh', 'Wireframe']) {
    await choose(view);
    for (const shade of ['Alpha', 'Depth', 'Normals', 'Colour']) {
      const picture = await player.expectChange(`${view} ${shade}`,
                                                () => choose(shade));
      if (shade !== 'Alpha') continue;
      assert.deepStrictEqual(await browser.pixel(picture, 2, 300), [0, 0, 0]);
      const {width, height} = page.viewportSize();
      if (view === 'Mesh') {
        assert.deepStrictEqual(
            await browser.pixel(picture, width / 2, height / 2),
            [255, 255, 255]);
      }
    }
  }
  await choose('Gaussians');
  const picture = await player.expectChange('background', () =>
      page.getByLabel('Background').fill('#336699'));
  assert.deepStrictEqual(await browser.pixel(picture, 2, 300),
                         [0x33, 0x66, 0x99]);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', {name: 'Snapshot'}).click(),
  ]);
  const saved = fs.readFileSync(await download.path());
  const difference = await browser.difference(saved, await player.picture());
  assert(difference.mean < 0.01, `snapshot: ${JSON.stringify(difference)}`);
  if (phone) await page.click('summary');
}

async function movesTheCamera(player) {
  const {page} = player;
  const {width, height} = page.viewportSize();
  const x = width / 2, y = height / 2;
  const drag = async (options = {}) => {
    await page.mouse.move(x, y);
    await page.mouse.down(options);
    await page.mouse.move(x + 60, y + 40, {steps: 3});
    await page.mouse.up(options);
  };
  const home = await player.camera();
  const back = async () => {
    await page.mouse.dblclick(x, y);
    assert.deepStrictEqual(await player.camera(), home);
  };

  await player.expectChange('orbit', drag);
  let camera = await player.camera();
  // Dragging to the right turns what is seen to the right, downwards shows it
  // from above.
  assert(camera.azimuth < home.azimuth && camera.elevation < home.elevation);
  assert.deepStrictEqual(camera.target, home.target);
  await player.expectChange('double click', back);

  await page.keyboard.down('Shift');
  await player.expectChange('pan', drag);
  await page.keyboard.up('Shift');
  camera = await player.camera();
  assert.strictEqual(camera.azimuth, home.azimuth);
  assert(camera.target[0] < home.target[0] && camera.target[1] > home.target[1]);
  await back();
  await drag({button: 'right'});
  assert((await player.camera()).target[0] < home.target[0]);
  await back();

  await player.expectChange('wheel', () => page.mouse.wheel(0, -240));
  assert((await player.camera()).radius < home.radius);
  await page.mouse.wheel(0, 5000);
  await page.mouse.wheel(0, 5000);
  assert((await player.camera()).radius <= 8 * home.radius + 1e-9);
  await back();

  await page.focus('#canvas');
  for (const [key, moved] of [
    ['ArrowLeft', (c) => c.azimuth < home.azimuth],
    ['ArrowRight', (c) => c.azimuth > home.azimuth],
    ['ArrowUp', (c) => c.elevation < home.elevation],
    ['ArrowDown', (c) => c.elevation > home.elevation],
    ['Shift+ArrowLeft', (c) => c.target[0] !== home.target[0]],
    ['Shift+ArrowUp', (c) => c.target[1] !== home.target[1]],
    ['+', (c) => c.radius < home.radius],
    ['-', (c) => c.radius > home.radius],
  ]) {
    await player.expectChange(key, () => page.keyboard.press(key));
    assert(moved(await player.camera()), key);
    await page.keyboard.press('r');
    assert.deepStrictEqual(await player.camera(), home);
  }
}

async function obeysFingers(player) {
  const {page} = player;
  const session = await page.context().newCDPSession(page);
  const touch = (type, ...points) => session.send('Input.dispatchTouchEvent', {
    type, touchPoints: points.map(([x, y], id) => ({x, y, id}))});
  const home = await player.camera();
  await touch('touchStart', [200, 400]);
  await touch('touchMove', [240, 420]);
  await touch('touchEnd');
  let camera = await player.camera();
  assert(camera.azimuth < home.azimuth && camera.elevation < home.elevation);
  await page.focus('#canvas');
  await page.keyboard.press('r');
  await touch('touchStart', [180, 400], [220, 400]);
  await touch('touchMove', [120, 400], [280, 400]);
  await touch('touchEnd');
  camera = await player.camera();
  assert(camera.radius < home.radius / 2, `pinch: ${camera.radius}`);
  assert.strictEqual(camera.azimuth, home.azimuth);
  await page.focus('#canvas');
  await page.keyboard.press('r');
}

async function keepsTime(player) {
  const {page} = player;
  const state = () => player.state();
  const set = (time) => page.evaluate((time) => {
    dg4dScene.state.time = time;
    dg4dScene.hooks.changed();
    dg4dScene.wake();
  }, time);
  const slider = page.getByRole('slider', {name: 'Frame'});

  await player.expectChange('slider', () => slider.fill('2'));
  assert.strictEqual((await state()).time, 2);
  assert.strictEqual(await page.textContent('#frame'), '2.0');
  await page.focus('#canvas');
  await page.keyboard.press('.');
  assert.strictEqual((await state()).time, 3);
  await page.keyboard.press(',');
  assert.strictEqual((await state()).time, 2);
  await page.keyboard.press('2');
  assert.strictEqual((await state()).view, 'mesh');
  await page.keyboard.press('1');
  assert.strictEqual((await state()).view, 'gaussians');

  const play = page.locator('#play');
  await set(0);
  await play.click();
  assert.strictEqual(await play.getAttribute('aria-label'), 'Pause');
  await page.waitForFunction(() => dg4dScene.state.time > 0.2);
  await play.click();
  assert.strictEqual((await state()).playing, false);
  assert.strictEqual(await play.getAttribute('aria-label'), 'Play');
  await page.focus('#canvas');
  await page.keyboard.press('Space');
  assert.strictEqual((await state()).playing, true);

  // A loop leads on from the last frame to the first.
  await set(4.9);
  await page.waitForFunction(() => dg4dScene.state.time < 2);
  assert.strictEqual((await state()).playing, true);
  await page.getByLabel('Loop').uncheck();
  await set(3.9);
  await page.waitForFunction(() => !dg4dScene.state.playing);
  assert.strictEqual((await state()).time, 4);
  assert.strictEqual(await slider.getAttribute('max'), '4');
  await page.keyboard.press('Escape');
  await play.click();
  await page.waitForFunction(() => dg4dScene.state.time < 3.5);
  await play.click();
  await page.getByLabel('Loop').check();

  await page.locator('#fps').fill('2');
  await page.locator('#fps').press('Enter');
  assert.strictEqual((await state()).fps, 2);
  await page.locator('#fps').fill('0');
  await page.locator('#fps').press('Enter');
  assert.strictEqual((await state()).fps, 2);
  assert.strictEqual(await page.inputValue('#fps'), '2');
}

async function hasControlsThatWork(browser) {
  for (const options of SIZES) {
    const player = await browser.open(file('moving.html'), 'play=0', options);
    await player.settle();
    assert.strictEqual(await player.page.isVisible('#poster'), false);
    await player.keep(`moving_${options.viewport.width}.png`);
    await choosesWhatToShow(player, isPhone(options));
    await movesTheCamera(player);
    if (options.hasTouch) await obeysFingers(player);
    await keepsTime(player);
    // Nothing reaches beyond the window.
    const overflow = await player.page.evaluate(() =>
        [...document.querySelectorAll('#panel, #timeline, h1')].filter((e) => {
          const box = e.getBoundingClientRect();
          return box.left < 0 || box.right > innerWidth || box.top < 0 ||
              box.bottom > innerHeight;
        }).map((e) => e.id));
    assert.deepStrictEqual(overflow, []);
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
  const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  for (const options of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      // The page's policy stands in the way of axe, not of what it judges.
      const player = await browser.open(
          file('moving.html'), 'play=0',
          {...options, colorScheme, bypassCSP: true});
      const {page} = player;
      await player.settle();
      if (isPhone(options)) await page.click('summary');
      await page.evaluate(axe);
      const {violations} = await page.evaluate(() => axe.run());
      assert.deepStrictEqual(
          violations.map((v) => [v.id, v.nodes.map((n) => n.html)]), []);
      // All controls can be reached by the tab key.
      const reached = new Set();
      await page.focus('#canvas');
      for (let i = 0; i < 12; ++i) {
        reached.add(await page.evaluate(() => document.activeElement.id ||
            document.activeElement.name || document.activeElement.tagName));
        await page.keyboard.press('Tab');
      }
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
