// What the controls of every page that draws a scene do: each is operated, and
// its effect is looked at. `player` is one of browser.js, whose scene has
// Gaussians and meshes in 5 frames.

const assert = require('assert');
const fs = require('fs');

const SIZES = [
  {viewport: {width: 1280, height: 800}},
  {viewport: {width: 390, height: 844}, hasTouch: true},
];
const isPhone = (options) => options.viewport.width < 600;

// `showPanel` brings the controls into view, and hides them again.
async function choosesWhatToShow(player, showPanel) {
  const {page, browser} = player;
  await showPanel();
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
      assert.strictEqual(await page.isVisible('#depth'), shade === 'Depth');
      if (shade === 'Depth') await readsDepth(player, view, picture);
      if (shade !== 'Alpha') continue;
      assert.deepStrictEqual(await browser.pixel(picture, 2, 2), [0, 0, 0]);
      if (view === 'Mesh') {
        const [x, y] = await page.evaluate(() =>
            [dg4dScene.canvas.width / 2, dg4dScene.canvas.height / 2]);
        assert.deepStrictEqual(await browser.pixel(picture, x, y),
                               [255, 255, 255]);
      }
    }
  }
  await choose('Gaussians');
  const picture = await player.expectChange('background', () =>
      page.getByLabel('Background').fill('#336699'));
  assert.deepStrictEqual(await browser.pixel(picture, 2, 2),
                         [0x33, 0x66, 0x99]);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', {name: 'Snapshot'}).click(),
  ]);
  const saved = fs.readFileSync(await download.path());
  const difference = await browser.difference(saved, await player.picture());
  assert(difference.mean < 0.01, `snapshot: ${JSON.stringify(difference)}`);
  await showPanel();
}

// Colours are those of the legend, whose ends are the scene's as seen from here.
async function readsDepth({page, browser}, view, picture) {
  const [near, far] = await Promise.all(['#nearest', '#farthest'].map(
      async (id) => Number(await page.textContent(id))));
  const [distance, radius] = await page.evaluate(() => [
    Math.hypot(...dg4dScene.camera.position()), dg4dScene.header.radius]);
  assert(Math.abs(near - Math.max(0, distance - radius)) < 0.006, `${near}`);
  assert(Math.abs(far - distance - radius) < 0.006, `${far}`);
  if (view !== 'Mesh') return;
  // The nearer half of the range is green to yellow.
  const [x, y] = await page.evaluate(
      () => [dg4dScene.canvas.width / 2, dg4dScene.canvas.height / 2]);
  const [r, g, b] = await browser.pixel(picture, x, y);
  assert(g > r && g > b && g > 0x80, `depth is drawn as ${[r, g, b]}`);
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
  const slider = page.getByRole('slider', {name: 'Frame', exact: true});

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
  // Without one it ends there. Set up while nothing moves, else a slow machine is
  // past the end before it can be.
  await play.click();
  await page.getByLabel('Loop').uncheck();
  await set(3.9);
  await play.click();
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

// Elements of `selector` that reach beyond the window.
function overflowing(player, selector) {
  return player.page.evaluate((selector) =>
      [...document.querySelectorAll(selector)].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.left < 0 || box.right > innerWidth || box.top < 0 ||
            box.bottom > innerHeight;
      }).map((e) => e.id || e.tagName), selector);
}

// Fails if axe finds anything. The page's policy stands in the way of axe, not of
// what it judges: open the page with bypassCSP.
async function expectAccessible({page}) {
  await page.evaluate(
      fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const {violations} = await page.evaluate(() => axe.run());
  assert.deepStrictEqual(
      violations.map((v) => [v.id, v.nodes.map((n) => n.html)]), []);
}

// What the tab key reaches from the canvas on, in `presses`.
async function reachedByTab({page}, presses) {
  const reached = new Set();
  await page.focus('#canvas');
  for (let i = 0; i < presses; ++i) {
    reached.add(await page.evaluate(() => document.activeElement.id ||
        document.activeElement.name || document.activeElement.tagName));
    await page.keyboard.press('Tab');
  }
  return reached;
}

module.exports = {
  SIZES, isPhone, choosesWhatToShow, movesTheCamera, obeysFingers, keepsTime,
  overflowing, expectAccessible, reachedByTab,
};
