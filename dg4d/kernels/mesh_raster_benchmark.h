#ifndef DG4D_KERNELS_MESH_RASTER_BENCHMARK_H_
#define DG4D_KERNELS_MESH_RASTER_BENCHMARK_H_

namespace dg4d {

// Registers with Google Benchmark: the differentiable steps (rasterise,
// interpolate, trilinear texture, antialias) on a sphere of 19,800 triangles
// that covers a quarter of the image, with a texture of 1024 x 1024, and plain
// drawing with 3 x 3 samples on one of 44,700, each at several sizes, numbers
// of cameras and threads.
void RegisterMeshRasterBenchmarks();

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_RASTER_BENCHMARK_H_
