#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_BENCHMARK_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_BENCHMARK_H_

namespace dg4d {

// Registers Google benchmarks of the Gaussian rasteriser on the scenes of
// benchmark_scene.h: 5,000 and 20,000 Gaussians, 128 and 256 pixels square, 1
// and 16 cameras, forward and forward with backward, on 1 and 2 threads.
void RegisterGaussianRasterBenchmarks();

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_BENCHMARK_H_
