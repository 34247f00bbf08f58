'use strict';
const token = new URLSearchParams(location.search).get('token');
const socket = new WebSocket(`ws://${location.host}/socket?token=${token}`);
socket.binaryType = 'arraybuffer';
const show = (text) => {
  const messages = document.getElementById('messages');
  messages.textContent =
      (messages.textContent + text + '\n').split('\n').slice(-200).join('\n');
};
socket.onmessage = ({data}) => {
  if (typeof data !== 'string') return show(`${data.byteLength} bytes`);
  const message = JSON.parse(data);
  if (message.type === 'state') {
    document.getElementById('state').textContent =
        `${message.state} ${message.stage} ${message.step}/${message.steps}`;
  }
  show(data.slice(0, 300));
};
socket.onclose = () => {
  document.getElementById('state').textContent = 'Not connected';
};
