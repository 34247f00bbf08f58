'use strict';

// Draws a scene on a canvas as `state` says, and plays it:
//
//   view        gaussians, mesh or wireframe, shown where the scene has it
//   shade       one of SHADES
//   time        in frames of the scene, fractions are interpolated
//   playing, loop, fps
//   background  #rrggbb
//
// `hooks` are told: `say(text)` what goes on ('' when all is well), `time()` that
// playing moved the time, `changed()` that it ended by itself, `scene(header)`
// that another scene is drawn from now on, `tick(seconds)` that a frame begins
// (true asks for one more), `drawn(view)` that a picture is on the canvas.
//
// A worker unpacks scenes and sorts Gaussians. A scene takes the place of the
// one before when its first order is there, so that no frame between is empty.
class SceneView {
  constructor(canvas, camera, state, hooks) {
    const nothing = () => false;
    this.hooks = {say: nothing, time: nothing, changed: nothing, scene: nothing,
                  tick: nothing, drawn: nothing, ...hooks};
    Object.assign(this, {canvas, camera, state});
    this.header = null;   // of the scene that is drawn, or will be first
    this.scene = null;    // that is drawn
    this.next = null;     // that is being unpacked, uploaded or first sorted
    this.waiting = null;  // that comes after it
    this.scenes = 0;      // so far
    // For tests: milliseconds of JavaScript a frame and of each sort.
    this.timings = {frames: [], sorts: []};
    this.uploading = 0;  // milliseconds since the last frame
    this.last = 0;
    this.scheduled = false;
    new ResizeObserver(() => this.wake()).observe(canvas);
  }

  // Whether there is WebGL 2; says so if not.
  start() {
    const {canvas} = this;
    this.gl = canvas.getContext('webgl2', {alpha: false, antialias: true});
    if (!this.gl) {
      this.hooks.say('This browser has no WebGL 2, which draws the scene.');
      return false;
    }
    canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();
      this.scene = null;
      this.hooks.say('The graphics card dropped the scene: reload the page.');
    });
    const code = document.getElementById('worker').textContent;
    const address =
        URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    this.worker = new Worker(address);
    this.worker.onmessage = ({data}) => this.receive(data);
    this.worker.onerror =
        (event) => this.hooks.say(`Cannot unpack: ${event.message}`);
    return true;
  }

  // Shows the scene of `header` and `payload` (base64 or an ArrayBuffer) as soon
  // as it can be; of several that come meanwhile, the newest.
  load(header, payload) {
    this.waiting = {header, payload};
    this.header ||= header;
    this.loadNext();
  }

  loadNext() {
    if (this.next || !this.waiting) return;
    const {header, payload} = this.waiting;
    this.waiting = null;
    this.next = {id: ++this.scenes, header, layers: {}, sorting: false,
                 sortedFor: ''};
    this.worker.postMessage(
        {kind: 'unpack', id: this.next.id, header, payload},
        payload instanceof ArrayBuffer ? [payload] : []);
  }

  async receive(data) {
    if (data.kind === 'sorted') {
      this.receiveOrder(data);
    } else if (data.kind === 'unpacked') {
      try {
        await this.makeLayers(this.next, data);
        if (!this.next.layers.splats) this.showNext();
        this.wake();
      } catch (error) {
        this.giveUp(`Cannot draw the scene: ${error.message}`);
      }
    } else {
      this.giveUp(`Cannot unpack the scene: ${data.message}`);
    }
  }

  receiveOrder({id, order, milliseconds}) {
    const scene = [this.scene, this.next].find((s) => s && s.id === id);
    if (!scene) return;
    const start = performance.now();
    scene.sorting = false;
    scene.layers.splats.setOrder(order);
    scene.spare = order;
    this.timings.sorts.push(milliseconds);
    this.uploading += performance.now() - start;
    if (scene === this.next) this.showNext();
    this.wake();
  }

  async makeLayers(scene, data) {
    const {header} = scene, {gl} = this;
    const images = await Promise.all((header.textures || []).map(
        async (source) => {
          const image = new Image();
          image.src = source;
          await image.decode();
          return image;
        }));
    if (header.meshes) {
      scene.layers.mesh = new MeshLayer(gl, header.meshes, data.meshes, images);
    }
    if (header.gaussians) {
      scene.spare = new Uint32Array(header.gaussians.count);
      scene.layers.splats =
          new SplatLayer(gl, header.gaussians, data.gaussians);
    }
  }

  showNext() {
    if (this.scene) this.drop(this.scene);
    this.scene = this.next;
    this.next = null;
    this.header = this.scene.header;
    this.state.time = Math.min(this.state.time, this.end());
    this.hooks.say('');
    this.hooks.scene(this.header);
    this.loadNext();
  }

  giveUp(message) {
    if (this.next) this.drop(this.next);
    this.next = null;
    this.hooks.say(message);
    this.loadNext();
  }

  drop({id, layers}) {
    for (const layer of Object.values(layers)) layer.free();
    this.worker.postMessage({kind: 'forget', id});
  }

  ready() { return Boolean(this.scene); }

  frames() { return this.header ? this.header.frames : 1; }

  // Whether the scene has what `view` shows.
  has(view) {
    return Boolean(this.header && (view === 'gaussians'
        ? this.header.gaussians : this.header.meshes));
  }

  // What is shown: the state's view if the scene has it.
  shown() {
    const {view} = this.state;
    return this.has(view) ? view : view === 'gaussians' ? 'mesh' : 'gaussians';
  }

  // The last time there is: a loop leads on from there to the first frame.
  end() { return this.state.loop ? this.frames() : this.frames() - 1; }

  setPlaying(playing) {
    const {state} = this;
    if (playing && !state.loop && state.time >= this.end()) state.time = 0;
    state.playing = playing;
  }

  // Draws soon, once, however often it is called.
  wake() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame((now) => {
      this.scheduled = false;
      this.tick(now);
    });
  }

  // Two frames of a scene to mix at the present time.
  mixture({frames}) {
    const time = Math.min(this.state.time, frames);
    const whole = Math.floor(time + 1e-6);
    const mix = time - whole < 1e-6 ? 0 : time - whole;
    return {first: whole % frames, second: (whole + 1) % frames, mix};
  }

  advance(seconds) {
    const {state} = this;
    if (!state.playing || this.frames() < 2) return;
    const end = this.end();
    state.time += seconds * state.fps;
    if (state.time >= end) {
      state.time = state.loop ? state.time % end : end;
      if (!state.loop) {
        state.playing = false;
        this.hooks.changed();
      }
    }
    this.hooks.time();
  }

  tick(now) {
    const start = performance.now();
    const seconds = Math.min(0.25, Math.max(0, (now - this.last) / 1000));
    this.last = now;
    this.advance(seconds);
    const more = this.hooks.tick(seconds);
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    if (this.next?.layers.splats) this.requestSort(this.next);
    if (this.scene) {
      this.draw(width, height);
      this.timings.frames.push(performance.now() - start + this.uploading);
      this.uploading = 0;
    }
    if (more || this.state.playing && this.frames() > 1) this.wake();
  }

  draw(width, height) {
    const {state, scene: {header, layers}} = this;
    const view = this.camera.view(width, height, header.radius);
    const time = this.mixture(header);
    const background = rgbOf(state.background);
    const shown = this.shown();
    if (shown === 'gaussians') {
      this.requestSort(this.scene);
      layers.splats.draw(view, time, state.shade, background);
    } else {
      layers.mesh.draw(view, time, state.shade, background,
                       shown === 'wireframe');
    }
    this.hooks.drawn(view);
  }

  // Asks for a new order if the view or the time has changed and no order is
  // under way; the picture follows a frame or two later.
  requestSort(scene) {
    const time = this.mixture(scene.header);
    const last = scene.header.gaussians.frames - 1;
    const request = {kind: 'sort', id: scene.id,
                     first: Math.min(time.first, last),
                     second: Math.min(time.second, last), mix: time.mix,
                     axis: this.camera.rows()[2]};
    const key = [request.first, request.second, request.mix,
                 ...request.axis].join();
    if (scene.sorting || key === scene.sortedFor) return;
    scene.sorting = true;
    scene.sortedFor = key;
    const order = scene.spare;
    this.worker.postMessage({...request, order}, [order.buffer]);
  }

  // Whether the picture shows the present state, with Gaussians in order.
  settled() {
    return this.ready() && !this.scheduled && !this.scene.sorting && !this.next;
  }

  // Saves the picture as a PNG of this name.
  snapshot(name) {
    if (!this.ready()) return;
    this.draw(this.canvas.width, this.canvas.height);
    this.canvas.toBlob((blob) => saveFile(`${name}.png`, blob), 'image/png');
  }
}

// Has the browser save `blob` as a file.
function saveFile(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const THEME_BACKGROUNDS = {light: '#ffffff', dark: '#17191d'};

// Dresses the page in `asked`, or else in what the system prefers, now and when
// it changes its mind. A background that is the theme's own goes along.
function followTheme(state, asked, onChange) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const {dataset} = document.documentElement;
  const dress = () => {
    const before = THEME_BACKGROUNDS[dataset.theme];
    dataset.theme = asked || (dark.matches ? 'dark' : 'light');
    if (!state.background || state.background === before) {
      state.background = THEME_BACKGROUNDS[dataset.theme];
    }
  };
  dress();
  dark.addEventListener('change', () => {
    dress();
    onChange();
  });
}

function prefersStillness() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
