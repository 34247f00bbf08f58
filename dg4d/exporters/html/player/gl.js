'use strict';

function compile(gl, kind, source) {
  const shader = gl.createShader(kind);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

const programs = new WeakMap();  // of each context, by its shaders

// A program and the places of its uniforms by name; compiled once.
function programOf(gl, vertex, fragment) {
  if (!programs.has(gl)) programs.set(gl, new Map());
  const made = programs.get(gl), key = vertex + fragment;
  if (!made.has(key)) made.set(key, makeProgram(gl, vertex, fragment));
  return made.get(key);
}

function makeProgram(gl, vertex, fragment) {
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, vertex));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, fragment));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) &&
      !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(program).map(
        (shader) => gl.getShaderInfoLog(shader));
    throw new Error([gl.getProgramInfoLog(program), ...logs].join('\n'));
  }
  const at = {};
  const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS);
  for (let i = 0; i < count; ++i) {
    const {name} = gl.getActiveUniform(program, i);
    at[name] = gl.getUniformLocation(program, name);
  }
  return {program, at};
}

// A texture that is read texel by texel.
function makeTable(gl, kind) {
  const texture = gl.createTexture();
  gl.bindTexture(kind, texture);
  gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(kind, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(kind, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return texture;
}

function makeBuffer(gl, kind, data) {
  const buffer = gl.createBuffer();
  gl.bindBuffer(kind, buffer);
  gl.bufferData(kind, data, gl.STATIC_DRAW);
  return buffer;
}

// How `shade` is given to shaders.
const SHADES = ['colour', 'alpha', 'depth', 'normals'];
