'use strict';

const THEME_BACKGROUNDS = {light: '#ffffff', dark: '#17191d'};

class Player {
  constructor(header) {
    this.header = header;
    const asked = readAddress();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const theme = () => asked.theme || (dark.matches ? 'dark' : 'light');
    document.documentElement.dataset.theme = theme();
    const quiet = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const limits = {frames: header.frames, gaussians: Boolean(header.gaussians),
                    meshes: Boolean(header.meshes)};
    const loop = asked.loop === undefined ? header.loop : asked.loop;
    this.state = {
      view: limits.gaussians && (!asked.view || asked.view === 'gaussians')
          || !limits.meshes ? 'gaussians'
          : asked.view === 'wireframe' ? 'wireframe' : 'mesh',
      shade: asked.shade || 'colour',
      time: Math.min(asked.time || 0, header.frames - 1),
      playing: header.frames > 1 && asked.play !== false && !quiet,
      loop,
      fps: asked.fps || header.fps,
      background: asked.background || THEME_BACKGROUNDS[theme()],
      embed: asked.embed,
    };
    this.fixedBackground = Boolean(asked.background);
    dark.addEventListener('change', () => {
      const old = THEME_BACKGROUNDS[document.documentElement.dataset.theme];
      document.documentElement.dataset.theme = theme();
      if (this.state.background === old && !this.fixedBackground) {
        this.state.background = THEME_BACKGROUNDS[theme()];
      }
      this.controls.show();
      this.wake();
    });

    this.canvas = document.getElementById('canvas');
    this.camera = new OrbitCamera(header.camera);
    if (asked.azimuth !== undefined) this.camera.azimuth = asked.azimuth;
    if (asked.elevation !== undefined) this.camera.elevation = asked.elevation;
    if (asked.distance !== undefined) this.camera.radius = asked.distance;
    const wake = () => this.wake();
    this.controls = new Controls(this.state, limits, {
      reset: () => {
        this.camera.reset();
        wake();
      },
      snapshot: () => this.snapshot(),
    }, wake);
    attachGestures(this.canvas, this.camera, wake);
    new ResizeObserver(wake).observe(this.canvas);
    // For tests: milliseconds of JavaScript a frame and of each sort.
    this.timings = {frames: [], sorts: []};
    this.layers = {};
    this.sorting = false;
    this.sortedFor = '';
    this.uploading = 0;  // milliseconds since the last frame
    this.last = 0;
    this.scheduled = false;

    const start = document.getElementById('start');
    if (asked.autoplay === false) {
      say('');
      start.hidden = false;
      start.addEventListener('click', () => {
        start.hidden = true;
        this.canvas.focus();
        this.load();
      }, {once: true});
    } else {
      this.load();
    }
  }

  load() {
    say('Loading …');
    const canvas = this.canvas;
    this.gl = canvas.getContext('webgl2', {alpha: false, antialias: true});
    if (!this.gl) {
      say('This browser has no WebGL 2, which draws the scene.');
      return;
    }
    canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();
      this.layers = {};
      say('The graphics card dropped the scene: reload the page.');
    });
    const code = document.getElementById('worker').textContent;
    const address =
        URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    this.worker = new Worker(address);
    this.worker.onmessage = ({data}) => this.receive(data);
    this.worker.onerror = (event) => say(`Cannot unpack: ${event.message}`);
    const payload = document.getElementById('payload');
    this.worker.postMessage({kind: 'unpack', header: this.header,
                             payload: payload.textContent});
    payload.remove();
  }

  async receive(data) {
    if (data.kind === 'sorted') {
      const start = performance.now();
      this.sorting = false;
      this.layers.splats?.setOrder(data.order);
      this.spare = data.order;
      this.timings.sorts.push(data.milliseconds);
      this.uploading += performance.now() - start;
      this.wake();
    } else if (data.kind === 'unpacked') {
      try {
        await this.makeLayers(data);
        say('');
      } catch (error) {
        say(`Cannot draw the scene: ${error.message}`);
      }
      this.wake();
    } else {
      say(`Cannot unpack the scene: ${data.message}`);
    }
  }

  async makeLayers(data) {
    const {header, gl} = this;
    const images = await Promise.all((header.textures || []).map(
        async (source) => {
          const image = new Image();
          image.src = source;
          await image.decode();
          return image;
        }));
    if (header.meshes) {
      this.layers.mesh = new MeshLayer(gl, header.meshes, data.meshes, images);
    }
    if (header.gaussians) {
      this.spare = new Uint32Array(header.gaussians.count);
      this.layers.splats =
          new SplatLayer(gl, header.gaussians, data.gaussians);
    }
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

  // Two frames to mix at the present time.
  mixture() {
    const {time} = this.state, {frames} = this.header;
    const whole = Math.floor(time + 1e-6);
    const mix = time - whole < 1e-6 ? 0 : time - whole;
    return {first: whole % frames, second: (whole + 1) % frames, mix};
  }

  advance(now) {
    const {state, controls} = this;
    const seconds = Math.min(0.25, Math.max(0, (now - this.last) / 1000));
    this.last = now;
    if (!state.playing || !this.ready()) return;
    const end = controls.end();
    state.time += seconds * state.fps;
    if (state.time >= end) {
      state.time = state.loop ? state.time % end : end;
      if (!state.loop) {
        state.playing = false;
        controls.show();
      }
    }
    controls.showTime();
  }

  ready() { return Boolean(this.layers.mesh || this.layers.splats); }

  tick(now) {
    const start = performance.now();
    this.advance(now);
    if (!this.ready()) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.draw(width, height);
    this.timings.frames.push(performance.now() - start + this.uploading);
    this.uploading = 0;
    if (this.state.playing) this.wake();
  }

  draw(width, height) {
    const {state, layers} = this;
    const view = this.camera.view(width, height, this.header.radius);
    const time = this.mixture();
    const background = rgbOf(state.background);
    if (state.view === 'gaussians') {
      this.requestSort(view, time);
      layers.splats.draw(view, time, state.shade, background);
      if (!layers.splats.sorted) return;
    } else {
      layers.mesh.draw(view, time, state.shade, background,
                       state.view === 'wireframe');
    }
    const poster = document.getElementById('poster');
    if (poster && !poster.hidden) poster.hidden = true;
  }

  // Asks for a new order if the view or the time has changed and no order is
  // under way; the picture follows a frame or two later.
  requestSort(view, time) {
    const last = this.header.gaussians.frames - 1;
    const request = {kind: 'sort', first: Math.min(time.first, last),
                     second: Math.min(time.second, last), mix: time.mix,
                     axis: view.forward};
    const key = [request.first, request.second, request.mix,
                 ...request.axis].join();
    if (this.sorting || key === this.sortedFor) return;
    this.sorting = true;
    this.sortedFor = key;
    const order = this.spare;
    this.worker.postMessage({...request, order}, [order.buffer]);
  }

  // Whether the picture shows the present state, with Gaussians in order.
  settled() {
    return this.ready() && !this.scheduled && !this.sorting;
  }

  snapshot() {
    if (!this.ready()) return;
    this.draw(this.canvas.width, this.canvas.height);
    this.canvas.toBlob((blob) => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(blob);
      link.download = `${document.title.replace(/[^\w-]+/g, '_')}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }, 'image/png');
  }
}

function say(text) { document.getElementById('status').textContent = text; }

window.dg4dPlayer =
    new Player(JSON.parse(document.getElementById('header').textContent));
