// The kernels' benchmarks: flags are those of Google Benchmark.

#include "benchmark/benchmark.h"
#include "dg4d/kernels/gaussian_raster_benchmark.h"
#include "dg4d/kernels/mesh_raster_benchmark.h"

int main(int argc, char** argv) {
  dg4d::RegisterGaussianRasterBenchmarks();
  dg4d::RegisterMeshRasterBenchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
