// The CUDA twin against the CPU's, which hexplane_test.cc holds to the
// definition and to central differences.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/stages/dynamic_gaussians/hexplane.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d::dynamic_gaussians {
namespace {

using HexPlaneCuda = dg4d::CudaTest;

// What Sample gives, then the gradients of the points and of each plane.
std::vector<at::Tensor> Results(const HexPlaneShape& shape,
                                const at::Tensor& points,
                                const std::vector<double>& times,
                                c10::Device device, at::ScalarType type) {
  at::Generator generator = MakeGenerator(1, "hexplane");
  HexPlane field(shape, generator);
  for (at::Tensor& plane : field.planes()) {
    plane = Uniform(plane.sizes(), 0.2, 1.2, generator)
                .to(device, type)
                .requires_grad_();
  }
  const at::Tensor variable = points.detach().to(device, type).requires_grad_();
  const at::Tensor features = field.Sample(variable, times);
  const at::Tensor weights =
      at::arange(features.numel(), at::kDouble).sin().view_as(features);
  (features * weights.to(device, type)).sum().backward();
  std::vector<at::Tensor> results = {features.detach(), variable.grad()};
  for (const at::Tensor& plane : field.planes()) {
    results.push_back(plane.grad());
  }
  for (at::Tensor& result : results) result = result.cpu();
  return results;
}

// Largest relative L2 difference of the results of the two devices.
double Difference(const HexPlaneShape& shape, const at::Tensor& points,
                  const std::vector<double>& times,
                  at::ScalarType type = at::kFloat) {
  const auto cpu = Results(shape, points, times, at::kCPU, type);
  const auto cuda = Results(shape, points, times, at::kCUDA, type);
  double largest = 0;
  for (size_t i = 0; i < cpu.size(); ++i) {
    const double scale = cpu[i].norm().item<double>();
    const double difference = (cuda[i] - cpu[i]).norm().item<double>();
    EXPECT_GT(scale, 0) << i;
    EXPECT_TRUE(std::isfinite(difference)) << i;
    largest = std::max(largest, difference / scale);
  }
  return largest;
}

// The weighted regularisers and the gradients of planes.
std::vector<at::Tensor> Regularised(const HexPlaneShape& shape,
                                    const HexPlane::Weights& weights,
                                    c10::Device device, at::ScalarType type) {
  at::Generator generator = MakeGenerator(1, "hexplane");
  HexPlane field(shape, generator);
  for (at::Tensor& plane : field.planes()) {
    plane = Uniform(plane.sizes(), 0.2, 1.8, generator)
                .to(device, type)
                .requires_grad_();
  }
  const at::Tensor value = field.Regularisation(weights) * 3;
  value.backward();
  std::vector<at::Tensor> results = {value.detach().cpu()};
  for (const at::Tensor& plane : field.planes()) {
    const at::Tensor gradient = plane.grad();
    results.push_back(gradient.defined() ? gradient.cpu()
                                         : at::zeros(plane.sizes(), type));
  }
  return results;
}

at::Tensor RandomPoints(int64_t count) {
  at::Generator generator = MakeGenerator(2, "points");
  // Some lie outside, where the border continues.
  return Uniform({count, 3}, -1.2, 1.2, generator);
}

TEST_F(HexPlaneCuda, AgreesWithTheCpu) {
  for (const bool cyclic : {false, true}) {
    for (const int features : {3, 16, 32, 48, 256}) {
      const HexPlaneShape shape = {.space_resolution = 9,
                                   .time_resolution = 5,
                                   .level_factors = {1, 3},
                                   .features = features,
                                   .cyclic_time = cyclic};
      EXPECT_LT(Difference(shape, RandomPoints(1003), {0, 0.3, 0.55, 1}), 2e-6)
          << features << " features, " << (cyclic ? "cyclic" : "open");
    }
  }
}

TEST_F(HexPlaneCuda, AgreesInDoublePrecision) {
  EXPECT_LT(
      Difference({.features = 20}, RandomPoints(500), {0.1, 0.9}, at::kDouble),
      1e-13);
}

TEST_F(HexPlaneCuda, TakesMoreTimesThanOneLaunch) {
  std::vector<double> times;
  for (int i = 0; i < 150; ++i) times.push_back(i / 149.0);
  EXPECT_LT(Difference({.features = 8}, RandomPoints(200), times), 2e-6);
}

TEST_F(HexPlaneCuda, TakesPlanesTooFineForSharedMemory) {
  EXPECT_LT(Difference({.space_resolution = 700, .features = 4},
                       RandomPoints(3000), {0.2, 0.8}),
            2e-6);
}

TEST_F(HexPlaneCuda, GivesTheSameBytesEveryTime) {
  const HexPlaneShape shape = {.level_factors = {1, 2}, .features = 40};
  const at::Tensor points = RandomPoints(5000);
  const auto once = [&] {
    return Results(shape, points, {0, 0.3, 0.55, 1}, at::kCUDA, at::kFloat);
  };
  const std::vector<at::Tensor> first = once(), second = once();
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(first[i].equal(second[i])) << i;
  }
}

TEST_F(HexPlaneCuda, RegularisesAsTheCpuDoes) {
  for (const bool cyclic : {false, true}) {
    for (const int nodes : {cyclic ? 2 : 3, 12}) {
      const HexPlaneShape shape = {.space_resolution = 9,
                                   .time_resolution = nodes,
                                   .level_factors = {1, 3},
                                   .features = 20,
                                   .cyclic_time = cyclic};
      for (const HexPlane::Weights& weights :
           {HexPlane::Weights{0.3, 0, 0}, HexPlane::Weights{0, 5, 0},
            HexPlane::Weights{0, 0, 0.7}, HexPlane::Weights{0.3, 5, 0.7}}) {
        const auto cpu = Regularised(shape, weights, at::kCPU, at::kDouble);
        const auto gpu = Regularised(shape, weights, at::kCUDA, at::kDouble);
        for (size_t i = 0; i < cpu.size(); ++i) {
          EXPECT_LT((gpu[i] - cpu[i]).abs().max().item<double>(), 1e-12)
              << nodes << " nodes, " << cyclic << ", " << i;
        }
      }
    }
  }
}

TEST_F(HexPlaneCuda, TakesOnePointAndNone) {
  EXPECT_LT(Difference({}, RandomPoints(1), {0.5}), 2e-6);
  at::Generator generator = MakeGenerator(1, "hexplane");
  HexPlane field({}, generator);
  for (at::Tensor& plane : field.planes()) plane = plane.to(at::kCUDA);
  const at::Tensor none =
      field.Sample(RandomPoints(0).to(at::kCUDA), {0.5, 0.6});
  EXPECT_EQ(none.sizes(), (std::vector<int64_t>{2, 0, 32}));
}

TEST_F(HexPlaneCuda, KeepsToItselfWhatIsNotANumber) {
  at::Generator generator = MakeGenerator(1, "hexplane");
  HexPlane field({}, generator);
  for (at::Tensor& plane : field.planes()) plane = plane.to(at::kCUDA);
  at::Tensor points = RandomPoints(70);
  points[3].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor features = field.Sample(points.to(at::kCUDA), {0.5}).cpu();
  EXPECT_TRUE(std::isfinite(features[0][2].sum().item<float>()));
  EXPECT_TRUE(std::isfinite(features[0][4].sum().item<float>()));
}

}  // namespace
}  // namespace dg4d::dynamic_gaussians
