'use strict';

const SVG = 'http://www.w3.org/2000/svg';

function svgElement(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  if (parent) parent.append(element);
  return element;
}

// A number in few characters: 9341, 0.0213, 1.2e-5.
function shortNumber(value) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-3) return value.toExponential(1);
  if (Number.isInteger(value) || size >= 1000) {
    return Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');
  }
  return String(Number(value.toPrecision(3)));
}

const CHART = {width: 276, height: 112, left: 44, right: 8, top: 10, bottom: 20};

// One curve over steps. What a step has is read by pointing at it, or with the
// arrow keys. The axis is logarithmic where values span more than a factor 20.
class Chart {
  constructor(name, index, parent) {
    this.name = name;
    this.rows = [];
    this.at = null;  // index of the row that is read
    const figure = document.createElement('figure');
    figure.className = `chart series${index % 3}`;
    const caption = document.createElement('figcaption');
    this.title = document.createElement('strong');
    this.value = document.createElement('output');
    caption.append(this.title, this.value);
    this.svg = svgElement('svg', {
      viewBox: `0 0 ${CHART.width} ${CHART.height}`, tabindex: 0,
      role: 'slider', 'aria-label': `Steps of ${name}`,
    });
    figure.append(caption, this.svg);
    parent.append(figure);
    const {left, right, top, bottom, width, height} = CHART;
    for (const part of [0, 0.5, 1]) {
      const y = top + part * (height - top - bottom);
      svgElement('line', {class: 'grid', x1: left, x2: width - right, y1: y,
                          y2: y}, this.svg);
    }
    this.raw = svgElement('path', {class: 'raw'}, this.svg);
    this.smooth = svgElement('path', {class: 'smooth'}, this.svg);
    this.cursor = svgElement('g', {class: 'cursor'}, this.svg);
    svgElement('line', {y1: top, y2: height - bottom}, this.cursor);
    svgElement('circle', {r: 3.5}, this.cursor);
    const text = (attributes) => svgElement('text', attributes, this.svg);
    this.high = text({x: left - 6, y: top + 4, 'text-anchor': 'end'});
    this.low = text({x: left - 6, y: height - bottom + 3, 'text-anchor': 'end'});
    this.first = text({x: left, y: height - 5});
    this.last = text({x: width - right, y: height - 5, 'text-anchor': 'end'});
    this.svg.addEventListener('pointermove', (event) => {
      const box = this.svg.getBoundingClientRect();
      this.read((event.clientX - box.left) / box.width * CHART.width);
    });
    this.svg.addEventListener('pointerleave', () => this.stopReading());
    this.svg.addEventListener('blur', () => this.stopReading());
    this.svg.addEventListener('keydown', (event) => this.press(event));
  }

  stopReading() {
    this.at = null;
    this.draw();
  }

  // Reads the row that is nearest to `x` of the drawing.
  read(x) {
    let best = 0;
    this.rows.forEach(({step}, i) => {
      if (Math.abs(this.x(step) - x) <
          Math.abs(this.x(this.rows[best].step) - x)) best = i;
    });
    this.at = best;
    this.draw();
  }

  press(event) {
    const last = this.rows.length - 1;
    const at = this.at === null ? last : this.at;
    const jump = Math.max(1, Math.round(last / 20));
    const to = {ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1,
                ArrowUp: at + 1, PageDown: at - jump, PageUp: at + jump,
                Home: 0, End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.at = Math.max(0, Math.min(last, to));
    this.draw();
  }

  x(step) {
    const {left, right, width} = CHART;
    const first = this.rows[0].step;
    const span = Math.max(1, this.rows[this.rows.length - 1].step - first);
    return left + (step - first) / span * (width - left - right);
  }

  // `rows` are {step, value}, by step.
  show(rows) {
    this.rows = rows;
    this.draw();
  }

  draw() {
    const {rows} = this;
    if (!rows.length) return;
    const values = rows.map(({value}) => value);
    let low = Math.min(...values), high = Math.max(...values);
    const logarithmic = low > 0 && high > 20 * low;
    const scale = logarithmic ? Math.log : (value) => value;
    const bottom = scale(low), span = scale(high) - bottom || 1;
    const room = CHART.height - CHART.top - CHART.bottom;
    const y = (value) => high > low
        ? CHART.top + (1 - (scale(value) - bottom) / span) * room
        : CHART.top + room / 2;
    const path = (list) => list.map((value, i) => `${i ? 'L' : 'M'}` +
        `${this.x(rows[i].step).toFixed(1)} ${y(value).toFixed(1)}`).join('');
    // A running mean over a thirtieth of what there is shows where noise goes.
    const keep = Math.max(0, 1 - 30 / rows.length);
    let mean = scale(values[0]);
    const smooth = values.map((value) => {
      mean = keep * mean + (1 - keep) * scale(value);
      return logarithmic ? Math.exp(mean) : mean;
    });
    this.raw.setAttribute('d', keep > 0 ? path(values) : '');
    this.smooth.setAttribute('d', path(smooth));
    this.title.textContent = this.name + (logarithmic ? ' (log)' : '');
    this.high.textContent = high > low ? shortNumber(high) : '';
    this.low.textContent = high > low ? shortNumber(low) : '';
    this.first.textContent = rows[0].step;
    this.last.textContent = rows[rows.length - 1].step;
    const at = this.at === null ? rows.length - 1
                                : Math.min(this.at, rows.length - 1);
    const {step, value} = rows[at];
    this.cursor.classList.toggle('reading', this.at !== null);
    this.cursor.setAttribute('transform', `translate(${this.x(step)} 0)`);
    this.cursor.querySelector('circle').setAttribute('cy', y(value));
    const words = this.at === null ? shortNumber(value)
                                   : `${shortNumber(value)} at ${step}`;
    this.value.textContent = words;
    this.svg.setAttribute('aria-valuemin', rows[0].step);
    this.svg.setAttribute('aria-valuemax', rows[rows.length - 1].step);
    this.svg.setAttribute('aria-valuenow', step);
    this.svg.setAttribute('aria-valuetext', `${words} (step ${step})`);
  }
}

const MOST_ROWS = 4000;  // of a stage; above, every other one is dropped

// The numbers of all stages, and charts of one: that which runs, until the user
// chooses.
class Curves {
  constructor() {
    this.stages = new Map();
    this.box = document.getElementById('curves');
    this.charts = document.getElementById('charts');
    this.select = document.getElementById('curve_stage');
    this.chosen = false;
    this.shown = null;
    this.drawn = new Map();  // charts of the stage that is shown, by name
    this.select.addEventListener('change', () => {
      this.chosen = true;
      this.showStage(this.select.value);
    });
  }

  clear() {
    this.stages.clear();
    this.select.replaceChildren();
    this.charts.replaceChildren();
    this.drawn.clear();
    this.shown = null;
    this.box.hidden = true;
  }

  add(rows) {
    let newest = this.shown;
    for (const {stage, step, values} of rows) {
      if (!this.stages.has(stage)) {
        this.stages.set(stage, []);
        this.select.add(new Option(stage, stage));
      }
      const list = this.stages.get(stage);
      // A step that is done again starts the curve again from there.
      while (list.length && list[list.length - 1].step >= step) list.pop();
      list.push({step, values});
      if (list.length > MOST_ROWS) {
        this.stages.set(stage, list.filter((_, i) => i % 2 === 0));
      }
      newest = stage;
    }
    this.box.hidden = this.stages.size === 0;
    this.showStage(this.chosen ? this.select.value : newest);
  }

  showStage(stage) {
    if (!this.stages.has(stage)) return;
    if (stage !== this.shown) {
      this.charts.replaceChildren();
      this.drawn.clear();
      this.shown = stage;
      this.select.value = stage;
    }
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  draw() {
    const rows = this.stages.get(this.shown) || [];
    const names = new Set(rows.flatMap(({values}) => Object.keys(values)));
    const order = ['loss', 'gaussians'].filter((name) => names.has(name));
    for (const name of order) names.delete(name);
    for (const name of [...order, ...names]) {
      if (!this.drawn.has(name)) {
        this.drawn.set(name, new Chart(name, this.drawn.size, this.charts));
      }
      this.drawn.get(name).show(
          rows.filter(({values}) => Number.isFinite(values[name]))
              .map(({step, values}) => ({step, value: values[name]})));
    }
  }
}
