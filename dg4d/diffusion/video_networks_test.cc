// Networks for videos, against what diffusers computes with the same weights,
// and against the tensors of the published files.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "dg4d/diffusion/configs.h"
#include "dg4d/diffusion/golden.h"
#include "dg4d/diffusion/seeded_network.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

using ::testing::HasSubstr;

class VideoUNetTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
};
using VideoVaeTest = VideoUNetTest;

VideoUNet::Inputs Inputs(int64_t samples, double timestep) {
  return {.x = SeededInput("in.x", {samples, 3, 8, 8, 8}),
          .timesteps = at::full({samples}, timestep, at::kFloat),
          .context = SeededInput("in.ctx", {samples, 1, 48}),
          .added_ids = at::tensor({6.0f, 127.0f, 0.02f}).repeat({samples, 1})};
}

TEST_F(VideoUNetTest, ComputesWhatDiffusersDoes) {
  const auto unet = SeededNetwork<VideoUNet>(kTinyVideoUNet);
  ExpectGolden(unet(Inputs(1, -1.5536)), "D1_svd_unet_B1");
  VideoUNet::Inputs two = Inputs(2, 1.6376);
  ExpectGolden(unet(two), "D2_svd_unet_B2_fixed_context");
  two.interleave_time_context = true;
  ExpectGolden(unet(two), "D2_svd_unet_B2_legacy_context");
}

TEST_F(VideoUNetTest, TreatsOneTokenOfContextAsTwoEqualOnes) {
  const auto unet = SeededNetwork<VideoUNet>(kTinyVideoUNet);
  for (const bool interleave : {false, true}) {
    VideoUNet::Inputs inputs = Inputs(2, 0.5);
    inputs.interleave_time_context = interleave;
    const at::Tensor one = unet(inputs);
    inputs.context = inputs.context.repeat({1, 2, 1});
    EXPECT_LT((one - unet(inputs)).abs().max().item<float>(), 2e-5);
  }
}

TEST_F(VideoUNetTest, NeedsThePublishedTensors) {
  ExpectPublishedTensors(ShapesOf<VideoUNet>(kVideoUNet), "svd_unet");
}

TEST_F(VideoUNetTest, DoesNotGuessTheNumberOfHeads) {
  auto json = JsonConfig::Parse("{}", "unet/config.json");
  const absl::Status status = VideoUNetConfig::Parse(*std::move(json)).status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("'num_attention_heads' is missing"));
}

TEST_F(VideoVaeTest, ComputesWhatDiffusersDoes) {
  const auto vae = SeededNetwork<VideoVae>(kTinyVideoVae);
  ExpectGolden(vae.decode(SeededInput("in.z", {3, 4, 4, 4}), 3),
               "E1_svdvae_decode_F3");
  ExpectGolden(vae.decode(SeededInput("in.z", {1, 4, 4, 4}), 1),
               "E2_svdvae_decode_F1");
  ExpectGolden(vae.encode(SeededInput("in.img", {1, 3, 32, 32})).mean,
               "E3_svdvae_encode_mode");
}

TEST_F(VideoVaeTest, DecodesClipsApart) {
  const auto vae = SeededNetwork<VideoVae>(kTinyVideoVae);
  const at::Tensor z = SeededInput("in.z", {4, 4, 4, 4});
  const at::Tensor together = vae.decode(z, 2);
  const at::Tensor apart =
      at::cat({vae.decode(z.slice(0, 0, 2), 2), vae.decode(z.slice(0, 2), 2)});
  EXPECT_LT((together - apart).abs().max().item<float>(), 2e-5);
}

TEST_F(VideoVaeTest, NeedsThePublishedTensors) {
  ExpectPublishedTensors(ShapesOf<VideoVae>(kVideoVae),
                         "autoencoder_kl_temporal_decoder");
}

}  // namespace
}  // namespace dg4d::diffusion
