// Programs of ours that serve a page.

const {spawn} = require('child_process');
const readline = require('readline');

// A program that serves a page, whose address it prints.
class Served {
  static async start(program, args) {
    const self = new Served();
    self.child = spawn(program, args, {stdio: ['ignore', 'pipe', 'inherit']});
    self.ended = new Promise((resolve) => self.child.on('exit', resolve));
    for await (const line of readline.createInterface(self.child.stdout)) {
      if (line.startsWith('http://')) {
        self.url = line;
        // What it says later must not fill the pipe.
        self.child.stdout.resume();
        return self;
      }
    }
    throw new Error(`${args[0]} ended without an address`);
  }

  open(browser, options = {}) {
    const {origin} = new URL(this.url);
    return browser.visit(this.url, new RegExp(`^(${origin}/|blob:|data:)`),
                         options);
  }
}

module.exports = {Served};
