'use strict';

// ---- Depth ------------------------------------------------------------------

// From far to near, evenly: matplotlib's viridis (CC0), which is as bright as it
// is near, also to the colour-blind.
const DEPTH_COLOURS = ['#440154', '#472d7b', '#3b528b', '#2c728e', '#21918c',
                       '#28ae80', '#5ec962', '#addc30', '#fde725'];

const DEPTH_RAMP = `
const vec3 DEPTH_COLOURS[${DEPTH_COLOURS.length}] = vec3[](
${DEPTH_COLOURS.map((colour) => `    vec3(${[1, 3, 5].map((i) =>
    (parseInt(colour.slice(i, i + 2), 16) / 255).toFixed(4)).join(', ')})`)
    .join(',\n')});

// The colour of depth 0 (nearest) to 1.
vec3 depth_colour(float depth) {
  float x = (1.0 - clamp(depth, 0.0, 1.0)) * ${DEPTH_COLOURS.length - 1}.0;
  int i = min(int(x), ${DEPTH_COLOURS.length - 2});
  return mix(DEPTH_COLOURS[i], DEPTH_COLOURS[i + 1], x - float(i));
}
`;

// ---- Gaussians --------------------------------------------------------------

// The maths of dg4d/kernels/gaussian_raster_math.h: EWA projection with a low
// pass and a bound on the shear. Each Gaussian is a quad along the axes of its
// footprint, just large enough for all pixels of which it covers 1/255.
const SPLAT_VERTEX = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2DArray;

uniform usampler2DArray u_gaussians;
uniform highp sampler2D u_sh;
uniform ivec2 u_frames;      // mixed by u_mix
uniform float u_mix;
uniform vec3 u_mean_low, u_mean_step;
uniform vec2 u_scale_code, u_quaternion_code;  // low, step
uniform int u_sh_degree;
uniform mat3 u_rotation;     // of view_from_world: x right, y down, z forward
uniform vec3 u_translation;
uniform vec3 u_position;     // of the camera
uniform vec2 u_size;         // pixels
uniform float u_focal;       // pixels
uniform vec2 u_depth_range;
uniform int u_shade;

in uint a_index;

flat out vec4 v_colour;      // and opacity
flat out float v_reach;
out vec2 v_offset;           // standard deviations

const float LOW_PASS = 0.3;  // square pixels
const float NEAR = 0.2;
const float SHEAR_BOUND = 1.3;

struct Gaussian {
  vec3 mean;
  vec4 quaternion;
  vec3 log_scale;
  float opacity;
};

vec2 halves(uint word) { return vec2(word & 0xffffu, word >> 16); }

Gaussian decoded(int frame) {
  int i = int(a_index);
  ivec3 at = ivec3(2 * (i & 1023), i >> 10, frame);
  uvec4 a = texelFetch(u_gaussians, at, 0);
  uvec4 b = texelFetch(u_gaussians, at + ivec3(1, 0, 0), 0);
  vec2 z_opacity = halves(a.y);
  return Gaussian(
      u_mean_low + u_mean_step * vec3(halves(a.x), z_opacity.x),
      u_quaternion_code.x +
          u_quaternion_code.y * vec4(halves(b.x), halves(b.y)),
      u_scale_code.x + u_scale_code.y * vec3(halves(a.z), float(a.w)),
      z_opacity.y / 255.0);
}

Gaussian at_time() {
  Gaussian a = decoded(u_frames.x);
  if (u_mix == 0.0) return a;
  Gaussian b = decoded(u_frames.y);
  float sign = dot(a.quaternion, b.quaternion) < 0.0 ? -1.0 : 1.0;
  return Gaussian(mix(a.mean, b.mean, u_mix),
                  mix(a.quaternion, sign * b.quaternion, u_mix),
                  mix(a.log_scale, b.log_scale, u_mix),
                  mix(a.opacity, b.opacity, u_mix));
}

mat3 rotation_of(vec4 q) {
  q /= max(length(q), 1e-12);
  float w = q.x, x = q.y, y = q.z, z = q.w;
  return mat3(
      1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y),
      2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x),
      2.0 * (x * z + w * y), 2.0 * (y * z - w * x),
      1.0 - 2.0 * (x * x + y * y));
}

// Real spherical harmonics with the signs of Kerbl et al. 2023.
vec3 sh_colour(vec3 d) {
  int count = (u_sh_degree + 1) * (u_sh_degree + 1);
  if (count == 1) {
    int i = int(a_index);
    vec3 sh = texelFetch(u_sh, ivec2(i & 2047, i >> 11), 0).rgb;
    return max(0.5 + 0.28209479177387814 * sh, 0.0);
  }
  float basis[16];
  float x = d.x, y = d.y, z = d.z;
  basis[0] = 0.28209479177387814;
  basis[1] = -0.4886025119029199 * y;
  basis[2] = 0.4886025119029199 * z;
  basis[3] = -0.4886025119029199 * x;
  basis[4] = 1.0925484305920792 * x * y;
  basis[5] = -1.0925484305920792 * y * z;
  basis[6] = 0.31539156525252005 * (2.0 * z * z - x * x - y * y);
  basis[7] = -1.0925484305920792 * x * z;
  basis[8] = 0.5462742152960396 * (x * x - y * y);
  basis[9] = -0.5900435899266435 * y * (3.0 * x * x - y * y);
  basis[10] = 2.890611442640554 * x * y * z;
  basis[11] = -0.4570457994644658 * y * (4.0 * z * z - x * x - y * y);
  basis[12] =
      0.3731763325901154 * z * (2.0 * z * z - 3.0 * x * x - 3.0 * y * y);
  basis[13] = -0.4570457994644658 * x * (4.0 * z * z - x * x - y * y);
  basis[14] = 1.445305721320277 * z * (x * x - y * y);
  basis[15] = -0.5900435899266435 * x * (x * x - 3.0 * y * y);
  vec3 sum = vec3(0.5);
  for (int k = 0; k < count; ++k) {
    int i = int(a_index) * count + k;
    sum += basis[k] * texelFetch(u_sh, ivec2(i & 2047, i >> 11), 0).rgb;
  }
  return max(sum, 0.0);
}

vec3 shaded(Gaussian g, mat3 axes, float z) {
  if (u_shade == 1) return vec3(1.0);
  if (u_shade == 2) {
    return vec3((z - u_depth_range.x) / (u_depth_range.y - u_depth_range.x));
  }
  vec3 direction = normalize(g.mean - u_position);
  if (u_shade == 3) {  // the shortest axis, towards the camera
    vec3 s = g.log_scale;
    vec3 n = s.x <= s.y && s.x <= s.z ? axes[0] : s.y <= s.z ? axes[1] : axes[2];
    return 0.5 - 0.5 * n * sign(dot(n, direction));
  }
  return sh_colour(direction);
}

void main() {
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);  // outside: not drawn
  Gaussian g = at_time();
  vec3 point = u_rotation * g.mean + u_translation;
  if (!(point.z > NEAR) || g.opacity * 255.0 < 1.0) return;
  vec2 bound = SHEAR_BOUND * 0.5 * u_size / u_focal;
  vec2 slope = clamp(point.xy / point.z, -bound, bound);
  mat3 axes = rotation_of(g.quaternion);
  // Columns: the Gaussian's axes, each a standard deviation long, in pixels.
  mat3 m = u_rotation * axes *
      mat3(exp(g.log_scale.x), 0, 0, 0, exp(g.log_scale.y), 0, 0, 0,
           exp(g.log_scale.z));
  vec3 x = (u_focal / point.z) *
      vec3(m[0].x - slope.x * m[0].z, m[1].x - slope.x * m[1].z,
           m[2].x - slope.x * m[2].z);
  vec3 y = (u_focal / point.z) *
      vec3(m[0].y - slope.y * m[0].z, m[1].y - slope.y * m[1].z,
           m[2].y - slope.y * m[2].z);
  float xx = dot(x, x) + LOW_PASS, xy = dot(x, y), yy = dot(y, y) + LOW_PASS;
  float middle = 0.5 * (xx + yy);
  float spread = length(vec2(0.5 * (xx - yy), xy));
  float major = middle + spread;
  float minor = max((xx * yy - xy * xy) / major, 1e-6);
  vec2 along = spread < 1e-6 * middle ? vec2(1.0, 0.0)
      : xx >= yy ? normalize(vec2(0.5 * (xx - yy) + spread, xy))
                 : normalize(vec2(xy, 0.5 * (yy - xx) + spread));
  v_reach = 2.0 * log(255.0 * g.opacity);
  vec2 corner =
      vec2((gl_VertexID & 1) * 2 - 1, (gl_VertexID >> 1) * 2 - 1);
  v_offset = corner * sqrt(v_reach);
  v_colour = vec4(shaded(g, axes, point.z), g.opacity);
  vec2 pixel = u_focal * point.xy / point.z +
      v_offset.x * sqrt(major) * along +
      v_offset.y * sqrt(minor) * vec2(-along.y, along.x);
  gl_Position = vec4(2.0 * pixel.x / u_size.x, -2.0 * pixel.y / u_size.y, 0, 1);
}`;

const SPLAT_FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 v_colour;
flat in float v_reach;
in vec2 v_offset;
out vec4 o_colour;  // premultiplied
void main() {
  float power = dot(v_offset, v_offset);
  if (power > v_reach) discard;
  float alpha = min(0.99, v_colour.a * exp(-0.5 * power));
  o_colour = vec4(v_colour.rgb * alpha, alpha);
}`;

// ---- From the splats' premultiplied sums to the page ------------------------

const RESOLVE_VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(float(gl_VertexID & 1) * 4.0 - 1.0,
                     float(gl_VertexID >> 1) * 4.0 - 1.0, 0, 1);
}`;

const RESOLVE_FRAGMENT = `#version 300 es
precision highp float;
uniform highp sampler2D u_sums;
uniform vec3 u_background;
uniform int u_shade;
out vec4 o_colour;
${DEPTH_RAMP}
void main() {
  vec4 sum = texelFetch(u_sums, ivec2(gl_FragCoord.xy), 0);
  vec3 rgb = sum.rgb;
  if (u_shade == 2) {  // of what is there, its mean depth
    rgb = depth_colour(rgb.r / max(sum.a, 1e-4)) * sum.a;
  }
  vec3 background = u_shade == 1 ? vec3(0.0) : u_background;
  o_colour = vec4(rgb + (1.0 - sum.a) * background, 1.0);
}`;

// ---- Meshes -----------------------------------------------------------------

const MESH_VERTEX = `#version 300 es
precision highp float;
uniform mat3 u_rotation;
uniform vec3 u_translation;
uniform vec2 u_size;
uniform float u_focal;
uniform vec2 u_clip;  // near, far
uniform float u_mix;
uniform vec3 u_low, u_step;
layout(location = 0) in vec3 a_first;
layout(location = 1) in vec3 a_second;
layout(location = 2) in vec3 a_first_normal;
layout(location = 3) in vec3 a_second_normal;
layout(location = 4) in vec2 a_uv;
out vec2 v_uv;
out vec3 v_normal;
out float v_depth;
void main() {
  vec3 point =
      u_rotation * (u_low + u_step * mix(a_first, a_second, u_mix)) +
      u_translation;
  v_uv = a_uv;
  v_normal = mix(a_first_normal, a_second_normal, u_mix);
  v_depth = point.z;
  float near = u_clip.x, far = u_clip.y;
  gl_Position = vec4(2.0 * u_focal * point.x / u_size.x,
                     -2.0 * u_focal * point.y / u_size.y,
                     ((far + near) * point.z - 2.0 * far * near) / (far - near),
                     point.z);
}`;

const MESH_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D u_texture;
uniform bool u_textured;
uniform int u_shade;  // 4: u_line
uniform vec3 u_line;
uniform vec3 u_forward;
uniform vec2 u_depth_range;
in vec2 v_uv;
in vec3 v_normal;
in float v_depth;
out vec4 o_colour;
${DEPTH_RAMP}
void main() {
  vec3 n = normalize(v_normal);
  vec3 rgb;
  if (u_shade == 1) rgb = vec3(1.0);
  else if (u_shade == 2) {
    rgb = depth_colour((v_depth - u_depth_range.x) /
                       (u_depth_range.y - u_depth_range.x));
  }
  else if (u_shade == 3) rgb = 0.5 + 0.5 * n;
  else if (u_shade == 4) rgb = u_line;
  else if (u_textured) rgb = texture(u_texture, v_uv).rgb;
  else rgb = vec3(0.35 + 0.6 * abs(dot(n, u_forward)));
  o_colour = vec4(rgb, 1.0);
}`;
