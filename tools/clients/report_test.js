// Chromium shows the reports of runs:
//   node report_test.js RUNS

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const {Browser} = require('./browser.js');

const runs = process.argv[2];
const NAMES = ['done', 'failed', 'killed', 'resumed'];
const SIZES = [{viewport: {width: 1280, height: 800}},
               {viewport: {width: 390, height: 844}, hasTouch: true}];

// The report of the run `name`, without JavaScript unless `options` ask for it.
// Closing it fails if it wrote an error, asked for anything, or had an alert.
function open(browser, name, options = {}) {
  return browser.open(path.join(runs, name, 'report.html'), '',
                      {javaScriptEnabled: false, ...options});
}

const text = (page) => page.locator('body').innerText();

async function keep(page, name, options = {}) {
  if (!process.env.SCREENSHOTS) return;
  await page.screenshot({path: path.join(process.env.SCREENSHOTS, name),
                         fullPage: true, ...options});
}

// ---- What it says -----------------------------------------------------------

async function saysHowEachRunEnded(browser) {
  const expected = {
    done: ['done', 'static_gaussians', 'dynamic_gaussians', 'gltf', 'asset.glb',
           'player.html', 'The same again', 'all round', 'watertight'],
    failed: ['failed', 'run.yaml', '--resume', 'texture_refinement',
             'all round'],
    killed: ['running', 'dynamic_gaussians began', '--resume'],
    resumed: ['done', 'resumed 1 time', 'all round', 'asset.glb'],
  };
  for (const name of NAMES) {
    const report = await open(browser, name);
    const said = await text(report.page);
    for (const words of expected[name]) {
      assert(said.includes(words), `${name} does not say ${words}`);
    }
    assert(said.includes('<img src=x onerror=alert(1)> \'"&.png'), name);
    assert.strictEqual(await report.page.locator('script').count(), 0);
    assert.strictEqual(await report.page.locator('[onerror]').count(), 0);
    await report.close();
  }
}

// Every picture is there, and every file that it links to.
async function showsPicturesAndLinksToFiles(browser) {
  const report = await open(browser, 'done', {javaScriptEnabled: true});
  const {page} = report;
  const pictures = await page.locator('img').evaluateAll((images) =>
      images.map((image) => [image.complete, image.naturalWidth,
                             image.hasAttribute('alt')]));
  // Two inputs, two turntables, three frames of three.
  assert.strictEqual(pictures.length, 2 + 2 + 9);
  for (const [complete, width, alt] of pictures) {
    assert(complete && width > 0 && alt);
  }
  const links = await page.locator('a').evaluateAll((all) =>
      all.map((link) => link.href));
  assert(links.length > 20);
  for (const link of links) {
    assert(fs.existsSync(decodeURIComponent(new URL(link).pathname)), link);
  }
  await report.close();
}

async function resumedTellsWholeCurves(browser) {
  const lines = async (name) => {
    const report = await open(browser, name, {javaScriptEnabled: true});
    const paths = await report.page.locator('svg path.line').evaluateAll(
        (all) => all.map((line) => line.getAttribute('d')));
    await report.close();
    return paths;
  };
  assert.deepStrictEqual(await lines('resumed'), await lines('done'));
}

// ---- How it looks -----------------------------------------------------------

async function turnsUntilItIsPaused(browser) {
  const report = await open(browser, 'done');
  const {page} = report;
  const [first, second] =
      [page.locator('.window').first(), page.locator('.window').last()];
  await second.scrollIntoViewIfNeeded();
  const changes = async (shown, wait) => {
    const before = await shown.screenshot();
    await page.waitForTimeout(wait);
    return (await browser.difference(before, await shown.screenshot())).mean;
  };
  assert(await changes(first, 700) > 0.5, 'the turntable stands still');
  assert(await changes(second, 700) > 0.5, 'the turntable stands still');
  await page.getByLabel('Pause the turntable').check();
  // Chromium draws what has come to rest once more, in time of its own.
  let change = await changes(first, 700);
  for (let tries = 0; change > 0 && change < 0.01 && tries < 5; ++tries) {
    change = await changes(first, 700);
  }
  assert.strictEqual(change, 0);
  await report.close();

  const still = await open(browser, 'done', {reducedMotion: 'reduce'});
  await still.page.locator('.window').first().scrollIntoViewIfNeeded();
  const box = await still.page.locator('.window').first().boundingBox();
  const before = await still.page.screenshot();
  await still.page.waitForTimeout(700);
  const after = await still.page.screenshot();
  assert.strictEqual((await browser.difference(before, after)).largest, 0);
  assert(box.width > 0 && box.height > 0);
  await still.close();
}

// Each picture of a sheet stands exactly in the window.
async function showsWholePicturesOfTheSheet(browser) {
  const report = await open(browser, 'done', {javaScriptEnabled: true});
  const {shown, sheet, columns, rows} = await report.page.evaluate(() => {
    const image = document.querySelector('.sheet img');
    const style = getComputedStyle(document.documentElement);
    const box = (element) => element.getBoundingClientRect();
    return {shown: box(document.querySelector('.window')), sheet: box(image),
            columns: Number(style.getPropertyValue('--columns')),
            rows: Number(style.getPropertyValue('--rows'))};
  });
  assert(Math.abs(sheet.width / columns - shown.width) < 3, 'width');
  assert(Math.abs(sheet.height / rows - shown.height) < 3, 'height');
  await report.close();
}

async function fitsAnyWindow(browser) {
  for (const size of [...SIZES, {viewport: {width: 320, height: 600}}]) {
    for (const name of NAMES) {
      const report = await open(browser, name,
                                {...size, javaScriptEnabled: true});
      const {page} = report;
      await page.locator('details').evaluateAll(
          (all) => all.forEach((details) => { details.open = true; }));
      const {width} = size.viewport;
      const wide = await page.evaluate(
          () => document.documentElement.scrollWidth);
      assert(wide <= width, `${name} is ${wide} wide in ${width}`);
      await report.close();
    }
  }
}

async function prints(browser) {
  const report = await open(browser, 'done');
  await report.page.emulateMedia({media: 'print'});
  const pdf = await report.page.pdf({format: 'A4'});
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g).length;
  assert(pages >= 2 && pages <= 12, `${pages} pages`);
  await keep(report.page, 'report_print.png');
  await report.close();
}

async function isAccessible(browser) {
  const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  for (const size of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      for (const name of NAMES) {
        // The page's policy stands in the way of axe, not of what it judges.
        const report = await open(browser, name, {
          ...size, colorScheme, javaScriptEnabled: true, bypassCSP: true});
        const {page} = report;
        await keep(page, `report_${name}_${size.viewport.width}_` +
            `${colorScheme}.png`);
        await page.locator('details').evaluateAll(
            (all) => all.forEach((details) => { details.open = true; }));
        await page.evaluate(axe);
        const {violations} = await page.evaluate(() => axe.run());
        assert.deepStrictEqual(
            violations.map((v) => [v.id, v.nodes.map((n) => n.html)]), []);
        await report.close();
      }
    }
  }
}

async function main() {
  const browser = await Browser.start();
  try {
    for (const test of [
      saysHowEachRunEnded, showsPicturesAndLinksToFiles,
      resumedTellsWholeCurves, turnsUntilItIsPaused,
      showsWholePicturesOfTheSheet, fitsAnyWindow, prints, isAccessible,
    ]) {
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
