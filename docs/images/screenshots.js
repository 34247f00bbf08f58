// Takes the pictures of pages in README and docs/viewer.md, of a run that is done:
//   node screenshots.js PROGRAM FOLDER

const fs = require('fs');
const path = require('path');
const {Browser} = require('../../tools/clients/browser.js');
const {Served} = require('../../tools/clients/served.js');

const [program, folder] = process.argv.slice(2);

async function keep(player, name) {
  fs.writeFileSync(path.join(__dirname, name), await player.page.screenshot({timeout: 240000}));
}

async function main() {
  const browser = await Browser.start();
  const still = {reducedMotion: 'reduce'};
  const served = await Served.start(program, ['view', folder, '--port=0']);
  try {
    const viewer = await served.open(browser, {...still, colorScheme: 'dark'});
    await viewer.page.waitForFunction(() => dg4dScene.ready());
    await viewer.page.locator('#time').fill('3');
    await viewer.page.selectOption('#curve_stage', 'static_gaussians');
    await viewer.page.getByLabel('Split with the driving frame').check();
    await viewer.page.focus('#divider');
    await viewer.page.keyboard.press('PageDown');
    await viewer.page.evaluate(() => document.activeElement.blur());
    await viewer.settle();
    await keep(viewer, 'viewer.png');
    await viewer.close();

    const player = await browser.open(path.join(folder, 'player.html'),
                                      'play=0&azimuth=-35&elevation=-12', still);
    await player.settle();
    await keep(player, 'player.png');
    await player.close();
  } finally {
    served.child.kill();
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
