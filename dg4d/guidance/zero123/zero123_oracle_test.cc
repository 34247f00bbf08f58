// Guidance zero123 with a denoiser that knows the truth in place of its
// networks: what it makes of views has a closed form.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/run_context.h"
#include "dg4d/guidance/zero123/zero123.h"
#include "dg4d/scene/camera.h"
#include "dg4d/testing/oracle_denoiser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using diffusion::ViewDenoiser;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kSize = 64;
constexpr int kFrames = 3;

// An object whose colour says where the camera is and which frame it is.
at::Tensor Look(const Camera& camera, int frame) {
  const Orbit orbit = OrbitOf(camera);
  const double azimuth = orbit.azimuth_degrees / 180 * 3.14159265358979;
  at::Tensor view = at::ones({3, camera.height, camera.width});
  view[0].fill_(0.5 + 0.3 * std::sin(azimuth) + 0.1 * (orbit.radius - 2));
  view[1].fill_(0.5 + 0.3 * std::cos(azimuth));
  view[2].fill_(0.4 + 0.15 * frame + orbit.elevation_degrees / 180);
  return view;
}

// How many views, and pictures, a device has memory for.
struct Room {
  int64_t views = 100;
  int64_t pictures = 100;
};

// The oracle on such a device.
class SmallDevice final : public ViewDenoiser {
 public:
  SmallDevice(std::unique_ptr<ViewDenoiser> inner, const Room* room)
      : inner_(std::move(inner)), room_(room) {}

  Seen See(const at::Tensor& pictures, int64_t size,
           const std::optional<at::Tensor>& noise) const override {
    TORCH_CHECK_WITH(OutOfMemoryError, pictures.size(0) <= room_->pictures,
                     "CUDA out of memory. Tried to allocate 1 GiB");
    return inner_->See(pictures, size, noise);
  }
  at::Tensor Encode(const at::Tensor& images,
                    const at::Tensor& noise) const override {
    return inner_->Encode(images, noise);
  }
  at::Tensor Decode(const at::Tensor& latents) const override {
    return inner_->Decode(latents);
  }
  at::Tensor Denoise(const at::Tensor& noisy, int t, const Seen& seen,
                     const at::Tensor& cameras, double scale) const override {
    TORCH_CHECK_WITH(OutOfMemoryError, noisy.size(0) <= room_->views,
                     "CUDA out of memory. Tried to allocate 2 GiB");
    return inner_->Denoise(noisy, t, seen, cameras, scale);
  }
  const diffusion::DdimScheduler& scheduler() const override {
    return inner_->scheduler();
  }
  int64_t shrinking() const override { return inner_->shrinking(); }
  int64_t latent_channels() const override { return inner_->latent_channels(); }

 private:
  std::unique_ptr<ViewDenoiser> inner_;
  const Room* room_;
};

OracleDenoiser MakeOracle() {
  return OracleDenoiser(
      {.look = Look, .frames = kFrames, .reference_camera = OrbitCamera({})},
      {.deviation = 0.4, .latent_deviation = 0.05});
}

class Guided final : public zero123::Zero123 {
 public:
  Guided(const zero123::Options& options, const Room* room)
      : Zero123(options), room_(room) {}
  absl::StatusOr<std::unique_ptr<ViewDenoiser>> LoadDenoiser(
      RunContext&) const override {
    return std::make_unique<SmallDevice>(
        std::make_unique<OracleDenoiser>(MakeOracle()), room_);
  }

 private:
  const Room* room_;
};

class Warnings final : public RunObserver {
 public:
  void Warning(absl::string_view, absl::string_view message) override {
    messages.emplace_back(message);
  }
  std::vector<std::string> messages;
};

class Zero123OracleTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }

  std::unique_ptr<Guided> Make(double guidance_scale, int micro_batch = 8) {
    zero123::Options options;
    options.image_size = kSize;
    options.guidance_scale = guidance_scale;
    options.micro_batch = micro_batch;
    auto guidance = std::make_unique<Guided>(options, &room_);
    Scene scene;
    for (int frame = 0; frame < kFrames; ++frame) {
      scene.video.frames.push_back(
          ImageFromChw(Look(OrbitCamera({}).WithSize(kSize, kSize), frame)));
    }
    context_.EnterStage("test");
    EXPECT_TRUE(guidance->Prepare(scene, context_).ok());
    return guidance;
  }

  // Views from all round of all frames, `away` from what the oracle knows.
  static Views MakeViews(double away) {
    Views views;
    std::vector<at::Tensor> images;
    for (int i = 0; i < 5; ++i) {
      const Orbit orbit = {.elevation_degrees = 10.0 * i - 20,
                           .azimuth_degrees = 72.0 * i,
                           .radius = 1.8 + 0.1 * i};
      views.cameras.push_back(
          OrbitCamera(orbit, OrbitCamera({}).WithSize(kSize, kSize)));
      views.frames.push_back(i % kFrames);
      images.push_back(Look(views.cameras[i], i % kFrames) + away);
    }
    views.reference_camera = OrbitCamera({});
    views.background = at::ones({5, 3});
    views.rgb = at::stack(images).requires_grad_();
    return views;
  }

  // Gradients by the images, summed over the views' mean, as of one view.
  static at::Tensor Gradient(Guidance& guidance, const Views& views,
                             const Draws& draws) {
    views.rgb.mutable_grad() = at::Tensor();
    guidance.Loss(views, draws).backward();
    return views.rgb.grad() * views.size();
  }

  Room room_;
  Warnings warnings_;
  RunContext context_{{.observers = {&warnings_}}};
};

// d/dx of (1 - a) E[noise_hat - noise], by the chain rule of z = 2 x - 1.
double Closed(double share, double from_mean, double deviation) {
  return 2 * (1 - share) * std::sqrt(share * (1 - share)) * from_mean /
         (share * deviation * deviation + 1 - share);
}

// 12,288 pixels x 5 views x 4 times: the noise differs in each.
TEST_F(Zero123OracleTest, ExpectsTheGradientOfTheConditionalPrior) {
  const auto guidance = Make(1);
  const OracleDenoiser oracle = MakeOracle();
  at::Generator generator = MakeGenerator(1, "draws");
  for (const double away : {-0.2, 0.0, 0.3}) {
    const Views views = MakeViews(away);
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (const double progress : {0.1, 0.4, 0.7, 0.95}) {
      const Draws draws = guidance->Draw(views, progress, generator);
      const double share = oracle.scheduler().SignalShare(
          static_cast<int>(draws.at("timestep").item<int64_t>()));
      const at::Tensor difference =
          Gradient(*guidance, views, draws) - Closed(share, 2 * away, 0.4);
      sum += difference.sum().item<double>();
      squares += difference.square().sum().item<double>();
      count += difference.numel();
    }
    ASSERT_GT(count, 100000);
    const double error = std::sqrt(squares) / static_cast<double>(count);
    EXPECT_NEAR(sum / static_cast<double>(count), 0, 4 * error) << away;
    EXPECT_LT(error, 0.0025) << away;
  }
}

TEST_F(Zero123OracleTest, ScaleZeroIsWithoutTheConditionAndOneWithIt) {
  const OracleDenoiser oracle = MakeOracle();
  const Views views = MakeViews(0.1);
  for (const double scale : {0.0, 1.0}) {
    const auto guidance = Make(scale);
    at::Generator generator = MakeGenerator(2, "draws");
    const Draws draws = guidance->Draw(views, 0.5, generator);
    const int t = static_cast<int>(draws.at("timestep").item<int64_t>());
    const at::Tensor z =
        oracle.Encode(views.rgb.detach(), draws.at("latent_noise"));
    const double share = oracle.scheduler().SignalShare(t);
    const at::Tensor& noise = draws.at("noise");
    const at::Tensor noisy =
        std::sqrt(share) * z + std::sqrt(1 - share) * noise;
    const at::Tensor predicted =
        scale == 0
            ? oracle.Unconditional(noisy, t)
            : oracle.Conditional(noisy, t,
                                 oracle.Encode(MakeViews(0).rgb.detach(), {}));
    const at::Tensor expected =
        2 * (1 - share) * (2 * oracle.Decode(predicted - noise) - 1);
    EXPECT_LT((Gradient(*guidance, views, draws) - expected)
                  .abs()
                  .max()
                  .item<double>(),
              1e-4)
        << scale;
  }
}

// Not so the views of another frame, or from a camera beside.
TEST_F(Zero123OracleTest, TrueViewsStayAsTheyAre) {
  const auto guidance = Make(1);
  at::Generator generator = MakeGenerator(3, "draws");
  const auto pull = [&](const Views& views) {
    const Draws draws = guidance->Draw(views, 0.5, generator);
    // Of the noise nothing is left in the mean over a view's channels.
    return Gradient(*guidance, views, draws)
        .mean(at::IntArrayRef({2, 3}))
        .abs()
        .max()
        .item<double>();
  };
  EXPECT_LT(pull(MakeViews(0)), 0.02);
  Views other_frame = MakeViews(0);
  other_frame.frames[3] = 1;
  EXPECT_GT(pull(other_frame), 0.1);
  Views other_camera = MakeViews(0);
  other_camera.cameras[2] =
      OrbitCamera({.elevation_degrees = 0, .azimuth_degrees = 100, .radius = 2},
                  other_camera.cameras[2]);
  EXPECT_GT(pull(other_camera), 0.1);
}

TEST_F(Zero123OracleTest, GoesOnWithHalfTheMicroBatchWhereMemoryRunsOut) {
  const Views views = MakeViews(0.2);
  at::Generator generator = MakeGenerator(4, "draws");
  const auto whole = Make(5);
  const Draws draws = whole->Draw(views, 0.5, generator);
  const at::Tensor expected = Gradient(*whole, views, draws);
  EXPECT_THAT(whole->TakeWarnings(), IsEmpty());

  room_.views = 2;
  const auto halved = Make(5);
  const at::Tensor gradient = Gradient(*halved, views, draws);
  EXPECT_LT((gradient - expected).abs().max().item<double>(), 1e-5);
  const auto warnings = halved->TakeWarnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("micro_batch: 8"));
  EXPECT_THAT(warnings[0], HasSubstr("with 2"));
  Gradient(*halved, views, draws);
  EXPECT_THAT(halved->TakeWarnings(), IsEmpty());
}

TEST_F(Zero123OracleTest, SaysSoWhereMemoryRunsOutOverThePictures) {
  const Views views = MakeViews(0.2);
  at::Generator generator = MakeGenerator(4, "draws");
  const auto whole = Make(5);
  const Draws draws = whole->Draw(views, 0.5, generator);
  const at::Tensor expected = Gradient(*whole, views, draws);
  EXPECT_THAT(warnings_.messages, IsEmpty());

  room_.pictures = 1;
  const auto singly = Make(5);
  EXPECT_LT(
      (Gradient(*singly, views, draws) - expected).abs().max().item<double>(),
      1e-5);
  ASSERT_EQ(warnings_.messages.size(), 1u);
  EXPECT_THAT(warnings_.messages[0], HasSubstr("micro_batch: 8"));
  EXPECT_THAT(warnings_.messages[0], HasSubstr("with 1"));
}

TEST_F(Zero123OracleTest, FailsWithAdviceWhereOneViewIsTooMuch) {
  room_.views = 0;
  const auto guidance = Make(5);
  const Views views = MakeViews(0.2);
  at::Generator generator = MakeGenerator(5, "draws");
  const absl::Status status = CatchExceptions([&] {
    guidance->Loss(views, guidance->Draw(views, 0.5, generator));
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  for (const char* option : {"views.count", "batch_size", "n_views",
                             "lambda_svd", "oom_hack", "Tried to allocate"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(option));
  }
}

}  // namespace
}  // namespace dg4d
