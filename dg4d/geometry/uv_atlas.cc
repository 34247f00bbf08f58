#include "dg4d/geometry/uv_atlas.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/geometry/surface.h"
#include "xatlas/xatlas.h"

namespace dg4d {
namespace {

struct AtlasDeleter {
  void operator()(xatlas::Atlas* atlas) const { xatlas::Destroy(atlas); }
};

absl::Status CheckAtlas(const AtlasOptions& options) {
  if (options.texture_size < 16 || options.texture_size > 16384) {
    return absl::InvalidArgumentError(absl::StrCat(
        "texture size must be 16 to 16384, not ", options.texture_size));
  }
  if (options.padding < 0 || options.padding > options.texture_size / 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("padding must be 0 to an eighth of the texture's size, ",
                     options.texture_size / 8, ", not ", options.padding));
  }
  return absl::OkStatus();
}

// The cost of growing a chart goes with the square of its size, and large ones
// fold over and are broken up again. A limit to their area makes both fewer
// charts and a fourfold speed on figures of 25,000 triangles.
constexpr double kLeastCharts = 30;

double Area(const Mesh& mesh) {
  const Surface surface = SurfaceOf(mesh);
  double area = 0;
  for (const TriangleIndices& t : surface.triangles) {
    area += Norm(AreaNormal(surface, t)) / 2;
  }
  return area;
}

// Packs the charts into the texture's square. The scale that xatlas estimates
// for a resolution overshoots it: then again at a smaller one.
bool Pack(const AtlasOptions& options, xatlas::Atlas& atlas) {
  xatlas::PackOptions pack;
  pack.padding = static_cast<uint32_t>(options.padding);
  pack.bilinear = true;
  pack.blockAlign = true;
  pack.resolution = static_cast<uint32_t>(options.texture_size);
  constexpr int kAttempts = 12;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    xatlas::PackCharts(&atlas, pack);
    const uint32_t side = std::max(atlas.width, atlas.height);
    if (atlas.atlasCount != 1 || side == 0) return false;
    if (side <= static_cast<uint32_t>(options.texture_size)) return true;
    pack.resolution = 0;
    pack.texelsPerUnit = 0.99f * atlas.texelsPerUnit *
                         static_cast<float>(options.texture_size) /
                         static_cast<float>(side);
  }
  return false;
}

}  // namespace

absl::StatusOr<Mesh> UnwrapUvs(const Mesh& mesh, const AtlasOptions& options) {
  if (const absl::Status status = CheckAtlas(options); !status.ok()) {
    return status;
  }
  if (mesh.triangle_count() == 0) {
    return absl::InvalidArgumentError("a mesh without triangles has no atlas");
  }
  const at::Tensor vertices =
      mesh.vertices.detach().cpu().to(at::kFloat).contiguous();
  const at::Tensor triangles = mesh.triangles.cpu().to(at::kInt).contiguous();
  xatlas::MeshDecl declaration;
  declaration.vertexPositionData = vertices.data_ptr<float>();
  declaration.vertexPositionStride = 3 * sizeof(float);
  declaration.vertexCount = static_cast<uint32_t>(mesh.vertex_count());
  declaration.indexData = triangles.data_ptr<int32_t>();
  declaration.indexCount = static_cast<uint32_t>(3 * mesh.triangle_count());
  declaration.indexFormat = xatlas::IndexFormat::UInt32;

  const std::unique_ptr<xatlas::Atlas, AtlasDeleter> atlas(xatlas::Create());
  const xatlas::AddMeshError error = xatlas::AddMesh(atlas.get(), declaration);
  if (error != xatlas::AddMeshError::Success) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the UV atlas refuses the mesh: ", xatlas::StringForEnum(error)));
  }
  xatlas::ChartOptions charts;
  charts.maxChartArea = static_cast<float>(Area(mesh) / kLeastCharts);
  xatlas::ComputeCharts(atlas.get(), charts);
  if (!Pack(options, *atlas)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the mesh's charts do not fit one texture of ", options.texture_size,
        " texels a side; raise texture_size, or lower target_triangles"));
  }

  const float scale = 1 / static_cast<float>(options.texture_size);
  const xatlas::Mesh& output = atlas->meshes[0];
  Mesh result = mesh;
  result.uvs = at::empty({int64_t{output.vertexCount}, 2}, at::kFloat);
  float* uv = result.uvs.data_ptr<float>();
  for (uint32_t i = 0; i < output.vertexCount; ++i) {
    for (int k = 0; k < 2; ++k) {
      *uv++ = std::clamp(output.vertexArray[i].uv[k] * scale, 0.0f, 1.0f);
    }
  }
  result.uv_triangles = at::empty({mesh.triangle_count(), 3}, at::kInt);
  std::copy_n(output.indexArray, output.indexCount,
              result.uv_triangles.data_ptr<int32_t>());
  return result;
}

}  // namespace dg4d
