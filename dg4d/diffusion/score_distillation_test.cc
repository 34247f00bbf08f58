#include "dg4d/diffusion/score_distillation.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include <cmath>
#include <limits>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

DdimScheduler Zero123Scheduler() {
  at::set_num_threads(1);
  DdimScheduler::Config config;
  config.beta_start = 0.00085;
  config.beta_end = 0.012;
  config.scaled_linear = true;
  return DdimScheduler(config);
}

// Knows that latents are normal with this mean and variance: the best denoiser
// there can be for them.
struct Oracle {
  double mean;
  double variance;

  // E[noise | x_t]
  at::Tensor Noise(const at::Tensor& noisy, double share) const {
    return std::sqrt(1 - share) * (noisy - std::sqrt(share) * mean) /
           Spread(share);
  }
  // E[(1 - a) (noise_hat - noise)] over the noise, for latents z.
  double Gradient(double z, double share) const {
    return (1 - share) * std::sqrt(1 - share) * std::sqrt(share) * (z - mean) /
           Spread(share);
  }
  // Variance of x_t.
  double Spread(double share) const { return share * variance + 1 - share; }
};

TEST(ScoreDistillation, AnnealsFromNoisyToClear) {
  EXPECT_EQ(AnnealedTimestep(0, 0.02, 0.98, 1000), 980);
  EXPECT_EQ(AnnealedTimestep(0.5, 0.02, 0.98, 1000), 500);
  EXPECT_EQ(AnnealedTimestep(0.5, 0.02, 0.3, 1000), 300);
  EXPECT_EQ(AnnealedTimestep(0.4995, 0.02, 0.98, 1000), 500);
  EXPECT_EQ(AnnealedTimestep(0.98, 0.02, 0.98, 1000), 20);
  EXPECT_EQ(AnnealedTimestep(1, 0.02, 0.98, 1000), 20);
}

TEST(ScoreDistillation, IsZeroWhenTheNetworkKnowsTheNoise) {
  at::Generator generator = MakeGenerator(1, "noise");
  const at::Tensor latents = Normal({2, 4, 8, 8}, generator);
  const at::Tensor noise = Normal({2, 4, 8, 8}, generator);
  for (const Prediction prediction :
       {Prediction::kNoise, Prediction::kVelocity}) {
    DdimScheduler::Config config = Zero123Scheduler().config();
    config.prediction = prediction;
    const DdimScheduler scheduler(config);
    for (const int t : {20, 500, 980}) {
      const double share = scheduler.SignalShare(t);
      const at::Tensor noisy = AddNoise(latents, noise, t, scheduler);
      const at::Tensor output =
          prediction == Prediction::kNoise
              ? noise
              : std::sqrt(share) * noise - std::sqrt(1 - share) * latents;
      EXPECT_LT(DistillationGradient(output, noisy, noise, t, scheduler)
                    .abs()
                    .max()
                    .item<float>(),
                2e-6)
          << t;
    }
  }
}

TEST(ScoreDistillation, IgnoresWhatIsNoNumber) {
  const DdimScheduler scheduler = Zero123Scheduler();
  const at::Tensor one = at::full({1}, 1.0);
  const at::Tensor nan = at::full({1}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(DistillationGradient(nan, one, one, 500, scheduler).item<float>(),
            0);
}

// Over time steps and noise, 123,008 draws, the mean is the closed form's.
TEST(ScoreDistillation, HasTheGradientOfTheOraclesPrior) {
  const DdimScheduler scheduler = Zero123Scheduler();
  const Oracle oracle = {.mean = 0.7, .variance = 0.3};
  constexpr int kDraws = 128;
  at::Generator generator = MakeGenerator(2, "noise");
  for (const double z : {-1.0, 0.7, 2.5}) {
    double sum = 0, squares = 0, expected = 0;
    int64_t draws = 0;
    for (int t = 20; t <= 980; ++t) {
      const at::Tensor latents = at::full({kDraws}, z);
      const at::Tensor noise = Normal({kDraws}, generator);
      const at::Tensor noisy = AddNoise(latents, noise, t, scheduler);
      const at::Tensor gradient =
          DistillationGradient(oracle.Noise(noisy, scheduler.SignalShare(t)),
                               noisy, noise, t, scheduler);
      const double closed = oracle.Gradient(z, scheduler.SignalShare(t));
      const at::Tensor difference = gradient - closed;
      sum += difference.sum().item<double>();
      squares += difference.square().sum().item<double>();
      expected += closed * kDraws;
      draws += kDraws;
    }
    ASSERT_GE(draws, 100000);
    const double error = std::sqrt(squares) / draws;
    EXPECT_NEAR(sum / draws, 0, 4 * error) << z;
    // The bound means something: it is far below the gradient itself.
    if (z != oracle.mean) {
      EXPECT_GT(std::abs(expected / draws), 20 * error) << z;
    }
  }
}

TEST(ScoreDistillation, LeadsToTheMeanOfTheOraclesPrior) {
  const DdimScheduler scheduler = Zero123Scheduler();
  const Oracle oracle = {.mean = 0.7, .variance = 0.05};
  at::Generator generator = MakeGenerator(3, "noise");
  at::Tensor latents = at::full({256}, -2.0);
  constexpr int kSteps = 2000;
  for (int i = 0; i < kSteps; ++i) {
    const int t = static_cast<int>(UniformInteger(20, 981, generator));
    const at::Tensor noise = Normal({256}, generator);
    const at::Tensor noisy = AddNoise(latents, noise, t, scheduler);
    const double rate = 0.2 * (1 - static_cast<double>(i) / kSteps);
    latents =
        latents - rate * DistillationGradient(
                             oracle.Noise(noisy, scheduler.SignalShare(t)),
                             noisy, noise, t, scheduler);
  }
  EXPECT_NEAR(latents.mean().item<double>(), oracle.mean, 0.02);
}

TEST(ScoreDistillation, GuidesFromUnconditionalToConditional) {
  const at::Tensor conditional = at::full({3}, 2.0);
  const at::Tensor unconditional = at::full({3}, -1.0);
  EXPECT_TRUE(Guide(conditional, unconditional, 0).equal(unconditional));
  EXPECT_TRUE(Guide(conditional, unconditional, 1).equal(conditional));
  EXPECT_EQ(Guide(conditional, unconditional, 5)[0].item<float>(), 14);
}

TEST(ScoreDistillation, LossesCarryValueAndGradient) {
  const at::Tensor images = at::full({2, 3}, 0.5).requires_grad_();
  const at::Tensor gradients = at::full({2, 3}, -0.25);
  const at::Tensor loss =
      LossFromGradient(at::full({}, 42.0), images, gradients);
  EXPECT_EQ(loss.item<float>(), 42);
  (2 * loss).backward();
  EXPECT_TRUE(images.grad().equal(2 * gradients));
}

}  // namespace
}  // namespace dg4d::diffusion
