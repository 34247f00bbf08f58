#include "dg4d/geometry/inflation/proxy_renderer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <utility>

#include "dg4d/base/cuda_stream.h"
#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_raster_cuda.h"

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

// `inputs` see the vertices at `positions`, where this projects them to.
void DrawOnCuda(const MeshProjection<float>& projection,
                const MeshCoverageInputs<float>& inputs, at::Tensor positions,
                at::Tensor rgba) {
  const c10::Device device = rgba.device();
  const c10::DeviceGuard guard(device);
  auto* stream = static_cast<CUstream_st*>(CurrentCudaStream(device));
  const MeshGeometry<float>& geometry = inputs.geometry;
  const at::Tensor workspace =
      at::empty({RenderMeshCoverageWorkspaceBytes(
                    geometry.images, geometry.triangle_count, geometry.width,
                    geometry.height, inputs.samples)},
                rgba.options().dtype(at::kByte));
  absl::Status status =
      ProjectMeshCuda(projection, positions.data_ptr<float>(), stream);
  if (status.ok()) {
    status = RenderMeshCoverageCuda<float>(
        inputs, rgba.data_ptr<float>(), nullptr, workspace.data_ptr(), stream);
  }
  TORCH_CHECK(status.ok(), status.message());
}

double Wrap(double frame, int count) {
  const double wrapped = std::fmod(frame, count);
  return wrapped < 0 ? wrapped + count : wrapped;
}

}  // namespace

ProxyRenderer::ProxyRenderer(std::vector<Mesh> frames, c10::Device device)
    : device_(device),
      frames_(std::move(frames)),
      one_topology_(HaveOneTopology(frames_)) {
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
      textures_.push_back(Halvings(mesh.albedo.pixels.to(device)));
    }
    texture_of_frame_.push_back(found);
  }
  for (Mesh& mesh : frames_) {
    for (at::Tensor* tensor :
         {&mesh.vertices, &mesh.triangles, &mesh.uvs, &mesh.uv_triangles}) {
      *tensor = tensor->to(device).contiguous();
    }
  }
  mesh_of_image_ = at::zeros({1}, at::TensorOptions(device).dtype(at::kLong));
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
  const at::Tensor texture = Texture(nearest, camera.height);

  // Rows of the view from the world, whose axes are x right, y down, z forward,
  // then the focal lengths.
  const auto m = camera.camera_from_world();
  std::vector<float> numbers;
  for (int i = 0; i < 12; ++i) {
    numbers.push_back(static_cast<float>((i < 4 ? 1 : -1) * m[i]));
  }
  numbers.resize(14, static_cast<float>(camera.focal()));
  const at::Tensor projection = at::tensor(numbers).to(device_);
  const at::Tensor positions = at::empty_like(vertices);
  const at::Tensor rgba =
      at::empty({camera.height, camera.width, 4}, vertices.options());

  const MeshProjection<float> project = {
      .meshes = 1,
      .vertex_count = vertices.size(0),
      .images = 1,
      .width = camera.width,
      .height = camera.height,
      .vertices = vertices.data_ptr<float>(),
      .mesh_of_image = mesh_of_image_.data_ptr<int64_t>(),
      .view_from_world = projection.data_ptr<float>(),
      .focal_lengths = projection.data_ptr<float>() + 12};
  MeshCoverageInputs<float> inputs;
  inputs.geometry = {.images = 1,
                     .vertex_count = vertices.size(0),
                     .triangle_count = mesh.triangle_count(),
                     .width = camera.width,
                     .height = camera.height,
                     .positions = positions.data_ptr<float>(),
                     .triangles = mesh.triangles.data_ptr<int32_t>(),
                     .near = static_cast<float>(camera.near),
                     .far = static_cast<float>(camera.far)};
  inputs.closed = true;
  inputs.uv_triangles = mesh.uv_triangles.data_ptr<int32_t>();
  inputs.uvs = mesh.uvs.data_ptr<float>();
  inputs.layers = texture.data_ptr<float>();
  inputs.layer_height = static_cast<int>(texture.size(0));
  inputs.layer_width = static_cast<int>(texture.size(1));
  if (device_.is_cuda()) {
    DrawOnCuda(project, inputs, positions, rgba);
  } else {
    ProjectMeshCpu(project, positions.data_ptr<float>());
    RenderMeshCoverageCpu<float>(inputs, rgba.data_ptr<float>(), nullptr);
  }
  return rgba;
}

Image StraightImage(const at::Tensor& premultiplied) {
  const at::Tensor alpha = premultiplied.narrow(2, 3, 1);
  const at::Tensor rgb = premultiplied.narrow(2, 0, 3) / alpha.clamp_min(1e-6);
  return {at::cat({rgb.clamp(0, 1), alpha}, 2)};
}

}  // namespace dg4d::inflation
