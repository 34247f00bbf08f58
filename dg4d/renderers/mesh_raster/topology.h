#ifndef DG4D_RENDERERS_MESH_RASTER_TOPOLOGY_H_
#define DG4D_RENDERERS_MESH_RASTER_TOPOLOGY_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace dg4d::mesh_raster_renderer {

// Private to the plugin.

// The triangles of a mesh, contiguous, known to be in range, and those beside
// each: `neighbors` as mesh_antialias.h has it, undefined until it is wanted.
struct Topology {
  at::Tensor triangles;     // [T, 3] int32
  at::Tensor uv_triangles;  // [T, 3] int32
  at::Tensor neighbors;     // [T, 3] int32
};

// Throws c10::Error unless both are [T, 3] int32 tensors on one device, with
// numbers below `rows` and `uv_rows`. Waits for their device.
void CheckTriangles(const at::Tensor& triangles, const at::Tensor& uv_triangles,
                    int64_t rows, int64_t uv_rows);

// The topologies of the last few calls. A stage draws the same mesh in each of
// its iterations: it is checked once, not at each, where that would make the
// host wait for the device. Of tensors that were written to since, or that are
// others, a new one is made. Can be used by several threads.
class Topologies {
 public:
  // `find_neighbors`, unless empty, computes those of triangles.
  Topology Get(
      const at::Tensor& triangles, const at::Tensor& uv_triangles, int64_t rows,
      int64_t uv_rows,
      const std::function<at::Tensor(const at::Tensor&)>& find_neighbors);

 private:
  static constexpr size_t kMost = 4;

  struct Known {
    // Both tensors, kept alive so that no other can take their place, and how
    // often they had been written to.
    at::Tensor triangles, uv_triangles;
    int64_t version, uv_version;
    int64_t rows, uv_rows;
    Topology topology;
  };

  std::mutex mutex_;
  std::vector<Known> known_;  // the last one used at the end
};

}  // namespace dg4d::mesh_raster_renderer

#endif  // DG4D_RENDERERS_MESH_RASTER_TOPOLOGY_H_
