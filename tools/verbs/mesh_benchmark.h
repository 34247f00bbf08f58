#ifndef TOOLS_VERBS_MESH_BENCHMARK_H_
#define TOOLS_VERBS_MESH_BENCHMARK_H_

#include <c10/core/Device.h>

namespace dg4d {

// Registers with Google Benchmark `mesh_raster` on `device`, called as a stage
// calls it, through autograd: a ball of 19,800 triangles that covers a quarter
// of the image, with a mip-mapped texture of 1024 x 1024 texels, at 512 and
// 1024 pixels from 1, 4 and 16 cameras. mesh_raster/SIZE/CAMERAS/ and
//   forward             drawing without smoothing of silhouettes
//   texture             and the gradient of the texels
//   texture_smooth      the same with smoothing
//   texture_positions   and the gradient of the vertices
// Counters: those of TimeCalls, and the covered part of the images.
void RegisterMeshBenchmarks(const c10::Device& device);

}  // namespace dg4d

#endif  // TOOLS_VERBS_MESH_BENCHMARK_H_
