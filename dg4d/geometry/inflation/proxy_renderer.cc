#include "dg4d/geometry/inflation/proxy_renderer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include <cmath>

#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_raster.h"

namespace dg4d::inflation {
namespace {

// Averages 2x2 texels while that keeps the two halves of the atlas apart.
std::vector<at::Tensor> Halvings(const at::Tensor& texture) {
  std::vector<at::Tensor> levels = {texture.contiguous()};
  while (levels.back().size(0) % 2 == 0 && levels.back().size(1) % 4 == 0 &&
         levels.back().size(0) > 16) {
    const at::Tensor& t = levels.back();
    levels.push_back(
        t.view({t.size(0) / 2, 2, t.size(1) / 2, 2, 3}).mean({1, 3}));
  }
  return levels;
}

// The triangles that face the camera: of a closed surface no other is seen.
struct Facing {
  std::vector<int32_t> triangles, uv_triangles;
};

Facing FacingTriangles(const std::vector<float>& positions, const Mesh& mesh) {
  const at::Tensor triangles = mesh.triangles.contiguous();
  const at::Tensor uv_triangles = mesh.uv_triangles.contiguous();
  const int32_t* corner = triangles.data_ptr<int32_t>();
  const int32_t* uv_corner = uv_triangles.data_ptr<int32_t>();
  Facing facing;
  for (int64_t t = 0; t < mesh.triangle_count();
       ++t, corner += 3, uv_corner += 3) {
    const float* a = &positions[3 * size_t(corner[0])];
    const float* b = &positions[3 * size_t(corner[1])];
    const float* c = &positions[3 * size_t(corner[2])];
    // The triple product of homogeneous pixels has the sign of the area, y
    // being down, also where a corner is behind the camera.
    const double area =
        double(a[0]) * (double(b[1]) * c[2] - double(b[2]) * c[1]) +
        double(a[1]) * (double(b[2]) * c[0] - double(b[0]) * c[2]) +
        double(a[2]) * (double(b[0]) * c[1] - double(b[1]) * c[0]);
    if (area >= 0) continue;
    facing.triangles.insert(facing.triangles.end(), corner, corner + 3);
    facing.uv_triangles.insert(facing.uv_triangles.end(), uv_corner,
                               uv_corner + 3);
  }
  return facing;
}

double Wrap(double frame, int count) {
  const double wrapped = std::fmod(frame, count);
  return wrapped < 0 ? wrapped + count : wrapped;
}

}  // namespace

ProxyRenderer::ProxyRenderer(std::vector<Mesh> frames)
    : frames_(std::move(frames)), one_topology_(HaveOneTopology(frames_)) {
  std::vector<at::Tensor> seen;
  for (const Mesh& mesh : frames_) {
    int found = -1;
    for (int i = 0; i < static_cast<int>(seen.size()) && found < 0; ++i) {
      if (seen[i].is_same(mesh.albedo.pixels) ||
          at::equal(seen[i], mesh.albedo.pixels)) {
        found = i;
      }
    }
    if (found < 0) {
      found = static_cast<int>(seen.size());
      seen.push_back(mesh.albedo.pixels);
      textures_.push_back(Halvings(mesh.albedo.pixels));
    }
    texture_of_frame_.push_back(found);
  }
}

int ProxyRenderer::NearestFrame(double frame) const {
  return static_cast<int>(std::lround(Wrap(frame, frame_count()))) %
         frame_count();
}

at::Tensor ProxyRenderer::VerticesAt(double frame) const {
  const double wrapped = Wrap(frame, frame_count());
  const int before = static_cast<int>(wrapped) % frame_count();
  const double t = wrapped - std::floor(wrapped);
  if (t == 0) return frames_[before].vertices;
  if (!one_topology_) return frames_[NearestFrame(frame)].vertices;
  const int after = (before + 1) % frame_count();
  return frames_[before].vertices * (1 - t) + frames_[after].vertices * t;
}

at::Tensor ProxyRenderer::Texture(int frame, int height) const {
  const std::vector<at::Tensor>& levels = textures_[texture_of_frame_[frame]];
  // The atlas is as high as the picture that it was made from.
  const double excess = double(levels[0].size(0)) / height;
  const int level = static_cast<int>(std::lround(std::log2(excess)));
  return levels[std::clamp(level, 0, static_cast<int>(levels.size()) - 1)];
}

at::Tensor ProxyRenderer::Render(double frame, const Camera& camera) const {
  const int nearest = NearestFrame(frame);
  const Mesh& mesh = frames_[nearest];
  const at::Tensor vertices = VerticesAt(frame).contiguous();
  const at::Tensor uvs = mesh.uvs.contiguous();
  const at::Tensor texture = Texture(nearest, camera.height);

  // The kernel's view axes are x right, y down, z forward.
  const auto m = camera.camera_from_world();
  float view_from_world[12];
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 4; ++column) {
      view_from_world[4 * row + column] =
          static_cast<float>((row == 0 ? 1 : -1) * m[4 * row + column]);
    }
  }
  const float focal = static_cast<float>(camera.focal());
  const float focal_lengths[2] = {focal, focal};
  const int64_t mesh_of_image = 0;
  std::vector<float> positions(static_cast<size_t>(vertices.numel()));
  ProjectMeshCpu<float>({.meshes = 1,
                         .vertex_count = vertices.size(0),
                         .images = 1,
                         .width = camera.width,
                         .height = camera.height,
                         .vertices = vertices.data_ptr<float>(),
                         .mesh_of_image = &mesh_of_image,
                         .view_from_world = view_from_world,
                         .focal_lengths = focal_lengths},
                        positions.data());

  const Facing facing = FacingTriangles(positions, mesh);
  MeshCoverageInputs<float> inputs;
  inputs.geometry = {
      .images = 1,
      .vertex_count = vertices.size(0),
      .triangle_count = static_cast<int64_t>(facing.triangles.size()) / 3,
      .width = camera.width,
      .height = camera.height,
      .positions = positions.data(),
      .triangles = facing.triangles.data(),
      .near = static_cast<float>(camera.near),
      .far = static_cast<float>(camera.far)};
  inputs.uv_triangles = facing.uv_triangles.data();
  inputs.uvs = uvs.data_ptr<float>();
  inputs.layers = texture.data_ptr<float>();
  inputs.layer_height = static_cast<int>(texture.size(0));
  inputs.layer_width = static_cast<int>(texture.size(1));
  const at::Tensor rgba =
      at::empty({camera.height, camera.width, 4}, at::kFloat);
  RenderMeshCoverageCpu(inputs, rgba.data_ptr<float>(),
                        static_cast<float*>(nullptr));
  return rgba;
}

Image StraightImage(const at::Tensor& premultiplied) {
  const at::Tensor alpha = premultiplied.narrow(2, 3, 1);
  const at::Tensor rgb = premultiplied.narrow(2, 0, 3) / alpha.clamp_min(1e-6);
  return {at::cat({rgb.clamp(0, 1), alpha}, 2)};
}

}  // namespace dg4d::inflation
