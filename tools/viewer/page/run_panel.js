'use strict';

const STATE_WORDS = {running: 'Running', paused: 'Paused', stopping: 'Stopping …',
                     finished: 'Finished', stopped: 'Stopped', failed: 'Failed'};

// "1 h 5 min", "2 min 10 s", "24 s".
function durationWords(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole >= 3600) {
    return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  }
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${whole} s`;
}

// What the run does: its state, stages, time left and warnings, and the buttons
// that pause and stop it.
class RunPanel {
  constructor({send}) {
    const by = (id) => document.getElementById(id);
    this.elements = {title: by('title'), state: by('state'),
                     words: by('state_text'), progress: by('progress'),
                     stage: by('stage_name'), steps: by('stage_steps'),
                     eta: by('eta'), bar: by('stage_bar'), pause: by('pause'),
                     stop: by('stop'), stages: by('stages'),
                     message: by('run_message'), warnings: by('warnings'), config: by('config_text')};
    this.hello = null;
    this.state = null;
    this.seconds = new Map();  // that stages took, by their keys
    this.warned = new Set();
    const {elements} = this;
    elements.pause.addEventListener('click', () => send(
        {command: this.state?.state === 'paused' ? 'resume' : 'pause'}));
    const dialog = by('confirm_stop');
    elements.stop.addEventListener('click', () => {
      dialog.returnValue = '';
      dialog.showModal();
    });
    dialog.addEventListener('close', () => {
      if (dialog.returnValue === 'stop') send({command: 'stop'});
    });
  }

  setHello(hello) {
    const {elements} = this;
    this.hello = hello;
    elements.title.textContent = hello.name;
    elements.config.textContent = hello.config;
    elements.warnings.hidden = true;
    this.warned.clear();
    elements.warnings.querySelector('ul').replaceChildren();
    elements.stages.replaceChildren(...hello.stages.map((stage) => {
      const item = document.createElement('li');
      item.dataset.stage = stage;
      const name = document.createElement('span');
      name.textContent = stage;
      item.append(name, document.createElement('output'));
      return item;
    }));
    elements.stages.hidden = hello.mode !== 'run' || !hello.stages.length;
    this.show();
  }

  setState(state) {
    this.state = state;
    if (state.stage && state.stage_seconds !== undefined) {
      this.seconds.set(state.stage, state.stage_seconds);
    }
    this.show();
  }

  addWarning({stage, message}) {
    const {warnings} = this.elements;
    const key = `${stage}: ${message}`;
    if (this.warned.has(key)) return;
    this.warned.add(key);
    warnings.hidden = false;
    const item = document.createElement('li');
    const where = document.createElement('strong');
    where.textContent = stage ? `${stage}: ` : '';
    item.append(where, message);
    warnings.querySelector('ul').append(item);
  }

  // Whether the run was not over when last heard of.
  goesOn() {
    return !this.state ||
        ['running', 'paused', 'stopping'].includes(this.state.state);
  }

  // Whether a program that is gone may be there again.
  mayComeBack() { return this.goesOn() || this.hello.mode === 'view'; }

  // With the state that is known, or that the connection is lost.
  show(lost = false) {
    const {elements, state, hello} = this;
    if (!state || !hello) return;
    const {stage, step, steps, eta_seconds: eta} = state;
    const goesOn = this.goesOn();
    const reconnects = lost && this.mayComeBack();
    elements.state.dataset.state = reconnects ? 'lost' : state.state;
    elements.words.textContent = reconnects ? 'Reconnecting …'
        : hello.mode === 'view' ? 'Finished run'
        : STATE_WORDS[state.state] || state.state;
    elements.message.textContent = state.message || '';
    elements.message.hidden = !state.message;
    elements.message.classList.toggle('bad', state.state === 'failed');
    elements.pause.hidden = elements.stop.hidden =
        hello.mode !== 'run' || !goesOn;
    elements.pause.textContent = state.state === 'paused' ? 'Resume' : 'Pause';
    elements.pause.disabled = elements.stop.disabled =
        lost || state.state === 'stopping';

    elements.progress.hidden = !goesOn || !stage;
    elements.stage.textContent = stage;
    elements.steps.textContent = steps > 0 ? `${step} / ${steps}` : '';
    elements.eta.textContent = eta === null || eta === undefined ? ''
        : `${durationWords(eta)} left`;
    if (steps > 0) elements.bar.value = step / steps;
    else elements.bar.removeAttribute('value');
    const share = steps > 0 ? Math.floor(100 * step / steps) : 0;
    document.title = `${goesOn && stage ? `${share} % ${stage} · ` : ''}` +
        `${hello.name} · dg4d`;
    this.showStages(goesOn);
  }

  showStages(goesOn) {
    const {elements, state, hello} = this;
    const now = hello.stages.indexOf(state.stage);
    hello.stages.forEach((stage, i) => {
      const item = elements.stages.children[i];
      const done = now >= 0 ? i < now || i === now && state.state === 'finished'
                            : state.state === 'finished';
      const current = i === now && goesOn;
      item.className = done ? 'done' : current ? 'current' : '';
      if (current) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
      const seconds = this.seconds.get(stage);
      item.querySelector('output').textContent =
          seconds === undefined ? '' : durationWords(seconds);
    });
  }
}
