'use strict';

// Draws the meshes, or their edges. Frames of one topology are mixed; where
// each frame has a mesh of its own, the last one that began is shown.
class MeshLayer {
  constructor(gl, parts, meshes, images) {
    Object.assign(this, {gl, parts});
    this.program = programOf(gl, MESH_VERTEX, MESH_FRAGMENT);
    this.textures = images.map((image) => this.upload(image));
    this.meshes = meshes.map((mesh) => ({
      array: gl.createVertexArray(),
      positions: makeBuffer(gl, gl.ARRAY_BUFFER, mesh.positions),
      normals: makeBuffer(gl, gl.ARRAY_BUFFER, mesh.normals),
      uvs: mesh.uvs && makeBuffer(gl, gl.ARRAY_BUFFER, mesh.uvs),
      indices: makeBuffer(gl, gl.ELEMENT_ARRAY_BUFFER, mesh.indices),
      edges: makeBuffer(gl, gl.ELEMENT_ARRAY_BUFFER, mesh.edges),
      count: mesh.count,
      indexCount: mesh.indices.length,
      edgeCount: mesh.edges.length,
    }));
  }

  upload(image) {
    const {gl} = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER,
                     gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  // Gives the graphics card its memory back.
  free() {
    const {gl} = this;
    for (const mesh of this.meshes) {
      for (const name of ['positions', 'normals', 'uvs', 'indices', 'edges']) {
        gl.deleteBuffer(mesh[name] || null);
      }
      gl.deleteVertexArray(mesh.array);
    }
    for (const texture of this.textures) gl.deleteTexture(texture);
  }

  draw(view, time, shade, background, wireframe) {
    const {gl} = this;
    const {at} = this.program;
    const index = this.parts.findIndex(
        ({first_frame, frames}) => time.first < first_frame + frames);
    const which = index < 0 ? this.parts.length - 1 : index;
    const part = this.parts[which], mesh = this.meshes[which];
    const last = part.frames - 1;
    const first = Math.min(time.first - part.first_frame, last);
    const second = last > 0 ? Math.min(time.second, last) : first;

    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, ...view.size);
    gl.clearColor(...(shade === 'alpha' ? [0, 0, 0] : background), 1);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program.program);
    gl.bindVertexArray(mesh.array);
    const point = (location, buffer, type, size, normalized, offset) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, 3, type, normalized, size, offset);
    };
    point(0, mesh.positions, gl.UNSIGNED_SHORT, 8, false,
          8 * first * mesh.count);
    point(1, mesh.positions, gl.UNSIGNED_SHORT, 8, false,
          8 * second * mesh.count);
    point(2, mesh.normals, gl.BYTE, 4, true, 4 * first * mesh.count);
    point(3, mesh.normals, gl.BYTE, 4, true, 4 * second * mesh.count);
    if (mesh.uvs) {
      gl.bindBuffer(gl.ARRAY_BUFFER, mesh.uvs);
      gl.enableVertexAttribArray(4);
      gl.vertexAttribPointer(4, 2, gl.FLOAT, false, 0, 0);
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, this.textures[part.texture]);
    }
    gl.uniform1i(at.u_texture, 1);
    gl.uniform1i(at.u_textured, +Boolean(mesh.uvs));
    gl.uniform1f(at.u_mix, last > 0 ? time.mix : 0);
    gl.uniform3fv(at.u_low, part.vertices.low);
    gl.uniform3fv(at.u_step, part.vertices.step);
    gl.uniformMatrix3fv(at.u_rotation, false, view.rotation);
    gl.uniform3fv(at.u_translation, view.translation);
    gl.uniform2fv(at.u_size, view.size);
    gl.uniform1f(at.u_focal, view.focal);
    gl.uniform2f(at.u_clip, Math.max(0.01, 0.5 * view.depthRange[0]),
                 2 * view.depthRange[1]);
    gl.uniform2fv(at.u_depth_range, view.depthRange);
    gl.uniform3fv(at.u_forward, view.forward);
    gl.uniform1i(at.u_shade, SHADES.indexOf(shade));

    // Edges are drawn over the surface's depths, so that it hides those behind.
    gl.colorMask(!wireframe, !wireframe, !wireframe, true);
    if (wireframe) {
      gl.enable(gl.POLYGON_OFFSET_FILL);
      gl.polygonOffset(1, 2);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.indices);
    gl.drawElements(gl.TRIANGLES, mesh.indexCount, gl.UNSIGNED_INT, 0);
    gl.colorMask(true, true, true, true);
    gl.disable(gl.POLYGON_OFFSET_FILL);
    if (wireframe) {
      const bright = 0.3 * background[0] + 0.6 * background[1] +
          0.1 * background[2];
      if (shade === 'colour') {
        gl.uniform1i(at.u_shade, 4);
        gl.uniform3fv(at.u_line, Array(3).fill(bright > 0.5 ? 0.15 : 0.85));
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.edges);
      gl.drawElements(gl.LINES, mesh.edgeCount, gl.UNSIGNED_INT, 0);
    }
    gl.bindVertexArray(null);
  }
}
