#include "dg4d/kernels/gaussian_raster_cuda_test_world.h"
#include "dg4d/kernels/gaussian_raster_edge_cases.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

struct OnCuda {
  using Fixture = CudaTest;
  template <typename Real>
  static Images<Real> Draw(const World<Real>& world) {
    return DrawOnDevice(world);
  }
  template <typename Real>
  static Gradients<Real> LossGradients(const World<Real>& world) {
    DeviceWorld<Real> device(world);
    GaussianRasterCudaWorkspace<Real> workspace;
    EXPECT_TRUE(device.Forward(workspace).ok());
    EXPECT_TRUE(device.Backward(workspace).ok());
    return device.GetGradients();
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Cuda, GaussianRasterEdges, OnCuda);

}  // namespace
}  // namespace dg4d
