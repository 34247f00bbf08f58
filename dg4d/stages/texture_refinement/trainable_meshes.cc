#include "dg4d/stages/texture_refinement/trainable_meshes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dg4d::texture_refinement {
namespace {

// Half a step of an 8-bit texture. Nearer to 0 and 1, logits run away and take
// long to come back.
constexpr double kLeastColour = 1.0 / 512;

// Adam's own, as the original has it for textures.
constexpr double kEpsilon = 1e-8;

std::string TextureName(size_t index) { return absl::StrCat("texture", index); }
std::string OffsetsName(size_t index) { return absl::StrCat("offsets", index); }

at::Tensor MeanSquare(const at::Tensor& values) {
  return (values * values).mean();
}

}  // namespace

TrainableMeshes::TrainableMeshes(const std::vector<Mesh>& meshes,
                                 std::vector<double> times,
                                 const Options& options, c10::Device device)
    : meshes_(meshes),
      times_(std::move(times)),
      one_topology_(HaveOneTopology(meshes)),
      share_texture_(options.share_texture),
      train_geometry_(options.geometry_rate.from > 0 ||
                      options.geometry_rate.to > 0),
      device_(device),
      adam_({.epsilon = kEpsilon}) {
  TORCH_CHECK(!meshes.empty() && meshes.size() == times_.size(),
              "TrainableMeshes needs meshes and a time for each");
  TORCH_CHECK(!share_texture_ || one_topology_,
              "meshes of several topologies cannot share a texture");
  for (Mesh& mesh : meshes_) {
    mesh.vertices = mesh.vertices.to(device);
    mesh.triangles = mesh.triangles.to(device);
    mesh.uvs = mesh.uvs.to(device);
    mesh.uv_triangles = mesh.uv_triangles.to(device);
  }
  for (size_t i = 0; i < (share_texture_ ? 1 : meshes_.size()); ++i) {
    const at::Tensor logits =
        meshes_[i].albedo.pixels.narrow(2, 0, 3).to(device).logit(kLeastColour);
    adam_.Add(TextureName(i), logits, options.texture_rate);
    initial_logits_.push_back(logits);
  }
  if (!train_geometry_) return;
  for (size_t i = 0; i < (one_topology_ ? 1 : meshes_.size()); ++i) {
    adam_.Add(OffsetsName(i), at::zeros_like(meshes_[i].vertices),
              options.geometry_rate);
    const at::Tensor triangles = meshes_[i].triangles.cpu().contiguous();
    const int32_t* corner = triangles.data_ptr<int32_t>();
    std::set<std::pair<int64_t, int64_t>> edges;
    for (int64_t t = 0; t < triangles.size(0); ++t) {
      for (int k = 0; k < 3; ++k) {
        const int64_t a = corner[3 * t + k], b = corner[3 * t + (k + 1) % 3];
        edges.insert({a, b});
        edges.insert({b, a});
      }
    }
    std::vector<int64_t> from, to;
    std::vector<float> degrees(meshes_[i].vertex_count(), 0);
    for (const auto& [a, b] : edges) {
      from.push_back(a);
      to.push_back(b);
      ++degrees[a];
    }
    neighbours_.push_back(
        {.from = at::tensor(from).to(device),
         .to = at::tensor(to).to(device),
         .degrees = at::tensor(degrees).clamp_min(1).unsqueeze(1).to(device)});
  }
}

size_t TrainableMeshes::MeshAt(double frame) const {
  size_t nearest = 0;
  for (size_t i = 1; i < times_.size(); ++i) {
    if (std::abs(times_[i] - frame) < std::abs(times_[nearest] - frame)) {
      nearest = i;
    }
  }
  return nearest;
}

at::Tensor TrainableMeshes::Colours(size_t texture) const {
  return adam_[TextureName(texture)].sigmoid();
}

at::Tensor TrainableMeshes::Vertices(size_t mesh) const {
  const at::Tensor& rest = meshes_[mesh].vertices;
  return train_geometry_ ? rest + adam_[OffsetsName(OffsetsOf(mesh))] : rest;
}

MeshRendering TrainableMeshes::RenderTopology(
    const MeshRenderer& renderer, absl::Span<const Camera> cameras,
    const std::vector<size_t>& meshes, const at::Tensor& background) const {
  // Each mesh once, in the order of first use.
  std::vector<size_t> used;
  MeshBatch batch;
  for (const size_t mesh : meshes) {
    auto at = std::find(used.begin(), used.end(), mesh);
    if (at == used.end()) at = used.insert(used.end(), mesh);
    batch.mesh_of_camera.push_back(static_cast<int>(at - used.begin()));
  }
  std::vector<at::Tensor> vertices, textures;
  for (const size_t mesh : used) {
    vertices.push_back(Vertices(mesh));
    if (textures.empty() || !share_texture_) {
      textures.push_back(Colours(TextureOf(mesh)));
    }
  }
  batch.vertices = at::stack(vertices);
  batch.texture = at::stack(textures);
  batch.triangles = meshes_[used[0]].triangles;
  batch.uvs = meshes_[used[0]].uvs;
  batch.uv_triangles = meshes_[used[0]].uv_triangles;
  return renderer.Render(batch, cameras, background.to(device_));
}

MeshRendering TrainableMeshes::Render(const MeshRenderer& renderer,
                                      absl::Span<const Camera> cameras,
                                      absl::Span<const double> frames,
                                      const at::Tensor& background) const {
  std::vector<size_t> meshes;
  for (const double frame : frames) meshes.push_back(MeshAt(frame));
  if (one_topology_) {
    return RenderTopology(renderer, cameras, meshes, background);
  }
  std::vector<at::Tensor> rgb, alpha, depth, triangle_ids, uv, normals;
  for (size_t i = 0; i < cameras.size(); ++i) {
    const MeshRendering one =
        RenderTopology(renderer, cameras.subspan(i, 1), {meshes[i]},
                       background.narrow(0, static_cast<int64_t>(i), 1));
    rgb.push_back(one.rgb);
    alpha.push_back(one.alpha);
    depth.push_back(one.depth);
    triangle_ids.push_back(one.triangle_ids);
    uv.push_back(one.uv);
    normals.push_back(one.normals);
  }
  return {.rgb = at::cat(rgb),
          .alpha = at::cat(alpha),
          .depth = at::cat(depth),
          .triangle_ids = at::cat(triangle_ids),
          .uv = at::cat(uv),
          .normals = at::cat(normals)};
}

at::Tensor TrainableMeshes::TotalVariation() const {
  at::Tensor sum = at::zeros({}).to(device_);
  for (size_t i = 0; i < initial_logits_.size(); ++i) {
    const at::Tensor colours = Colours(i);
    for (const int axis : {0, 1}) {
      const int64_t size = colours.size(axis);
      if (size < 2) continue;
      sum = sum + MeanSquare(colours.narrow(axis, 1, size - 1) -
                             colours.narrow(axis, 0, size - 1));
    }
  }
  return sum / static_cast<double>(initial_logits_.size());
}

at::Tensor TrainableMeshes::ColourChange() const {
  at::Tensor sum = at::zeros({}).to(device_);
  for (size_t i = 0; i < initial_logits_.size(); ++i) {
    sum = sum + at::mse_loss(Colours(i), initial_logits_[i].sigmoid());
  }
  return sum / static_cast<double>(initial_logits_.size());
}

at::Tensor TrainableMeshes::Roughness() const {
  at::Tensor sum = at::zeros({}).to(device_);
  for (size_t i = 0; i < neighbours_.size(); ++i) {
    const Neighbours& neighbours = neighbours_[i];
    const at::Tensor& offsets = adam_[OffsetsName(i)];
    const at::Tensor around =
        at::zeros_like(offsets).index_add(
            0, neighbours.from, offsets.index_select(0, neighbours.to)) /
        neighbours.degrees;
    sum = sum + MeanSquare(offsets - around);
  }
  return sum / static_cast<double>(std::max<size_t>(1, neighbours_.size()));
}

std::vector<Mesh> TrainableMeshes::Result() const {
  std::vector<Image> albedos;
  for (size_t i = 0; i < initial_logits_.size(); ++i) {
    albedos.push_back(
        {.pixels = Colours(i).detach().cpu().contiguous().clamp(0, 1)});
  }
  std::vector<Mesh> result = meshes_;
  for (size_t i = 0; i < result.size(); ++i) {
    Mesh& mesh = result[i];
    mesh.vertices = Vertices(i).detach().cpu().contiguous();
    mesh.triangles = mesh.triangles.cpu();
    mesh.uvs = mesh.uvs.cpu();
    mesh.uv_triangles = mesh.uv_triangles.cpu();
    mesh.albedo = albedos[TextureOf(i)];
    if (train_geometry_) {
      mesh.normals = VertexNormals(mesh.vertices, mesh.triangles);
    }
  }
  return result;
}

}  // namespace dg4d::texture_refinement
