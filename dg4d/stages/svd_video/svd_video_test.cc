#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/core/config.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/diffusion/video_diffusion.h"
#include "dg4d/testing/sample_scenes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

constexpr char kFolder[] = "dg4d/guidance/svd/seeded";

class Steps : public RunObserver {
 public:
  void Step(absl::string_view, int64_t done, int64_t steps,
            const Metrics&) override {
    last_step = absl::StrCat(done, "/", steps);
  }
  std::string last_step;
};

class SvdVideoTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }

  absl::StatusOr<Video> TryMake(const std::string& options,
                                uint64_t run_seed = 0) {
    auto stage =
        Registry<Stage>::Create("svd_video", *ParseYaml(options, "test"));
    if (!stage.ok()) return stage.status();
    RunContext context({.seed = run_seed, .observers = {&steps_}});
    context.EnterStage("svd_video");
    Scene scene = StaticScene();
    const absl::Status status = (*stage)->Run(context, scene);
    if (!status.ok()) return status;
    return scene.video;
  }
  Video Make(const std::string& more = "", uint64_t run_seed = 0) {
    auto video = TryMake(
        absl::StrCat("{path: ", kFolder, ", size: 64, steps: 2", more, "}"),
        run_seed);
    EXPECT_TRUE(video.ok()) << video.status();
    return *std::move(video);
  }

  static bool Equal(const Video& a, const Video& b) {
    return a.frames.back().pixels.equal(b.frames.back().pixels);
  }

  Steps steps_;
};

TEST_F(SvdVideoTest, MakesFramesOfTheReferencesSizeWithAlpha) {
  const Video video = Make(", fps: 9");
  EXPECT_EQ(video.size(), 3);  // as the tiny network was trained
  EXPECT_EQ(video.fps, 9);
  EXPECT_EQ(steps_.last_step, "3/3");
  const Image reference = StaticScene().reference;
  for (const Image& frame : video.frames) {
    EXPECT_EQ(frame.height(), reference.height());
    EXPECT_EQ(frame.width(), reference.width());
    EXPECT_TRUE(frame.has_alpha());
  }
  EXPECT_EQ(Make(", frames: 5").size(), 5);
}

// The colours are those of diffusers' pipeline with PyTorch's seed 7: the
// picture's noise comes first.
TEST_F(SvdVideoTest, DrawsWhatPyTorchDrawsWithASeed) {
  const Video video = Make(", seed: 7, min_guidance: 1, max_guidance: 3");
  const auto model =
      *diffusion::VideoDiffusion::Load(kFolder, {.type = at::kFloat});
  at::Generator generator = at::detail::createCPUGenerator(7);
  const at::Tensor picture =
      Composite(Resize(StaticScene().reference, 64, 64)).unsqueeze(0);
  const at::Tensor noise =
      at::empty({1, 3, 64, 64}, at::kFloat).normal_(0, 1, generator);
  at::Tensor x =
      at::empty({1, 3, 4, 8, 8}, at::kFloat).normal_(0, 1, generator);
  const diffusion::VideoSampling sampling = {.steps = 2};
  x = x * model->Schedule(sampling).InitialScale();
  const diffusion::VideoDiffusion::Seen seen = {
      .embedding = model->Embed(picture),
      .latents = model->Latents(picture, noise, sampling)};
  for (const int i : {0, 1}) x = model->Step(x, i, seen, sampling);
  const at::Tensor images = model->Decode(x[0], 3).clamp(0, 1);
  const int size = StaticScene().reference.height();
  for (int i = 0; i < 3; ++i) {
    const at::Tensor made = Resize(ImageFromChw(images[i]), size, size).pixels;
    const at::Tensor alpha = video.frames[i].pixels.narrow(2, 3, 1);
    const at::Tensor off =
        (video.frames[i].pixels.narrow(2, 0, 3) - made) * (alpha > 0.999);
    // Resizing weighs colours by alpha, and edges are unmixed.
    EXPECT_LT(off.abs().max().item<double>(), 5e-3) << i;
    EXPECT_GT((alpha > 0.999).to(at::kFloat).mean().item<double>(), 0.2);
  }
}

TEST_F(SvdVideoTest, ASeedOfItsOwnHoldsItStillWhateverTheRunsIs) {
  EXPECT_TRUE(Equal(Make(", seed: 7", 1), Make(", seed: 7", 2)));
  EXPECT_FALSE(Equal(Make(", seed: 7"), Make(", seed: 8")));
  EXPECT_TRUE(Equal(Make("", 1), Make("", 1)));
  EXPECT_FALSE(Equal(Make("", 1), Make("", 2)));
}

TEST_F(SvdVideoTest, OptionsOfTheOriginalMatter) {
  const Video video = Make(", seed: 7");
  for (const char* option :
       {"background: black", "padded: true", "motion_bucket: 20",
        "noise_augmentation: 0.5", "fps: 20", "decode_chunk: 1",
        "max_guidance: 5", "time_context: mixed"}) {
    EXPECT_FALSE(Equal(Make(absl::StrCat(", seed: 7, ", option)), video))
        << option;
  }
  EXPECT_TRUE(Equal(Make(", seed: 7, decode_chunk: 3"), video));
}

TEST_F(SvdVideoTest, AsksTheMattingNetworkThatItIsGiven) {
  torch::jit::Module network("even");
  network.define("def forward(self, x):\n  return x[:, 0:1] * 0 + 0.75\n");
  const std::string file = testing::TempDir() + "/even.pt";
  network.save(file);
  const Video video = Make(absl::StrCat(", matting: {network: ", file,
                                        ", size: 32, output: probability}"));
  const at::Tensor alpha = video.frames[1].pixels.select(2, 3);
  EXPECT_LT((alpha - 0.75).abs().max().item<double>(), 1e-5);
}

TEST_F(SvdVideoTest, SaysWhatItNeeds) {
  const auto error = [&](const std::string& options) {
    return std::string(TryMake(options).status().message());
  };
  EXPECT_THAT(error("{}"), HasSubstr("--weights=FOLDER"));
  EXPECT_THAT(error("{size: 100}"), HasSubstr("multiple of 64"));
  EXPECT_THAT(error("{steps: 0, seed: -5}"), HasSubstr("seed must be"));
}

}  // namespace
}  // namespace dg4d
