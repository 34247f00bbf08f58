// Headless Chromium, for tests of pages that we export.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const {chromium} = require('playwright-core');

// SwiftShader draws WebGL on the processor, the same everywhere.
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage',
               '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
               '--ignore-gpu-blocklist'];

class Browser {
  static async start() {
    const self = new Browser();
    self.browser = await chromium.launch(
        {executablePath: '/usr/bin/chromium', args: FLAGS});
    self.lab = await self.browser.newPage();  // where pictures are looked at
    return self;
  }

  // A page of the player that shows what `address` asks for. Fails at the end
  // (`close`) if it wrote an error or asked for anything but itself.
  async open(file, address = '', options = {}) {
    return this.visit(`file://${path.resolve(file)}#${address}`,
                      /^(file|blob|data):/, options);
  }

  // The page at `url`, which may ask for what `allowed` matches and no more.
  async visit(url, allowed, options = {}) {
    const context = await this.browser.newContext(
        {viewport: {width: 1280, height: 800}, ...options});
    // Drawing without a graphics card is slow where others work, too.
    context.setDefaultTimeout(120000);
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!allowed.test(request.url())) {
        complaints.push(`asked for ${request.url()}`);
      }
    });
    page.on('dialog', () => complaints.push('a dialog'));
    await page.goto(url);
    return new Player(this, page, complaints);
  }

  // A page that runs the module `script` of this folder. Pages on disk may not
  // import modules, so its files seem to come from a server: /ROOT/... is what
  // `roots` says lies there. `imports` names modules by such addresses.
  async openModule(script, imports, roots) {
    const origin = 'http://files.invalid';
    const html = '<!doctype html><script type="importmap">' +
        `${JSON.stringify({imports})}</script>` +
        `<script type="module" src="/${script}"></script>`;
    const page = await this.browser.newPage();
    const complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.route(`${origin}/**`, (route) => {
      const {pathname} = new URL(route.request().url());
      if (pathname === '/') {
        return route.fulfill({body: html, contentType: 'text/html'});
      }
      if (pathname === '/favicon.ico') return route.fulfill({status: 204});
      const [root, ...rest] = pathname.slice(1).split('/');
      return route.fulfill({path: roots[root]
          ? path.join(roots[root], ...rest) : path.join(__dirname, pathname)});
    });
    await page.goto(`${origin}/`);
    return {page, complaints};
  }

  async close() { await this.browser.close(); }

  // Mean and largest difference of two pictures of one size, of 255, over all
  // pixels and channels, and how near they are in dB (peak signal to noise).
  difference(a, b) {
    return this.lab.evaluate(async (pictures) => {
      const read = async (base64) => {
        const image = new Image();
        image.src = `data:image/png;base64,${base64}`;
        await image.decode();
        const canvas = document.createElement('canvas');
        canvas.width = image.width;
        canvas.height = image.height;
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
      };
      const [x, y] = await Promise.all(pictures.map(read));
      if (x.width !== y.width || x.height !== y.height) {
        throw new Error(`${x.width} x ${x.height} is not ` +
            `${y.width} x ${y.height}`);
      }
      let sum = 0, squares = 0, largest = 0;
      for (let i = 0; i < x.data.length; ++i) {
        if (i % 4 === 3) continue;
        const difference = Math.abs(x.data[i] - y.data[i]);
        sum += difference;
        squares += difference * difference;
        largest = Math.max(largest, difference);
      }
      const count = x.data.length * 0.75;
      return {mean: sum / count, largest,
              psnr: 10 * Math.log10(255 * 255 * count / squares)};
    }, [a.toString('base64'), b.toString('base64')]);
  }

  // Red, green and blue of a pixel.
  pixel(picture, x, y) {
    return this.lab.evaluate(async ([base64, x, y]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 1;
      const context = canvas.getContext('2d');
      context.drawImage(image, -x, -y);
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }, [picture.toString('base64'), x, y]);
  }
}

class Player {
  constructor(browser, page, complaints) {
    Object.assign(this, {browser, page, complaints});
  }

  // Waits until the picture shows the present state.
  async settle() {
    await this.page.waitForFunction(() => {
      const {canvas, state} = dg4dScene;
      // A panel that opened has changed the canvas, not yet what is drawn.
      const fits = (drawn, shown) =>
          Math.abs(drawn - shown * Math.min(devicePixelRatio, 2)) <= 1;
      return fits(canvas.width, canvas.clientWidth) &&
          fits(canvas.height, canvas.clientHeight) && dg4dScene.settled() &&
          !state.playing;
    }, null, {timeout: 240000});
  }

  // What the canvas shows, without the controls that lie over it.
  async picture() {
    await this.settle();
    const url = await this.page.evaluate(() => {
      const {canvas} = dg4dScene;
      dg4dScene.draw(canvas.width, canvas.height);  // else it may be cleared
      return canvas.toDataURL('image/png');
    });
    return Buffer.from(url.split(',')[1], 'base64');
  }

  state() { return this.page.evaluate(() => ({...dg4dScene.state})); }
  camera() {
    return this.page.evaluate(() => {
      const {azimuth, elevation, radius, target} = dg4dScene.camera;
      return {azimuth, elevation, radius, target};
    });
  }

  // Does `action` and expects that the page then draws another picture.
  async expectChange(what, action) {
    const before = await this.picture();
    const drawn = () => this.page.evaluate(
        () => dg4dScene.timings.frames.length);
    const count = await drawn();
    await action();
    const after = await this.picture();
    assert(await drawn() > count, `${what}: nothing is drawn`);
    const {mean} = await this.browser.difference(before, after);
    assert(mean > 0.02, `${what}: the picture stays (${mean})`);
    return after;
  }

  async close() {
    assert.deepStrictEqual(this.complaints, []);
    await this.page.context().close();
  }

  async keep(name) {
    const folder = process.env.SCREENSHOTS;
    if (folder) {
      fs.writeFileSync(path.join(folder, name),
                       await this.page.screenshot({timeout: 120000}));
    }
  }
}

module.exports = {Browser};
