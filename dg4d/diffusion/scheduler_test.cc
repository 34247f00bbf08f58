#include "dg4d/diffusion/scheduler.h"

#include <array>
#include <cmath>

#include "dg4d/diffusion/configs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Scheduler>
absl::StatusOr<typename Scheduler::Config> Parse(const std::string& text) {
  auto json = JsonConfig::Parse(text, "scheduler_config.json");
  if (!json.ok()) return json.status();
  return Scheduler::Config::Parse(*std::move(json));
}

DdimScheduler Ddim(const std::string& text = kDdimScheduler) {
  const auto config = Parse<DdimScheduler>(text);
  EXPECT_TRUE(config.ok()) << config.status();
  return DdimScheduler(*config);
}

EulerScheduler Euler(int count) {
  const auto config = Parse<EulerScheduler>(kEulerScheduler);
  EXPECT_TRUE(config.ok()) << config.status();
  return EulerScheduler(*config, count);
}

using Three = std::array<double, 3>;
constexpr Three kX = {0.5, -1.25, 2};
constexpr Three kOutput = {0.1, 0.7, -0.3};

void ExpectBlend(const Blend& blend, const Three& x, const Three& output,
                 const Three& expected) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(blend.sample * x[i] + blend.output * output[i], expected[i],
                1e-6 * std::max(1.0, std::abs(expected[i])))
        << i;
  }
}

// The numbers below are diffusers' own (0.24).

TEST(DdimScheduler, KnowsTheShareOfTheSignal) {
  const DdimScheduler ddim = Ddim();
  for (const auto& [t, share] :
       std::vector<std::pair<int, double>>{{0, 0.9991499782},
                                           {1, 0.9982960224},
                                           {20, 0.9813143015},
                                           {250, 0.6737923026},
                                           {500, 0.2763324976},
                                           {750, 0.0561698116},
                                           {980, 0.0058437800},
                                           {981, 0.0057754968},
                                           {999, 0.0046600960}}) {
    EXPECT_NEAR(ddim.SignalShare(t), share, 1e-6) << t;
    EXPECT_NEAR(ddim.SignalShare(t) / share, 1, 2e-6) << t;
  }
}

TEST(DdimScheduler, SpacesItsTimeSteps) {
  const std::vector<int> fifty = Ddim().Timesteps(50);
  ASSERT_EQ(fifty.size(), 50u);
  EXPECT_EQ(fifty[0], 981);
  EXPECT_EQ(fifty[1], 961);
  EXPECT_EQ(fifty[49], 1);
  const std::vector<int> thirty = Ddim().Timesteps(30);
  EXPECT_EQ(thirty[0], 958);
  EXPECT_EQ(thirty[1], 925);
  EXPECT_EQ(thirty[28], 34);
  const DdimScheduler linspace =
      Ddim(R"({"timestep_spacing": "linspace", "clip_sample": false})");
  EXPECT_THAT(linspace.Timesteps(4), ElementsAre(999, 666, 333, 0));
  const DdimScheduler trailing =
      Ddim(R"({"timestep_spacing": "trailing", "clip_sample": false})");
  EXPECT_THAT(trailing.Timesteps(4), ElementsAre(999, 749, 499, 249));
}

TEST(DdimScheduler, AddsNoiseAndSteps) {
  const DdimScheduler ddim = Ddim();
  const Blend noisy = ddim.AddNoise(500);
  ExpectBlend({.sample = noisy.sample, .output = noisy.noise}, kX, kOutput,
              {0.3479053, -0.0616112, 0.7961408});
  ExpectBlend(ddim.Step(981, 50), kX, kOutput,
              {0.5491006, -1.4898410, 2.2826788});
  ExpectBlend(ddim.Step(501, 50), kX, kOutput,
              {0.5184841, -1.3507799, 2.1141453});
  ExpectBlend(ddim.Step(1, 50), kX, kOutput,
              {0.4989996, -1.2590338, 2.0044975});
}

TEST(DdimScheduler, RecoversSampleAndNoiseWhateverTheNetworkPredicts) {
  DdimScheduler::Config config = Ddim().config();
  for (const Prediction prediction :
       {Prediction::kNoise, Prediction::kSample, Prediction::kVelocity}) {
    config.prediction = prediction;
    const DdimScheduler ddim(config);
    for (const int t : {0, 20, 500, 999}) {
      const double clean = 0.8, noise = -1.7;
      const double signal = std::sqrt(ddim.SignalShare(t));
      const double rest = std::sqrt(1 - ddim.SignalShare(t));
      const Blend add = ddim.AddNoise(t);
      const double x = add.sample * clean + add.noise * noise;
      const double output = prediction == Prediction::kNoise ? noise
                            : prediction == Prediction::kSample
                                ? clean
                                : signal * noise - rest * clean;
      const Blend c = ddim.Clean(t), n = ddim.Noise(t);
      EXPECT_NEAR(c.sample * x + c.output * output, clean, 1e-12);
      EXPECT_NEAR(n.sample * x + n.output * output, noise, 1e-12);
    }
  }
}

// Of unit noise, a step with the true noise keeps unit variance.
TEST(DdimScheduler, AncestralStepsKeepTheVariance) {
  const DdimScheduler ddim = Ddim();
  const int t = 501, next = 481;
  for (const double eta : {0.0, 0.5, 1.0}) {
    const Blend step = ddim.Step(t, 50, eta);
    const double signal = std::sqrt(ddim.SignalShare(t));
    const double rest = std::sqrt(1 - ddim.SignalShare(t));
    // x = signal x0 + rest e, m = e
    EXPECT_NEAR(step.sample * signal, std::sqrt(ddim.SignalShare(next)), 1e-9);
    const double noise = step.sample * rest + step.output;
    EXPECT_NEAR(noise * noise + step.noise * step.noise,
                1 - ddim.SignalShare(next), 1e-9);
    EXPECT_EQ(step.noise > 0, eta > 0);
  }
}

TEST(DdimScheduler, RefusesWhatIsNotImplemented) {
  const auto error = [](const std::string& text) {
    const absl::Status status = Parse<DdimScheduler>(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(error(R"({"clip_sample": false, "beta_schedule": "cosine"})"),
              HasSubstr("scheduler_config.json: 'beta_schedule'"));
  EXPECT_THAT(error("{}"), HasSubstr("clip_sample"));
  EXPECT_THAT(error(R"({"clip_sample": false, "thresholding": true})"),
              HasSubstr("thresholding"));
  EXPECT_THAT(error(R"({"clip_sample": false, "zeal": 3})"),
              HasSubstr("'zeal' is not supported"));
  EXPECT_THAT(error(R"({"clip_sample": false, "beta_start": -1})"),
              HasSubstr("beta_start"));
}

TEST(EulerScheduler, HasTheSigmasOfStableVideoDiffusion) {
  const EulerScheduler euler = Euler(25);
  const double sigmas[] = {
      700,        545.72925,   421.56912,   322.45367,    244.02307,
      182.54713,  134.85445,   98.267136,   70.54084,     49.809792,
      34.536739,  23.467512,   15.589968,   10.09713,     6.3542657,
      3.8696973,  2.2691164,   1.2731773,   0.67814600,   0.33937815,
      0.15740465, 0.066399075, 0.024802580, 0.0078824954, 0.002};
  ASSERT_EQ(euler.count(), 25);
  for (int i = 0; i < 25; ++i) {
    EXPECT_NEAR(euler.Sigma(i) / sigmas[i], 1, 1e-6) << i;
  }
  EXPECT_EQ(euler.Sigma(25), 0);
  EXPECT_NEAR(euler.InitialScale(), 700.00073, 1e-4);
  for (const auto& [i, timestep] :
       std::vector<std::pair<int, double>>{{0, 1.63777006},
                                           {1, 1.57553077},
                                           {12, 0.686656892},
                                           {17, 0.0603788905},
                                           {18, -0.0970981643},
                                           {24, -1.55365205}}) {
    EXPECT_NEAR(euler.Timestep(i), timestep, 1e-6) << i;
  }
}

TEST(EulerScheduler, StepsAsTheOriginal) {
  const EulerScheduler euler = Euler(25);
  const Three output = {0.3, -0.4, 0.9};
  const auto at = [&](int i) {
    const double sigma = euler.Sigma(i);
    return Three{sigma * kX[0], sigma * kX[1], sigma * kX[2]};
  };
  ExpectBlend({.sample = euler.InputScale(17)}, at(17), output,
              {0.3932122, -0.9830306, 1.5728489});
  ExpectBlend(euler.Step(17), at(17), output,
              {0.3423233, -0.9844482, 1.4795560});
  ExpectBlend(euler.Step(24), at(24), output,
              {0.00039999711, -0.0016999915, 0.0021999874});
  ExpectBlend(euler.Step(0), at(0), output,
              {272.79868, -682.07379, 1091.26074});
}

TEST(EulerScheduler, EndsAtTheSampleWhenTheNetworkKnowsIt) {
  const EulerScheduler euler = Euler(25);
  const double clean = 0.3, noise = -1.1;
  double x = clean + euler.Sigma(0) * noise;
  for (int i = 0; i < euler.count(); ++i) {
    const double sigma = euler.Sigma(i);
    // v of this x: what makes Clean(i) the clean sample
    const Blend c = euler.Clean(i);
    const double output = (clean - c.sample * x) / c.output;
    const Blend step = euler.Step(i);
    x = step.sample * x + step.output * output;
    EXPECT_NEAR(x, clean + euler.Sigma(i + 1) * noise, 1e-6 * (1 + sigma));
  }
  EXPECT_NEAR(x, clean, 1e-6);
}

TEST(EulerScheduler, RefusesOtherSigmas) {
  const absl::Status status =
      Parse<EulerScheduler>(
          R"({"sigma_min": 0.002, "sigma_max": 700, "timestep_type": "discrete",
              "use_karras_sigmas": true})")
          .status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("continuous"));
  EXPECT_THAT(std::string(Parse<EulerScheduler>("{}").status().message()),
              HasSubstr("'sigma_min' is missing"));
}

}  // namespace
}  // namespace dg4d::diffusion
