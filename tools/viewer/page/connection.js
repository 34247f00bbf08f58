'use strict';

// An address of the program, with the token that this page was opened with.
function withToken(path) {
  const address = new URL(path, location.origin);
  address.searchParams.set(
      'token', new URLSearchParams(location.search).get('token') || '');
  return address;
}

// The socket to the program. It opens itself again when it was closed, after
// half a second at first, then after ever longer pauses. `handlers`:
//   message(object)          each message but scenes
//   scene(object, payload)   a scene and its payload, an ArrayBuffer
//   opened(), lost()
class Connection {
  constructor(handlers) {
    this.handlers = handlers;
    this.tries = 0;
    this.open();
    // A page that wakes up does not wait for the end of a pause.
    const soon = () => {
      if (!this.socket && document.visibilityState === 'visible') this.open();
    };
    addEventListener('online', soon);
    document.addEventListener('visibilitychange', soon);
  }

  open() {
    clearTimeout(this.timer);
    const address = withToken('/socket');
    address.protocol = 'ws:';
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    let scene = null;  // whose payload comes next
    socket.onopen = () => {
      this.tries = 0;
      this.handlers.opened();
    };
    socket.onmessage = ({data}) => {
      if (data instanceof ArrayBuffer) {
        if (scene) this.handlers.scene(scene, data);
        scene = null;
        return;
      }
      const message = JSON.parse(data);
      if (message.type === 'scene') {
        scene = message;
      } else {
        this.handlers.message(message);
      }
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.handlers.lost();
      this.timer = setTimeout(
          () => this.open(), Math.min(5000, 500 * 2 ** this.tries++));
    };
  }

  // Whether `command` could be sent.
  send(command) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(command));
    return true;
  }
}
