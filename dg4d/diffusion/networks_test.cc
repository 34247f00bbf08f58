// Networks for images, against what diffusers computes with the same weights,
// and against the tensors of the published files.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/configs.h"
#include "dg4d/diffusion/golden.h"
#include "dg4d/diffusion/seeded_network.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NetworksTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
};

using SeededWeightsTest = NetworksTest;
using UNetTest = NetworksTest;
using VaeTest = NetworksTest;
using ClipVisionTest = NetworksTest;
using CameraProjectionTest = NetworksTest;

TEST_F(SeededWeightsTest, FollowTheirDefinition) {
  SeededWeights source;
  const at::Tensor conv = source.Take("conv_in.weight", {32, 8, 3, 3}).view(-1);
  EXPECT_NEAR(conv[0].item<float>(), 0.0290877, 1e-7);
  EXPECT_NEAR(conv[1].item<float>(), 0.1564670, 1e-7);
  EXPECT_NEAR(conv[2].item<float>(), -0.1673700, 1e-7);
  const at::Tensor bias = source.Take("conv_in.bias", {32});
  EXPECT_NEAR(bias[0].item<float>(), -0.0515963, 1e-7);
  EXPECT_NEAR(bias[1].item<float>(), 0.0852135, 1e-7);
  EXPECT_NEAR(source.Take("conv_norm_out.weight", {32})[0].item<float>(),
              0.9466798, 1e-7);
  const at::Tensor input = SeededInput("in.x", {2, 8, 8, 8}).view(-1);
  EXPECT_NEAR(input[0].item<float>(), 0.4240654, 1e-7);
  EXPECT_NEAR(input[2].item<float>(), -1.5193936, 1e-7);
}

TEST_F(NetworksTest, EmbedTimeStepsAsTheyWereTrained) {
  const at::Tensor embedding =
      SinusoidalEmbedding(at::tensor({37.0f}), 8).view(-1);
  const double expected[] = {0.76541406,  -0.84810013, 0.93232733, 0.99931556,
                             -0.64353812, -0.529836,   0.36161545, 0.03699156};
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(embedding[i].item<float>(), expected[i], 1e-6) << i;
  }
}

TEST_F(UNetTest, ComputesWhatDiffusersDoes) {
  const auto zero123 = SeededNetwork<UNet>(kTinyZero123UNet);
  ExpectGolden(
      zero123(SeededInput("in.x", {2, 8, 8, 8}), at::tensor({500.0f, 37.0f}),
              SeededInput("in.ctx", {2, 1, 32})),
      "A_zero123_unet");
  const auto sd21 = SeededNetwork<UNet>(kTinySd21UNet);
  ExpectGolden(
      sd21(SeededInput("in.x", {2, 4, 8, 8}), at::tensor({981.0f, 1.0f}),
           SeededInput("in.ctx", {2, 7, 48})),
      "B_sd21_unet");
}

// One token of context is a shortcut; two equal tokens are not.
TEST_F(UNetTest, TreatsOneTokenOfContextAsTwoEqualOnes) {
  const auto unet = SeededNetwork<UNet>(kTinyZero123UNet);
  const at::Tensor x = SeededInput("in.x", {1, 8, 8, 8});
  const at::Tensor t = at::tensor({300.0f});
  const at::Tensor context = SeededInput("in.ctx", {1, 1, 32});
  const at::Tensor one = unet(x, t, context);
  const at::Tensor two = unet(x, t, context.repeat({1, 2, 1}));
  EXPECT_LT((one - two).abs().max().item<float>(), 2e-5);
  EXPECT_GT(one.abs().max().item<float>(), 0.1);
}

TEST_F(UNetTest, NeedsThePublishedTensors) {
  ExpectPublishedTensors(ShapesOf<UNet>(kZero123UNet), "zero123_unet");
  ExpectPublishedTensors(ShapesOf<UNet>(kSd21UNet), "sd21_unet");
}

TEST_F(UNetTest, RefusesWhatIsNotImplemented) {
  const auto error = [](const std::string& text) {
    auto json = JsonConfig::Parse(text, "unet/config.json");
    return std::string(UNetConfig::Parse(*std::move(json)).status().message());
  };
  EXPECT_THAT(
      error(R"({"act_fn": "gelu", "class_embed_type": "timestep",
                "dual_cross_attention": false, "num_class_embeds": null})"),
      AllOf(HasSubstr("unet/config.json"), HasSubstr("'act_fn' is \"gelu\""),
            HasSubstr("'class_embed_type' is not supported"),
            Not(HasSubstr("dual")), Not(HasSubstr("num_class"))));
  EXPECT_THAT(error(R"({"block_out_channels": [320, 650, 1280, 1280]})"),
              HasSubstr("650 must be a multiple of 32"));
  EXPECT_THAT(error(R"({"block_out_channels": [320, 640]})"),
              HasSubstr("'block_out_channels' must be an integer or 4"));
  EXPECT_THAT(error(R"({"in_channels": 4000000000})"),
              HasSubstr("from 1 to 1000000"));
  EXPECT_THAT(error(R"({"up_block_types": ["A", "UpBlock2D", "UpBlock2D",
                                           "UpBlock2D"]})"),
              HasSubstr("'A' is not supported"));
}

TEST_F(VaeTest, ComputesWhatDiffusersDoes) {
  const auto vae = SeededNetwork<Vae>(kTinyVae);
  const at::Tensor image =
      SeededInput("in.img", {1, 3, 32, 32}).requires_grad_();
  const Posterior posterior = vae.encode(image);
  ExpectGolden(at::cat({posterior.mean, posterior.log_variance}, 1),
               "C1_vae_moments");
  ExpectGolden(vae.decode(SeededInput("in.z", {1, 4, 4, 4})), "C2_vae_decode");
  const at::Tensor z = vae.config.scaling_factor *
                       posterior.Sample(SeededInput("in.eps", {1, 4, 4, 4}));
  ExpectGolden(z, "C3_z");
  (z * SeededInput("in.g", {1, 4, 4, 4})).sum().backward();
  ExpectGolden(image.grad(), "C4_grad");
}

TEST_F(VaeTest, NeedsThePublishedTensors) {
  ExpectPublishedTensors(ShapesOf<Vae>(kVae), "autoencoder_kl");
}

TEST_F(ClipVisionTest, ComputesWhatTransformersDoes) {
  const at::Tensor images = SeededInput("in.pix", {2, 3, 56, 56});
  ExpectGolden(SeededNetwork<ClipVision>(kTinyClip)(images),
               "G1_clip_quick_gelu");
  std::string exact = kTinyClip;
  exact.replace(exact.find("quick_gelu"), 10, "gelu");
  ExpectGolden(SeededNetwork<ClipVision>(exact)(images), "G2_clip_gelu");
}

TEST_F(ClipVisionTest, NeedsThePublishedTensors) {
  ExpectPublishedTensors(ShapesOf<ClipVision>(kClipL), "clip_vit_l14_vision");
  ExpectPublishedTensors(ShapesOf<ClipVision>(kClipH), "clip_vit_h14_vision");
}

TEST_F(CameraProjectionTest, IsOneLinearMapOfEmbeddingAndCamera) {
  const auto projection = SeededNetwork<CameraProjection>(
      R"({"embedding_dim": 3, "additional_embeddings": 4})");
  const at::Tensor out =
      projection(SeededInput("in.e", {2, 3}), SeededInput("in.c", {2, 4}));
  ASSERT_EQ(out.sizes(), at::IntArrayRef({2, 1, 3}));
  const at::Tensor together =
      at::cat({SeededInput("in.e", {2, 3}), SeededInput("in.c", {2, 4})}, 1);
  const at::Tensor expected =
      together.matmul(projection.proj.weight.t()) + projection.proj.bias;
  EXPECT_TRUE(at::allclose(out.squeeze(1), expected));
}

TEST_F(CameraProjectionTest, ReadsBothPublishedConfigurations) {
  const auto authors = ParsedConfig<CameraProjection>(
      R"({"_class_name": "CCProjection", "in_channel": 772,
          "out_channel": 768})");
  EXPECT_EQ(authors.embedding, 768);
  EXPECT_EQ(authors.camera, 4);
}

TEST_F(CameraProjectionTest, NeedsThePublishedTensors) {
  ExpectPublishedTensors(ShapesOf<CameraProjection>(kCameraProjection),
                         "clip_camera_projection");
}

}  // namespace
}  // namespace dg4d::diffusion
