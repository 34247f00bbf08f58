#include "dg4d/diffusion/score_distillation.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <tuple>

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

// Knows that images are normal, with this mean and covariance: the best
// denoiser there can be for them.
class Oracle {
 public:
  // mean [P], covariance [P, P].
  Oracle(const at::Tensor& mean, const at::Tensor& covariance) : mean_(mean) {
    std::tie(variances_, axes_) = at::linalg_eigh(covariance);
  }

  const at::Tensor& mean() const { return mean_; }

  // E[noise | x_t] for x_t [N, P]: sqrt(1 - a) (a C + (1 - a) I)^-1
  // (x_t - sqrt(a) m).
  at::Tensor Noise(const at::Tensor& noisy, double share) const {
    return std::sqrt(1 - share) *
           Whitened(noisy - std::sqrt(share) * mean_, share);
  }
  // E[(1 - a) (noise_hat - noise)] over the noise, for images z [N, P].
  at::Tensor Gradient(const at::Tensor& z, double share) const {
    return (1 - share) * std::sqrt((1 - share) * share) *
           Whitened(z - mean_, share);
  }

 private:
  // x times the inverse of the covariance of x_t.
  at::Tensor Whitened(const at::Tensor& x, double share) const {
    return (x.matmul(axes_) / (share * variances_ + 1 - share))
        .matmul(axes_.t());
  }

  at::Tensor mean_, variances_, axes_;
};

constexpr int kSide = 6;
constexpr int kPixels = kSide * kSide;

// Smooth images: neighbours are alike, about a slope from dark to bright.
Oracle SmoothImages(double variance) {
  at::Tensor mean = at::zeros({kPixels});
  at::Tensor covariance = at::zeros({kPixels, kPixels});
  const auto x = [](int i) { return i % kSide; };
  const auto y = [](int i) { return i / kSide; };
  for (int i = 0; i < kPixels; ++i) {
    mean[i] = 0.3 * x(i) - 0.1 * y(i) - 0.5;
    for (int j = 0; j < kPixels; ++j) {
      const double apart = std::hypot(x(i) - x(j), y(i) - y(j));
      covariance[i][j] =
          variance * (std::exp(-apart * apart / 4) + (i == j ? 0.05 : 0));
    }
  }
  return Oracle(mean, covariance);
}

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

// Over time steps and noise, 123,008 draws, the mean is the closed form's, in
// each pixel.
TEST(ScoreDistillation, HasTheGradientOfTheOraclesPrior) {
  const DdimScheduler scheduler = Zero123Scheduler();
  const Oracle oracle = SmoothImages(0.3);
  constexpr int kDraws = 128;
  at::Generator generator = MakeGenerator(2, "noise");
  for (const double away : {-1.5, 0.0, 2.0}) {
    const at::Tensor image = oracle.mean() + away;
    at::Tensor sum = at::zeros({kPixels}), squares = sum.clone(),
               expected = sum.clone();
    int64_t draws = 0;
    for (int t = 20; t <= 980; ++t) {
      const at::Tensor images = image.expand({kDraws, kPixels});
      const at::Tensor noise = Normal({kDraws, kPixels}, generator);
      const at::Tensor noisy = AddNoise(images, noise, t, scheduler);
      const at::Tensor gradient =
          DistillationGradient(oracle.Noise(noisy, scheduler.SignalShare(t)),
                               noisy, noise, t, scheduler);
      const at::Tensor closed =
          oracle.Gradient(image, scheduler.SignalShare(t));
      const at::Tensor difference = gradient - closed;
      sum += difference.sum(0);
      squares += difference.square().sum(0);
      expected += closed * kDraws;
      draws += kDraws;
    }
    ASSERT_GE(draws, 100000);
    const at::Tensor error = squares.sqrt() / draws;  // standard, of the mean
    EXPECT_LT((sum / draws / error).abs().max().item<double>(), 4) << away;
    // The bound means something: it is far below the gradient itself.
    if (away != 0) {
      EXPECT_GT((expected / draws / error).abs().min().item<double>(), 20)
          << away;
    }
  }
}

TEST(ScoreDistillation, LeadsToTheMeanOfTheOraclesPrior) {
  const DdimScheduler scheduler = Zero123Scheduler();
  const Oracle oracle = SmoothImages(0.05);
  at::Generator generator = MakeGenerator(3, "noise");
  constexpr int kSteps = 2000;
  constexpr int kCopies = 64;
  at::Tensor images = at::full({kCopies, kPixels}, -2.0);
  for (int i = 0; i < kSteps; ++i) {
    const int t = static_cast<int>(UniformInteger(20, 981, generator));
    const at::Tensor noise = Normal({kCopies, kPixels}, generator);
    const at::Tensor noisy = AddNoise(images, noise, t, scheduler);
    const double rate = 0.2 * (1 - static_cast<double>(i) / kSteps);
    images = images - rate * DistillationGradient(
                                 oracle.Noise(noisy, scheduler.SignalShare(t)),
                                 noisy, noise, t, scheduler);
  }
  EXPECT_LT((images.mean(0) - oracle.mean()).abs().max().item<double>(), 0.02);
  // So does every copy, but for what is left of the noise.
  EXPECT_LT((images - oracle.mean()).square().mean().sqrt().item<double>(),
            0.05);
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
