#include "dg4d/kernels/gaussian_raster_cuda_test_world.h"
#include "dg4d/kernels/gaussian_raster_edge_cases.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

template <bool kDeterministic>
struct OnCuda {
  using Fixture = CudaTest;
  static constexpr bool kSameBytes = kDeterministic;

  template <typename Real>
  static Images<Real> Draw(const World<Real>& world) {
    return DrawOnDevice(world);
  }
  template <typename Real>
  static Gradients<Real> LossGradients(const World<Real>& world) {
    DeviceWorld<Real> device(world);
    device.inputs.deterministic = kDeterministic;
    GaussianRasterCudaWorkspace<Real> workspace;
    EXPECT_TRUE(device.Forward(workspace).ok());
    EXPECT_TRUE(device.Backward(workspace).ok());
    return device.GetGradients();
  }
};

using BothWays = testing::Types<OnCuda<false>, OnCuda<true>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Cuda, GaussianRasterEdges, BothWays);

}  // namespace
}  // namespace dg4d
