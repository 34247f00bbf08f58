#include "dg4d/stages/dynamic_gaussians/deformation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>
#include <string>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d::dynamic_gaussians {
namespace {

DeformationShape SmallShape() {
  return {.grid = {.space_resolution = 4,
                   .time_resolution = 3,
                   .level_factors = {1},
                   .features = 3},
          .width = 5,
          .depth = 2,
          .move_opacity_logits = true};
}

Deformation Make(const DeformationShape& shape) {
  at::Generator generator = MakeGenerator(3, "deformation");
  return Deformation(shape, generator);
}

// All parameters random, so that everything matters.
Deformation MakeRandom(const DeformationShape& shape, at::ScalarType type) {
  Deformation deformation = Make(shape);
  at::Generator generator = MakeGenerator(4, "values");
  deformation.VisitParameters([&](const std::string&, at::Tensor& value) {
    value = Uniform(value.sizes(), -1, 1, generator).to(type);
  });
  return deformation;
}

at::Tensor Points(int64_t count) {
  at::Generator generator = MakeGenerator(5, "points");
  return Uniform({count, 3}, -1, 1, generator);
}

at::Tensor All(const Deltas& deltas) {
  return at::cat({deltas.means, deltas.log_scales, deltas.quaternions,
                  deltas.opacity_logits},
                 2);
}

at::Tensor Weighted(const at::Tensor& x) {
  return (x * x * at::arange(x.numel(), x.options()).sin().view_as(x)).sum();
}

at::Tensor Times(const std::vector<double>& times) {
  return at::tensor(times, at::kDouble);
}

TEST(Deformation, MovesNothingAtTheStart) {
  const Deltas deltas = Make(SmallShape())(Points(20), Times({0.0, 0.3, 1.0}));
  ASSERT_EQ(All(deltas).sizes(), (std::vector<int64_t>{3, 20, 11}));
  EXPECT_EQ(All(deltas).abs().max().item<float>(), 0);
}

TEST(Deformation, PartsThatAreSwitchedOffAddNothing) {
  DeformationShape shape = SmallShape();
  shape.move_log_scales = false;
  shape.move_opacity_logits = false;
  const Deltas deltas =
      MakeRandom(shape, at::kFloat)(Points(20), Times({0.0, 0.3}));
  EXPECT_EQ(deltas.means.size(2), 3);
  EXPECT_EQ(deltas.quaternions.size(2), 4);
  EXPECT_FALSE(deltas.log_scales.defined());
  EXPECT_FALSE(deltas.opacity_logits.defined());
}

TEST(Deformation, GradientsMatchCentralDifferences) {
  for (const bool use_grid : {true, false}) {
    DeformationShape shape = SmallShape();
    shape.use_grid = use_grid;
    Deformation deformation = MakeRandom(shape, at::kDouble);
    at::Tensor points = Points(6).to(at::kDouble).requires_grad_();
    const at::Tensor times = Times({0.2, 0.7});
    std::map<std::string, at::Tensor> variables = {{"points", points}};
    deformation.VisitParameters([&](const std::string& name, at::Tensor& p) {
      variables[name] = p.requires_grad_();
    });
    Weighted(All(deformation(points, times))).backward();
    for (const auto& [name, variable] : variables) {
      ASSERT_TRUE(variable.grad().defined()) << name;
      double* values = variable.mutable_data_ptr<double>();
      const double* gradient = variable.grad().const_data_ptr<double>();
      for (int64_t i = 0; i < variable.numel(); i += 3) {
        at::NoGradGuard no_grad;
        const double step = 1e-6, value = values[i];
        values[i] = value + step;
        const double high =
            Weighted(All(deformation(points, times))).item<double>();
        values[i] = value - step;
        const double low =
            Weighted(All(deformation(points, times))).item<double>();
        values[i] = value;
        ASSERT_NEAR(gradient[i], (high - low) / (2 * step), 1e-5)
            << name << " " << i;
      }
    }
  }
}

TEST(Deformation, RowsBeyondOneChunkAndThreadsDoNotReachTheBytes) {
  const auto run = [](int threads) {
    SetThreads(threads);
    Deformation deformation = MakeRandom(SmallShape(), at::kFloat);
    std::vector<at::Tensor> parameters, result;
    deformation.VisitParameters([&](const std::string&, at::Tensor& p) {
      parameters.push_back(p.requires_grad_());
    });
    const at::Tensor all =
        All(deformation(Points(5000), Times({0.2, 0.7, 0.8})));
    Weighted(all).backward();
    result.push_back(all.detach());
    for (const at::Tensor& p : parameters) result.push_back(p.grad());
    SetThreads(1);
    return result;
  };
  const std::vector<at::Tensor> one = run(1), two = run(2);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(at::equal(one[i], two[i])) << i;
  }
}

TEST(Deformation, TwoOfOneSeedAreEqual) {
  Deformation a = Make(SmallShape()), b = Make(SmallShape());
  std::map<std::string, at::Tensor> values;
  a.VisitParameters(
      [&](const std::string& name, at::Tensor& p) { values[name] = p; });
  b.VisitParameters([&](const std::string& name, at::Tensor& p) {
    EXPECT_TRUE(at::equal(values.at(name), p)) << name;
  });
  EXPECT_EQ(values.size(), 6u + 8u);
}

}  // namespace
}  // namespace dg4d::dynamic_gaussians
