#include "dg4d/diffusion/video_diffusion.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/seeded_folder.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "dg4d/testing/little_memory.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

constexpr int64_t kFrames = 3;
constexpr int kSize = 64;

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

const std::string& Folder() {
  static const auto& folder = *new std::string([] {
    const std::string path = testing::TempDir() + "/video_diffusion";
    EXPECT_TRUE(WriteSeededPipeline("svd", "tiny", at::kFloat, path).ok());
    return path;
  }());
  return folder;
}

class VideoDiffusionTest : public testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    auto model = VideoDiffusion::Load(Folder(), {.type = at::kFloat});
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    picture_ =
        (SeededInput("picture", {1, 3, kSize, kSize}) / 4 + 0.5).clamp(0, 1);
    picture_ = (picture_ * 255).floor() / 255 + 1e-4;  // whole bytes
    noise_ = SeededInput("picture noise", {1, 3, kSize, kSize});
    seen_ = {.embedding = model_->Embed(picture_),
             .latents = model_->Latents(picture_, noise_, {})};
    x_ = SeededInput("x", {1, kFrames, 4, kSize / 8, kSize / 8});
  }

  std::unique_ptr<VideoDiffusion> model_;
  at::Tensor picture_, noise_, x_;
  VideoDiffusion::Seen seen_;
};

// The formulas of the sampler, with the network by itself.
TEST_F(VideoDiffusionTest, StepsAsThePipelineDoes) {
  const auto unet = *LoadNetwork<VideoUNet>(Folder() + "/unet");
  const VideoSampling sampling;
  const int i = 17;  // of 25
  const double sigma = 1.2731773;
  const at::Tensor image =
      seen_.latents.unsqueeze(1).expand({1, kFrames, 4, 8, 8});
  const at::Tensor input = x_ / std::sqrt(sigma * sigma + 1);
  const auto predict = [&](const at::Tensor& latents,
                           const at::Tensor& context) {
    return (*unet)(
        {.x = at::cat({input, latents}, 2),
         .timesteps = at::full({1}, 0.0603788905f),
         .context = context.unsqueeze(1),
         .added_ids = at::tensor({6.0f, 127.0f, 0.02f}).view({1, 3})});
  };
  const at::Tensor with = predict(image, seen_.embedding);
  const at::Tensor without =
      predict(at::zeros_like(image), at::zeros_like(seen_.embedding));
  const at::Tensor scale =
      at::tensor({1.0f, 2.0f, 3.0f}).view({1, kFrames, 1, 1, 1});
  const at::Tensor v = without + scale * (with - without);
  const at::Tensor clean =
      -sigma / std::sqrt(sigma * sigma + 1) * v + x_ / (sigma * sigma + 1);
  const at::Tensor next = x_ + (x_ - clean) / sigma * (0.678146 - sigma);
  EXPECT_LT(Difference(model_->Step(x_, i, seen_, sampling), next), 2e-5);
}

TEST_F(VideoDiffusionTest, GuidanceGrowsFromTheFirstFrameToTheLast) {
  const auto step = [&](double from, double to) {
    return model_->Step(x_, 17, seen_,
                        {.min_guidance = from, .max_guidance = to})[0];
  };
  const at::Tensor ramp = step(1, 3);
  for (const auto& [frame, scale] : {std::pair{0, 1.0}, {1, 2.0}, {2, 3.0}}) {
    EXPECT_LT(Difference(ramp[frame], step(scale, scale + 1e-6)[frame]), 1e-5)
        << frame;
  }
  EXPECT_GT(Difference(ramp[2], step(1, 1)[2]), 1e-3);
}

TEST_F(VideoDiffusionTest, TheHalvesOfGuidanceNeedNotGoTogether) {
  const at::Tensor together = model_->Step(x_, 17, seen_, {});
  EXPECT_LT(Difference(model_->Step(x_, 17, seen_, {.batched_guidance = false}),
                       together),
            1e-5);
  // Unless they look at each other.
  EXPECT_GT(Difference(model_->Step(x_, 17, seen_, {.time_context = "mixed"}),
                       together),
            1e-4);
  const VideoSampling apart = {.batched_guidance = false,
                               .time_context = "mixed"};
  EXPECT_FALSE(apart.Validate().ok());
}

TEST_F(VideoDiffusionTest, DoesTheHalvesOneByOneWhereMemoryIsShort) {
  const auto most = [&](const VideoSampling& sampling) {
    const LittleMemory memory(size_t{1} << 40);
    model_->Step(x_, 0, seen_, sampling);
    return memory.most();
  };
  const size_t together = most({}), apart = most({.batched_guidance = false});
  ASSERT_LT(apart, together);
  EXPECT_TRUE(model_->TakeWarnings().empty());
  const at::Tensor expected = model_->Step(x_, 0, seen_, {});

  const auto step = [&](size_t bytes) {
    const LittleMemory memory(bytes);
    return model_->Step(x_, 0, seen_, {}).clone();
  };
  EXPECT_LT(Difference(step((together + apart) / 2), expected), 1e-5);
  const std::vector<std::string> warnings = model_->TakeWarnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("batched_guidance"), std::string::npos);
  // It remembers, does not say so again, and gives up where that is too much.
  EXPECT_LT(Difference(step((together + apart) / 2), expected), 1e-5);
  EXPECT_TRUE(model_->TakeWarnings().empty());
  EXPECT_THROW(step(apart / 2), c10::OutOfMemoryError);
}

// One by one, the halves would be those of time_context: own.
TEST_F(VideoDiffusionTest, NeverDoesHalvesThatLookAtEachOtherOneByOne) {
  const VideoSampling mixed = {.time_context = "mixed"};
  const auto most = [&](const VideoSampling& sampling) {
    const LittleMemory memory(size_t{1} << 40);
    model_->Step(x_, 0, seen_, sampling);
    return memory.most();
  };
  const size_t together = most(mixed),
               apart = most({.batched_guidance = false});
  ASSERT_LT(apart, together);
  const auto step = [&](const VideoSampling& sampling) {
    const LittleMemory memory((together + apart) / 2);
    return model_->Step(x_, 0, seen_, sampling).clone();
  };
  EXPECT_THROW(step(mixed), c10::OutOfMemoryError);
  EXPECT_TRUE(model_->TakeWarnings().empty());
  // Also where it has learnt from other steps that memory is short.
  const at::Tensor expected = model_->Step(x_, 0, seen_, mixed);
  step({});
  EXPECT_EQ(model_->TakeWarnings().size(), 1u);
  EXPECT_THROW(step(mixed), c10::OutOfMemoryError);
  EXPECT_TRUE(model_->Step(x_, 0, seen_, mixed).equal(expected));
}

TEST_F(VideoDiffusionTest, ShowsTheNetworkANoisyPicture) {
  const auto vae = *LoadNetwork<VideoVae>(Folder() + "/vae");
  const at::Tensor bytes = (picture_ * 255).floor() / 255;
  EXPECT_LT(Difference(seen_.latents,
                       vae->encode(2 * bytes - 1 + 0.02 * noise_).mean),
            1e-5);
  // At another size it is resized to that of the noise.
  const at::Tensor small = model_->Latents(
      picture_, SeededInput("small", {1, 3, kSize, 2 * kSize}), {});
  EXPECT_EQ(small.sizes(), at::IntArrayRef({1, 4, kSize / 8, kSize / 4}));
}

TEST_F(VideoDiffusionTest, EncodesFrameByFrameAndDecodesInChunks) {
  const at::Tensor frames =
      (SeededInput("frames", {kFrames, 3, kSize, kSize}) / 4 + 0.5).clamp(0, 1);
  const at::Tensor latents = model_->Encode(frames, kFrames);
  EXPECT_LT(Difference(model_->Encode(frames, 1), latents), 1e-5);
  EXPECT_LT(Difference(model_->Encode(frames, 2), latents), 1e-5);

  const auto vae = *LoadNetwork<VideoVae>(Folder() + "/vae");
  EXPECT_LT(Difference(latents, 0.18215 * vae->encode(2 * frames - 1).mean),
            1e-5);
  const at::Tensor whole = model_->Decode(latents, kFrames);
  EXPECT_LT(
      Difference(whole, vae->decode(latents / 0.18215, kFrames) / 2 + 0.5),
      1e-5);
  const at::Tensor single = model_->Decode(latents, 1);
  EXPECT_LT(Difference(single[1],
                       (vae->decode(latents.slice(0, 1, 2) / 0.18215, 1) / 2 +
                        0.5)[0]),
            1e-5);
  EXPECT_GT(Difference(single, whole), 1e-3);
}

// The autoencoder's configuration asks for float32, so only the rounding of the
// result is that of half precision.
TEST_F(VideoDiffusionTest, SeesThePictureInFullPrecision) {
  const auto half = *VideoDiffusion::Load(Folder(), {.type = at::kBFloat16});
  const at::Tensor latents = half->Latents(picture_, noise_, {});
  EXPECT_EQ(latents.scalar_type(), at::kBFloat16);
  EXPECT_LT(Difference(latents.to(at::kFloat), seen_.latents), 4e-3);
  const VideoDiffusion::Seen seen = {.embedding = half->Embed(picture_),
                                     .latents = latents};
  EXPECT_LT(
      Difference(half->Step(x_, 17, seen, {}), model_->Step(x_, 17, seen_, {})),
      5e-2);
}

TEST_F(VideoDiffusionTest, RecordsNoGraph) {
  const at::Tensor x = x_.clone().requires_grad_();
  EXPECT_FALSE(model_->Step(x, 17, seen_, {}).requires_grad());
}

}  // namespace
}  // namespace dg4d::diffusion
