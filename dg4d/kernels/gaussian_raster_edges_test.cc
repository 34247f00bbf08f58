#include "dg4d/kernels/gaussian_raster_edge_cases.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

struct OnCpu {
  using Fixture = testing::Test;
  static constexpr bool kSameBytes = true;

  template <typename Real>
  static Images<Real> Draw(const World<Real>& world) {
    return dg4d::Draw(world);
  }
  template <typename Real>
  static Gradients<Real> LossGradients(const World<Real>& world) {
    return dg4d::LossGradients(world);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Cpu, GaussianRasterEdges, OnCpu);

}  // namespace
}  // namespace dg4d
