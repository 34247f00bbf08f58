'use strict';

// A button for each exporter, and what came of it.
class ExportsPanel {
  constructor({send}) {
    this.send = send;
    this.list = document.getElementById('exports');
    this.items = new Map();
  }

  setHello({exporters}) {
    this.items.clear();
    this.list.replaceChildren(...exporters.map((exporter) => {
      const item = document.createElement('li');
      const words = document.createElement('div');
      const name = document.createElement('strong');
      name.textContent = exporter.name;
      const summary = document.createElement('p');
      summary.textContent = exporter.summary;
      words.append(name, summary);
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Export';
      button.setAttribute('aria-label', `Export ${exporter.name}`);
      button.addEventListener('click', () => this.send(
          {command: 'export', exporter: exporter.name}));
      const result = document.createElement('p');
      result.className = 'result';
      result.setAttribute('role', 'status');
      item.append(words, button, result);
      this.items.set(exporter.name, {button, result});
      return item;
    }));
  }

  // Whether `message` is of an exporter that is listed.
  show({exporter, state, message, url}) {
    const item = this.items.get(exporter);
    if (!item) return false;
    const {button, result} = item;
    button.disabled = state === 'running';
    result.dataset.state = state;
    result.replaceChildren();
    if (state === 'running') {
      const bar = document.createElement('progress');
      bar.setAttribute('aria-label', `Exporting ${exporter}`);
      result.append(bar);
    } else if (url && state === 'done') {
      const link = document.createElement('a');
      link.href = withToken(url);
      link.download = '';
      link.textContent = 'Download';
      result.append(link, message ? ` ${message}` : '');
    } else {
      result.textContent = message || (state === 'done' ? 'Done' : 'Failed');
    }
    return true;
  }

  // A connection that is lost tells nothing more of what was under way.
  lost() {
    for (const {button, result} of this.items.values()) {
      if (result.dataset.state !== 'running') continue;
      button.disabled = false;
      delete result.dataset.state;
      result.replaceChildren();
    }
  }
}
