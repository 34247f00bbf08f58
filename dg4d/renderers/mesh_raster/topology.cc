#include "dg4d/renderers/mesh_raster/topology.h"

#include <ATen/ops/aminmax.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace dg4d::mesh_raster_renderer {
namespace {

void CheckShape(const at::Tensor& indices, const char* name) {
  TORCH_CHECK(indices.dim() == 2 && indices.size(1) == 3 &&
                  indices.scalar_type() == at::kInt,
              name, " must be [T, 3] int32, not ", indices.sizes(), " ",
              indices.scalar_type());
}

void CheckRange(const at::Tensor& indices, int64_t rows, const char* name) {
  if (indices.size(0) == 0) return;
  const auto [least, most] = at::aminmax(indices);
  TORCH_CHECK(least.item<int>() >= 0 && most.item<int>() < rows, name,
              " must be in [0, ", rows, ")");
}

// Writes since a tensor was made; -1 where torch does not count them.
int64_t VersionOf(const at::Tensor& tensor) {
  return tensor.is_inference() ? -1 : tensor._version();
}

}  // namespace

void CheckTriangles(const at::Tensor& triangles, const at::Tensor& uv_triangles,
                    int64_t rows, int64_t uv_rows) {
  CheckShape(triangles, "triangles");
  CheckShape(uv_triangles, "uv_triangles");
  TORCH_CHECK(triangles.size(0) == uv_triangles.size(0),
              "triangles and uv_triangles differ in their number");
  TORCH_CHECK(triangles.device() == uv_triangles.device(), "triangles are on ",
              triangles.device(), ", uv_triangles on ", uv_triangles.device());
  CheckRange(triangles, rows, "triangles");
  CheckRange(uv_triangles, uv_rows, "uv_triangles");
}

Topology Topologies::Get(
    const at::Tensor& triangles, const at::Tensor& uv_triangles, int64_t rows,
    int64_t uv_rows,
    const std::function<at::Tensor(const at::Tensor&)>& find_neighbors) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const int64_t version = VersionOf(triangles);
  const int64_t uv_version = VersionOf(uv_triangles);
  const auto found =
      std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
        return known.triangles.is_same(triangles) &&
               known.uv_triangles.is_same(uv_triangles) && version >= 0 &&
               known.version == version && uv_version >= 0 &&
               known.uv_version == uv_version && known.rows == rows &&
               known.uv_rows == uv_rows;
      });
  if (found != known_.end()) {
    std::rotate(found, found + 1, known_.end());
  } else {
    CheckTriangles(triangles, uv_triangles, rows, uv_rows);
    if (known_.size() == kMost) known_.erase(known_.begin());
    known_.push_back(
        {triangles,
         uv_triangles,
         version,
         uv_version,
         rows,
         uv_rows,
         {triangles.contiguous(), uv_triangles.contiguous(), at::Tensor()}});
  }
  Topology& topology = known_.back().topology;
  if (find_neighbors && !topology.neighbors.defined()) {
    topology.neighbors = find_neighbors(topology.triangles);
  }
  return topology;
}

}  // namespace dg4d::mesh_raster_renderer
