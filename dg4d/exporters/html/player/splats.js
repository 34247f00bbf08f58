'use strict';

// Draws Gaussians: into a texture of floats, so that a hundred layers do not
// round a hundred times to 8 bits, and from there onto the canvas.
class SplatLayer {
  constructor(gl, part, {texels, height, sh, shHeight}) {
    Object.assign(this, {gl, part});
    this.splats = programOf(gl, SPLAT_VERTEX, SPLAT_FRAGMENT);
    this.resolve = programOf(gl, RESOLVE_VERTEX, RESOLVE_FRAGMENT);
    const floats = gl.getExtension('EXT_color_buffer_float') ||
        gl.getExtension('EXT_color_buffer_half_float');
    this.format = floats ? gl.RGBA16F : gl.RGBA8;

    this.gaussians = makeTable(gl, gl.TEXTURE_2D_ARRAY);
    gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, gl.RGBA32UI, 2048, height,
                  part.frames, 0, gl.RGBA_INTEGER, gl.UNSIGNED_INT, texels);
    this.sh = makeTable(gl, gl.TEXTURE_2D);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 2048, shHeight, 0, gl.RGBA,
                  gl.FLOAT, sh);

    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.order = makeBuffer(gl, gl.ARRAY_BUFFER, 4 * part.count);
    const index = gl.getAttribLocation(this.splats.program, 'a_index');
    gl.enableVertexAttribArray(index);
    gl.vertexAttribIPointer(index, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(index, 1);
    gl.bindVertexArray(null);

    this.sums = null;
    this.frame = gl.createFramebuffer();
    this.sorted = false;
  }

  // Gives the graphics card its memory back.
  free() {
    const {gl} = this;
    for (const texture of [this.gaussians, this.sh, this.sums]) {
      gl.deleteTexture(texture);
    }
    gl.deleteBuffer(this.order);
    gl.deleteVertexArray(this.array);
    gl.deleteFramebuffer(this.frame);
  }

  setOrder(order) {
    const {gl} = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.order);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, order);
    this.sorted = true;
  }

  fit([width, height]) {
    if (this.sums && this.width === width && this.height === height) return;
    const {gl} = this;
    if (this.sums) gl.deleteTexture(this.sums);
    Object.assign(this, {width, height});
    this.sums = makeTable(gl, gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, this.format, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0,
                            gl.TEXTURE_2D, this.sums, 0);
  }

  // `time` is {first, second, mix} of frames.
  draw(view, time, shade, background) {
    if (!this.sorted) return;
    const {gl, part} = this;
    this.fit(view.size);
    const number = SHADES.indexOf(shade);

    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.viewport(0, 0, ...view.size);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.splats.program);
    const {at} = this.splats;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.gaussians);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.sh);
    gl.uniform1i(at.u_gaussians, 0);
    gl.uniform1i(at.u_sh, 1);
    const last = part.frames - 1;
    gl.uniform2i(at.u_frames, Math.min(time.first, last),
                 Math.min(time.second, last));
    gl.uniform1f(at.u_mix, time.mix);
    gl.uniform3fv(at.u_mean_low, part.means.low);
    gl.uniform3fv(at.u_mean_step, part.means.step);
    gl.uniform2f(at.u_scale_code, part.log_scales.low[0],
                 part.log_scales.step[0]);
    gl.uniform2f(at.u_quaternion_code, part.quaternions.low,
                 part.quaternions.step);
    gl.uniform1i(at.u_sh_degree, part.sh_degree);
    gl.uniformMatrix3fv(at.u_rotation, false, view.rotation);
    gl.uniform3fv(at.u_translation, view.translation);
    gl.uniform3fv(at.u_position, view.position);
    gl.uniform2fv(at.u_size, view.size);
    gl.uniform1f(at.u_focal, view.focal);
    gl.uniform2fv(at.u_depth_range, view.depthRange);
    gl.uniform1i(at.u_shade, number);
    gl.bindVertexArray(this.array);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, part.count);
    gl.bindVertexArray(null);

    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.BLEND);
    gl.useProgram(this.resolve.program);
    gl.bindTexture(gl.TEXTURE_2D, this.sums);
    gl.uniform1i(this.resolve.at.u_sums, 1);
    gl.uniform3fv(this.resolve.at.u_background, background);
    gl.uniform1i(this.resolve.at.u_shade, number);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}
