'use strict';

// Mouse, touch and keyboard on the canvas move the camera:
//   drag, one finger, arrows          orbit
//   right or shift drag, two fingers, shift + arrows   pan
//   wheel, pinch, + and -             zoom
//   double click, R                   back to where it began
function attachGestures(canvas, camera, onChange) {
  const pointers = new Map();
  const size = () => Math.min(canvas.clientWidth, canvas.clientHeight);

  const centre = () => {
    const all = [...pointers.values()];
    const x = all.reduce((sum, p) => sum + p.x, 0) / all.length;
    const y = all.reduce((sum, p) => sum + p.y, 0) / all.length;
    const spread =
        all.reduce((sum, p) => sum + Math.hypot(p.x - x, p.y - y), 0);
    return {x, y, spread};
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
  });
  const release = (event) => pointers.delete(event.pointerId);
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  canvas.addEventListener('pointermove', (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = centre();
    pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    const after = centre();
    const x = after.x - before.x, y = after.y - before.y;
    if (pointers.size > 1 || event.shiftKey || event.buttons & 6) {
      camera.pan(x, y, size());
      if (before.spread > 0 && after.spread > 0) {
        camera.zoom(before.spread / after.spread);
      }
    } else {
      camera.orbit(-x * 240 / size(), -y * 240 / size());
    }
    onChange();
  });
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    camera.zoom(Math.exp(Math.max(-300, Math.min(300, pixels)) * 0.0015));
    onChange();
  }, {passive: false});
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('dblclick', () => {
    camera.reset();
    onChange();
  });
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
                   ArrowDown: [0, 1]}[event.key];
    if (arrow && event.shiftKey) {
      camera.pan(-arrow[0] * 20, -arrow[1] * 20, size());
    } else if (arrow) {
      camera.orbit(arrow[0] * 5, arrow[1] * 5);
    } else if (event.key === '+' || event.key === '=') {
      camera.zoom(1 / 1.1);
    } else if (event.key === '-') {
      camera.zoom(1.1);
    } else if (event.key.toLowerCase() === 'r') {
      camera.reset();
    } else {
      return;
    }
    event.preventDefault();
    onChange();
  });
}
