#include "dg4d/stages/dynamic_gaussians/rigidity.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d::dynamic_gaussians {
namespace {

Gaussians SomeGaussians() {
  at::set_num_threads(1);
  at::Generator generator = MakeGenerator(1, "gaussians");
  return {.means = Uniform({200, 3}, -0.5, 0.5, generator),
          .quaternions = Uniform({200, 4}, -1, 1, generator),
          .log_scales = Uniform({200, 3}, -4, -2, generator),
          .opacity_logits = at::full({200, 1}, 4.0f),
          .sh = at::zeros({200, 1, 3})};
}

// `gaussians` at one time, at `means` and with `quaternions`.
GaussianBatch Moved(const Gaussians& gaussians, const at::Tensor& means,
                    const at::Tensor& quaternions) {
  GaussianBatch batch = BatchOf(gaussians, 1);
  batch.means = means.unsqueeze(0);
  batch.quaternions = quaternions.unsqueeze(0);
  return batch;
}

double Stretch(const Gaussians& gaussians, const GaussianBatch& batch) {
  Rigidity rigidity;
  rigidity.FindNeighbours(gaussians.means);
  return rigidity(gaussians, batch).item<double>();
}

// A third of a turn about z, as a matrix and for quaternions.
at::Tensor TurnedMeans(const at::Tensor& means) {
  const float c = std::cos(2 * M_PI / 3), s = std::sin(2 * M_PI / 3);
  return at::mm(
      means, at::tensor({c, s, 0.f, -s, c, 0.f, 0.f, 0.f, 1.f}).view({3, 3}));
}

at::Tensor TurnedQuaternions(const at::Tensor& q) {
  const float c = std::cos(M_PI / 3), s = std::sin(M_PI / 3);
  const at::Tensor matrix = at::tensor({c, 0.f, 0.f, -s, 0.f, c, -s, 0.f, 0.f,
                                        s, c, 0.f, s, 0.f, 0.f, c})
                                .view({4, 4});
  return at::mm(q, matrix.t());
}

TEST(Rigidity, CostsNothingIfAllMoveAndTurnAsOne) {
  const Gaussians gaussians = SomeGaussians();
  EXPECT_NEAR(
      Stretch(gaussians, Moved(gaussians, TurnedMeans(gaussians.means) + 0.3,
                               TurnedQuaternions(gaussians.quaternions) * 1.7)),
      0, 1e-9);
}

TEST(Rigidity, CostsIfWhatLiesAroundTurnsAndGaussiansDoNot) {
  const Gaussians gaussians = SomeGaussians();
  EXPECT_GT(Stretch(gaussians, Moved(gaussians, TurnedMeans(gaussians.means),
                                     gaussians.quaternions)),
            0.3);
}

TEST(Rigidity, CostsTheSquareOfTheStretchWhateverTheSize) {
  Gaussians gaussians = SomeGaussians();
  const auto stretched = [&](double by) {
    return Stretch(gaussians, Moved(gaussians, gaussians.means * (1 + by),
                                    gaussians.quaternions));
  };
  const double tenth = stretched(0.1);
  EXPECT_GT(tenth, 0.002);
  EXPECT_LT(tenth, 0.01);
  EXPECT_NEAR(stretched(0.2), 4 * tenth, 1e-4 * tenth);
  gaussians.means = gaussians.means * 50;
  EXPECT_NEAR(stretched(0.1), tenth, 1e-4 * tenth);
}

TEST(Rigidity, LetsWhatCannotBeSeenGo) {
  Gaussians gaussians = SomeGaussians();
  at::Tensor means = gaussians.means.clone();
  means.narrow(0, 0, 20) += 0.4;
  const GaussianBatch torn = Moved(gaussians, means, gaussians.quaternions);
  const double seen = Stretch(gaussians, torn);
  gaussians.opacity_logits.narrow(0, 0, 20).fill_(-12);
  EXPECT_GT(seen, 0.1);
  EXPECT_LT(Stretch(gaussians, torn), 1e-3 * seen);
}

TEST(Rigidity, AcceptsASingleGaussian) {
  const at::Tensor first = at::zeros({1}, at::kLong);
  const Gaussians all = SomeGaussians();
  const Gaussians one = {
      .means = all.means.index_select(0, first),
      .quaternions = all.quaternions.index_select(0, first),
      .log_scales = all.log_scales.index_select(0, first),
      .opacity_logits = all.opacity_logits.index_select(0, first),
      .sh = all.sh.index_select(0, first)};
  EXPECT_EQ(Stretch(one, Moved(one, one.means + 1, one.quaternions)), 0);
}

}  // namespace
}  // namespace dg4d::dynamic_gaussians
