// Runs in a worker: unpacks scenes, and sorts the Gaussians of each by depth
// until told to forget it.
'use strict';

const TEXTURE_WIDTH = 2048;
const GAUSSIANS_PER_ROW = TEXTURE_WIDTH / 2;  // of two texels each

const sorters = new Map();  // by the scene's id

onmessage = async ({data}) => {
  try {
    if (data.kind === 'unpack') await unpack(data);
    if (data.kind === 'sort') sort(data);
    if (data.kind === 'forget') sorters.delete(data.id);
  } catch (error) {
    postMessage({kind: 'error', message: String(error.message || error)});
  }
};

// `payload` is deflated: bytes, or base64 of them.
async function unpack({id, header, payload}) {
  const bytes = await inflate(
      typeof payload === 'string' ? fromBase64(payload) : payload);
  const array = (place) => unpackArray(bytes, header.arrays[place.array]);
  const result = {kind: 'unpacked', id, gaussians: null, meshes: []};
  const transfers = [];
  if (header.gaussians) {
    result.gaussians = unpackGaussians(id, header.gaussians, array);
    transfers.push(result.gaussians.texels.buffer, result.gaussians.sh.buffer);
  }
  for (const part of header.meshes || []) {
    const mesh = unpackMesh(part, array);
    result.meshes.push(mesh);
    for (const value of Object.values(mesh)) {
      if (ArrayBuffer.isView(value)) transfers.push(value.buffer);
    }
  }
  postMessage(result, transfers);
}

function fromBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream =
      new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The numbers [rows, count, components] of one array: undoes byte planes,
// zigzag and differences, as payload.h describes them.
function unpackArray(bytes, {offset, rows, count, components, bytes: size}) {
  const type = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array}[size];
  const rowSize = count * components;
  const values = new type(rows * rowSize);
  const plane = rows * count;
  for (let component = 0; component < components; ++component) {
    let at = offset + component * size * plane;
    for (let i = component; i < values.length; i += components, ++at) {
      let zigzag = 0;
      for (let byte = 0; byte < size; ++byte) {
        zigzag |= bytes[at + byte * plane] << (8 * byte);
      }
      const difference = (zigzag >>> 1) ^ -(zigzag & 1);
      const before = i >= rowSize ? i - rowSize : i - components;
      values[i] = difference + (before < 0 ? 0 : values[before]);
    }
  }
  return values;
}

// Every frame's Gaussians as texels of two RGBA32UI each, ready for a texture
// array: x|y, z|opacity, scale x|y, scale z; quaternion w|x, y|z.
function unpackGaussians(id, part, array) {
  const {count, frames} = part;
  const means = array(part.means);
  const quaternions = array(part.quaternions);
  const scales = array(part.log_scales);
  const opacities = array(part.opacities);
  const height = Math.max(1, Math.ceil(count / GAUSSIANS_PER_ROW));
  const texels = new Uint32Array(frames * height * TEXTURE_WIDTH * 4);
  for (let frame = 0; frame < frames; ++frame) {
    for (let i = 0; i < count; ++i) {
      const at = 8 * (frame * height * GAUSSIANS_PER_ROW + i);
      const from = frame * count + i;
      texels[at] = means[3 * from] | means[3 * from + 1] << 16;
      texels[at + 1] = means[3 * from + 2] | opacities[from] << 16;
      texels[at + 2] = scales[3 * from] | scales[3 * from + 1] << 16;
      texels[at + 3] = scales[3 * from + 2];
      texels[at + 4] = quaternions[4 * from] | quaternions[4 * from + 1] << 16;
      texels[at + 5] =
          quaternions[4 * from + 2] | quaternions[4 * from + 3] << 16;
    }
  }
  const [low] = part.sh.low, [step] = part.sh.step;
  const numbers = array(part.sh);
  const shHeight = Math.max(1, Math.ceil(numbers.length / 3 / TEXTURE_WIDTH));
  const sh = new Float32Array(shHeight * TEXTURE_WIDTH * 4);
  for (let i = 0; i < numbers.length; ++i) {
    sh[4 * Math.floor(i / 3) + i % 3] = low + step * numbers[i];
  }
  sorters.set(id, new Sorter(means, count, part.means.step));
  return {texels, height, sh, shHeight};
}

// A mesh with one index a corner, as WebGL wants it: each pair of a vertex and
// a texture coordinate that occurs is a point.
function unpackMesh(part, array) {
  const frames = part.frames;
  const vertices = array(part.vertices);
  const vertexCount = vertices.length / 3 / frames;
  const triangles = array(part.triangles);
  const textured = part.uvs !== undefined;
  const uvTriangles = textured ? array(part.uv_triangles) : triangles;
  const points = new Map();
  const vertexOfPoint = [], uvOfPoint = [];
  const indices = new Uint32Array(triangles.length);
  const pointOfVertex = new Uint32Array(vertexCount);
  for (let corner = 0; corner < triangles.length; ++corner) {
    const vertex = triangles[corner], uv = uvTriangles[corner];
    const key = vertex * 0x200000 + uv;
    let point = points.get(key);
    if (point === undefined) {
      point = vertexOfPoint.length;
      points.set(key, point);
      vertexOfPoint.push(vertex);
      uvOfPoint.push(uv);
      pointOfVertex[vertex] = point;
    }
    indices[corner] = point;
  }
  const count = vertexOfPoint.length;
  const positions = new Uint16Array(frames * count * 4);
  const normals = new Int8Array(frames * count * 4);
  for (let frame = 0; frame < frames; ++frame) {
    const row = vertices.subarray(3 * frame * vertexCount,
                                  3 * (frame + 1) * vertexCount);
    const rowNormals = vertexNormals(row, triangles, part.vertices.step);
    for (let i = 0; i < count; ++i) {
      const to = 4 * (frame * count + i), from = 3 * vertexOfPoint[i];
      for (let c = 0; c < 3; ++c) {
        positions[to + c] = row[from + c];
        normals[to + c] = Math.round(127 * rowNormals[from + c]);
      }
    }
  }
  const mesh = {positions, normals, indices, edges: edgesOf(triangles,
                vertexCount, pointOfVertex), count};
  if (textured) {
    const {low, step} = part.uvs;
    const numbers = array(part.uvs);
    mesh.uvs = new Float32Array(2 * count);
    for (let i = 0; i < 2 * count; ++i) {
      const c = i % 2;
      mesh.uvs[i] = low[c] + step[c] * numbers[2 * uvOfPoint[i >> 1] + c];
    }
  }
  return mesh;
}

// Unit normals, the area-weighted mean of the triangles around each vertex.
function vertexNormals(vertices, triangles, step) {
  const normals = new Float32Array(vertices.length);
  const [sx, sy, sz] = step;
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 3 * triangles[t], b = 3 * triangles[t + 1],
          c = 3 * triangles[t + 2];
    const ux = sx * (vertices[b] - vertices[a]);
    const uy = sy * (vertices[b + 1] - vertices[a + 1]);
    const uz = sz * (vertices[b + 2] - vertices[a + 2]);
    const vx = sx * (vertices[c] - vertices[a]);
    const vy = sy * (vertices[c + 1] - vertices[a + 1]);
    const vz = sz * (vertices[c + 2] - vertices[a + 2]);
    const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz,
          nz = ux * vy - uy * vx;
    for (const corner of [a, b, c]) {
      normals[corner] += nx;
      normals[corner + 1] += ny;
      normals[corner + 2] += nz;
    }
  }
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i], normals[i + 1], normals[i + 2]);
    for (let c = 0; c < 3; ++c) {
      normals[i + c] = length > 1e-30 ? normals[i + c] / length : +(c === 2);
    }
  }
  return normals;
}

// Each edge once, as two points.
function edgesOf(triangles, vertexCount, pointOfVertex) {
  const seen = new Set();
  const edges = [];
  for (let corner = 0; corner < triangles.length; ++corner) {
    const a = triangles[corner];
    const b = triangles[corner % 3 === 2 ? corner - 2 : corner + 1];
    const key = Math.min(a, b) * vertexCount + Math.max(a, b);
    if (seen.has(key)) continue;
    seen.add(key);
    edges.push(pointOfVertex[a], pointOfVertex[b]);
  }
  return new Uint32Array(edges);
}

// Orders Gaussians from the farthest to the nearest by counting: depths in
// 65536 steps over what the scene spans.
class Sorter {
  constructor(means, count, step) {
    Object.assign(this, {means, count, step});
    this.depths = new Float32Array(count);
    this.keys = new Uint16Array(count);
    this.starts = new Uint32Array(65536);
  }

  // `axis` points away from the camera; the frames' rows are mixed.
  sort(first, second, mix, axis, order) {
    const {means, count, depths, keys, starts} = this;
    const x = axis[0] * this.step[0], y = axis[1] * this.step[1],
          z = axis[2] * this.step[2];
    const rest = 1 - mix;
    let a = 3 * first * count, b = 3 * second * count;
    let nearest = Infinity, farthest = -Infinity;
    for (let i = 0; i < count; ++i, a += 3, b += 3) {
      const depth = x * (rest * means[a] + mix * means[b]) +
          y * (rest * means[a + 1] + mix * means[b + 1]) +
          z * (rest * means[a + 2] + mix * means[b + 2]);
      depths[i] = depth;
      if (depth < nearest) nearest = depth;
      if (depth > farthest) farthest = depth;
    }
    const scale = 65535 / Math.max(farthest - nearest, 1e-30);
    starts.fill(0);
    for (let i = 0; i < count; ++i) {
      const key = (farthest - depths[i]) * scale | 0;
      keys[i] = key;
      ++starts[key];
    }
    for (let key = 0, start = 0; key < 65536; ++key) {
      const size = starts[key];
      starts[key] = start;
      start += size;
    }
    for (let i = 0; i < count; ++i) order[starts[keys[i]]++] = i;
  }
}

function sort({id, first, second, mix, axis, order}) {
  const start = performance.now();
  sorters.get(id).sort(first, second, mix, axis, order);
  postMessage({kind: 'sorted', id, order,
               milliseconds: performance.now() - start}, [order.buffer]);
}
