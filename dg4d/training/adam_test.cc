#include "dg4d/training/adam.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr Schedule kConstant = {0.1, 0.1, 1};

void SetGradient(const Adam& adam, const char* name, const at::Tensor& value) {
  adam[name].mutable_grad() = value.to(adam[name].scalar_type());
}

// Kingma & Ba, algorithm 1, as it is written.
double Reference(double value, const std::vector<double>& gradients,
                 const Schedule& rate, double epsilon) {
  double m = 0, v = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    m = 0.9 * m + 0.1 * gradients[i];
    v = 0.999 * v + 0.001 * gradients[i] * gradients[i];
    const double t = static_cast<double>(i + 1);
    const double m_hat = m / (1 - std::pow(0.9, t));
    const double v_hat = v / (1 - std::pow(0.999, t));
    value -= rate.At(i) * m_hat / (std::sqrt(v_hat) + epsilon);
  }
  return value;
}

class AdamOfType : public testing::TestWithParam<at::ScalarType> {};

TEST_P(AdamOfType, TakesTheStepsOfThePaper) {
  const Schedule rate = {0.1, 0.01, 4};
  const std::vector<double> gradients = {0.5, -0.25, 3, 1e-6, 0.125};
  Adam adam({.epsilon = 1e-8});
  adam.Add("x", at::full({3}, 2.0).to(GetParam()), rate);
  for (size_t i = 0; i < gradients.size(); ++i) {
    SetGradient(adam, "x", at::full({3}, gradients[i]));
    adam.Step(i);
  }
  EXPECT_NEAR(adam["x"][1].item<double>(), Reference(2, gradients, rate, 1e-8),
              1e-6);
}

INSTANTIATE_TEST_SUITE_P(Types, AdamOfType,
                         testing::Values(at::kFloat, at::kDouble));

TEST(Adam, FirstStepIsTheRateWhateverTheSizeOfTheGradient) {
  Adam adam;
  adam.Add("x", at::zeros({3}), kConstant);
  SetGradient(adam, "x", at::tensor({1e-9f, -1.0f, 1e6f}));
  adam.Step(0);
  EXPECT_NEAR(adam["x"][0].item<double>(), -0.1, 1e-6);
  EXPECT_NEAR(adam["x"][1].item<double>(), 0.1, 1e-6);
  EXPECT_NEAR(adam["x"][2].item<double>(), -0.1, 1e-6);
}

TEST(Adam, FindsTheMinimumOfAQuadratic) {
  Adam adam;
  adam.Add("x", at::tensor({3.0f, -2.0f}), {0.1, 0.001, 300});
  for (int i = 0; i < 300; ++i) {
    const at::Tensor off = adam["x"] - at::tensor({1.0f, 0.5f});
    (off * off * at::tensor({1.0f, 100.0f})).sum().backward();
    adam.Step(i);
  }
  EXPECT_NEAR(adam["x"][0].item<double>(), 1, 1e-2);
  EXPECT_NEAR(adam["x"][1].item<double>(), 0.5, 1e-2);
}

TEST(Adam, LeavesAParameterWithoutGradientAlone) {
  Adam adam;
  adam.Add("x", at::full({1}, 1.0), kConstant);
  adam.Add("y", at::full({1}, 1.0), kConstant);
  SetGradient(adam, "x", at::full({1}, 1.0));
  adam.Step(0);
  EXPECT_LT(adam["x"].item<double>(), 1);
  EXPECT_EQ(adam["y"].item<double>(), 1);
  EXPECT_FALSE(adam["x"].grad().defined());
}

TEST_P(AdamOfType, SkipsAndCountsGradientsThatAreNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  Adam adam;
  adam.Add("x", at::full({4}, 1.0).to(GetParam()), kConstant);
  SetGradient(adam, "x", at::tensor({1.0f, inf, std::nanf(""), -inf}));
  adam.Step(0);
  EXPECT_NEAR(adam["x"][0].item<double>(), 0.9, 1e-6);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(adam["x"][i].item<double>(), 1);
  EXPECT_EQ(adam.non_finite_gradients(), 3);
  SetGradient(adam, "x", at::full({4}, 1.0));
  adam.Step(1);
  EXPECT_TRUE(std::isfinite(adam["x"][2].item<double>()));
  EXPECT_LT(adam["x"][2].item<double>(), 1);
}

TEST(Adam, RowsCarryTheirMomentsAlong) {
  // Row 2 of one optimiser must go on as row 0 of another that kept it.
  Adam whole, kept;
  for (Adam* adam : {&whole, &kept}) {
    adam->Add("x", at::arange(8).to(at::kFloat).view({4, 2}), kConstant);
    SetGradient(*adam, "x", at::arange(8).to(at::kFloat).view({4, 2}) - 3);
    adam->Step(0);
  }
  kept.KeepRows("x", at::tensor({int64_t{2}, int64_t{0}}));
  kept.AppendRows("x", at::full({1, 2}, 7.0));
  ASSERT_EQ(kept["x"].size(0), 3);

  SetGradient(whole, "x", at::full({4, 2}, 0.5));
  SetGradient(kept, "x", at::full({3, 2}, 0.5));
  whole.Step(1);
  kept.Step(1);
  EXPECT_TRUE(at::equal(kept["x"][0], whole["x"][2]));
  EXPECT_TRUE(at::equal(kept["x"][1], whole["x"][0]));
  EXPECT_LT(kept["x"][2][0].item<float>(), 7);
}

TEST(Adam, ZeroedMomentsForgetTheDirection) {
  Adam adam;
  adam.Add("x", at::zeros({1}), kConstant);
  SetGradient(adam, "x", at::full({1}, 1.0));
  adam.Step(0);
  adam.ZeroMoments("x");
  adam.SetValue("x", at::full({1}, 5.0));
  SetGradient(adam, "x", at::zeros({1}));
  adam.Step(1);
  EXPECT_EQ(adam["x"].item<float>(), 5);
}

TEST(Adam, BytesDoNotDependOnThreads) {
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2}) {
    SetThreads(threads);
    at::Generator generator = MakeGenerator(0, "adam");
    Adam adam;
    adam.Add("x", Normal({100'003}, generator), kConstant);
    for (int i = 0; i < 3; ++i) {
      SetGradient(adam, "x", Normal({100'003}, generator));
      adam.Step(i);
    }
    results.push_back(adam["x"].detach());
  }
  SetThreads(1);
  EXPECT_TRUE(at::equal(results[0], results[1]));
}

TEST(Adam, GoesOnToTheBitFromItsState) {
  at::Generator generator = MakeGenerator(0, "adam");
  const at::Tensor start = Normal({5, 3}, generator);
  const at::Tensor slope = Normal({6, 3}, generator);
  const auto step = [&](Adam& adam, int i) {
    (adam["x"] * adam["x"] * slope).sum().backward();
    adam.Step(i);
  };
  Adam first;
  first.Add("x", start, kConstant);
  first.AppendRows("x", at::zeros({1, 3}));
  step(first, 0);
  StateArchive saved;
  first.VisitState(saved);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : saved.tensors()) {
    tensors[name] = tensor.clone();
  }
  step(first, 1);

  Adam second;
  second.Add("x", start, kConstant);
  StateArchive archive(tensors);
  second.VisitState(archive);
  ASSERT_TRUE(archive.status().ok()) << archive.status();
  step(second, 1);
  EXPECT_TRUE(at::equal(first["x"], second["x"]));
}

TEST(Adam, RefusesAStateThatLacksAParameter) {
  Adam adam;
  adam.Add("x", at::zeros({1}), kConstant);
  StateArchive archive(std::map<std::string, at::Tensor>{});
  adam.VisitState(archive);
  EXPECT_FALSE(archive.status().ok());
}

}  // namespace
}  // namespace dg4d
