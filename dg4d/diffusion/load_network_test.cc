// Networks from folders: types, old names, and what is told about them.

#include "dg4d/diffusion/load_network.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/configs.h"
#include "dg4d/diffusion/seeded_folder.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"
#include "dg4d/diffusion/weight_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadNetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    folder_ = testing::TempDir() +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
  }

  template <typename Network>
  std::unique_ptr<Network> Load(at::ScalarType type) {
    auto network = LoadNetwork<Network>(folder_, {.type = type});
    EXPECT_TRUE(network.ok()) << network.status();
    return *std::move(network);
  }

  // The largest relative difference (L2) to float32 that half types make.
  template <typename Network, typename Run>
  void ExpectClose(const std::string& kind, const std::string& config,
                   const Run& run, double half, double bfloat16) {
    ASSERT_TRUE(WriteSeededComponent(kind, config, at::kFloat, folder_).ok());
    const at::Tensor exact = run(*Load<Network>(at::kFloat), at::kFloat);
    for (const auto& [type, tolerance] :
         {std::pair(at::kHalf, half), std::pair(at::kBFloat16, bfloat16)}) {
      const at::Tensor out = run(*Load<Network>(type), type);
      EXPECT_EQ(out.scalar_type(), type) << kind;
      const double error =
          ((out.to(at::kFloat) - exact).norm() / exact.norm()).item<double>();
      EXPECT_LT(error, tolerance) << kind << " in " << at::toString(type);
      EXPECT_GT(error, 1e-5) << kind << " in " << at::toString(type);
    }
  }

  std::string folder_;
};

TEST_F(LoadNetworkTest, ImageUNetsRunInHalfPrecision) {
  ExpectClose<UNet>(
      "UNet2DConditionModel", kTinyZero123UNet,
      [](const UNet& unet, at::ScalarType type) {
        return unet(SeededInput("in.x", {2, 8, 8, 8}).to(type),
                    at::tensor({500.0f, 37.0f}),
                    SeededInput("in.ctx", {2, 1, 32}).to(type));
      },
      1e-2, 5e-2);
}

TEST_F(LoadNetworkTest, AutoencodersRunInHalfPrecision) {
  ExpectClose<Vae>(
      "AutoencoderKL", kTinyVae,
      [](const Vae& vae, at::ScalarType type) {
        return vae.decode(
            vae.encode(SeededInput("in.img", {1, 3, 32, 32}).to(type)).mean);
      },
      1e-2, 5e-2);
  ExpectClose<VideoVae>(
      "AutoencoderKLTemporalDecoder", kTinyVideoVae,
      [](const VideoVae& vae, at::ScalarType type) {
        return vae.decode(SeededInput("in.z", {3, 4, 4, 4}).to(type), 3);
      },
      1e-2, 5e-2);
}

TEST_F(LoadNetworkTest, VideoUNetsRunInHalfPrecision) {
  ExpectClose<VideoUNet>(
      "UNetSpatioTemporalConditionModel", kTinyVideoUNet,
      [](const VideoUNet& unet, at::ScalarType type) {
        return unet(
            {.x = SeededInput("in.x", {1, 3, 8, 8, 8}).to(type),
             .timesteps = at::full({1}, -1.5536, at::kFloat),
             .context = SeededInput("in.ctx", {1, 1, 48}).to(type),
             .added_ids = at::tensor({6.0f, 127.0f, 0.02f}).view({1, 3})});
      },
      1e-2, 5e-2);
}

TEST_F(LoadNetworkTest, ImageEncodersRunInHalfPrecision) {
  ExpectClose<ClipVision>(
      "CLIPVisionModelWithProjection", kTinyClip,
      [](const ClipVision& clip, at::ScalarType type) {
        return clip(SeededInput("in.pix", {2, 3, 56, 56}).to(type));
      },
      1e-2, 5e-2);
}

// Renames tensors of the file `path`. Old autoencoders kept the matrices of
// their attention as convolutions: so do names that start with a dot.
void Rename(const std::string& path,
            const std::vector<std::pair<std::string, std::string>>& names) {
  const auto content = ReadSafeTensors(path);
  ASSERT_TRUE(content.ok()) << content.status();
  SafeTensors renamed;
  for (const auto& [key, value] : content->tensors) {
    std::string name = key;
    at::Tensor tensor = value;
    for (const auto& [from, to] : names) {
      const size_t at = name.find(from);
      if (at == std::string::npos) continue;
      name.replace(at, from.size(), to);
      if (tensor.dim() == 2 && from[0] == '.') {
        tensor = tensor.unsqueeze(2).unsqueeze(3);
      }
    }
    renamed.tensors[name] = tensor;
  }
  ASSERT_TRUE(WriteSafeTensors(renamed, path).ok());
}

TEST_F(LoadNetworkTest, OldNamesOfAttentionMeanTheSame) {
  ASSERT_TRUE(
      WriteSeededComponent("AutoencoderKL", kTinyVae, at::kFloat, folder_)
          .ok());
  const at::Tensor image = SeededInput("in.img", {1, 3, 32, 32});
  const at::Tensor now = Load<Vae>(at::kFloat)->encode(image).mean;
  Rename(folder_ + "/diffusion_pytorch_model.safetensors",
         {{".to_q.", ".query."},
          {".to_k.", ".key."},
          {".to_v.", ".value."},
          {".to_out.0.", ".proj_attn."}});
  EXPECT_TRUE(Load<Vae>(at::kFloat)->encode(image).mean.equal(now));
}

TEST_F(LoadNetworkTest, BothNamesOfTheCameraProjectionAreRead) {
  ASSERT_TRUE(WriteSeededComponent("CLIPCameraProjection",
                                   kTinyCameraProjection, at::kFloat, folder_)
                  .ok());
  const at::Tensor weight =
      Load<CameraProjection>(at::kFloat)->proj.weight.clone();
  Rename(folder_ + "/diffusion_pytorch_model.safetensors",
         {{"proj.", "projection."}});
  EXPECT_TRUE(Load<CameraProjection>(at::kFloat)->proj.weight.equal(weight));
}

TEST_F(LoadNetworkTest, WeightsAreViewsOfTheFileUnlessConverted) {
  ASSERT_TRUE(WriteSeededComponent("CLIPCameraProjection",
                                   kTinyCameraProjection, at::kHalf, folder_)
                  .ok());
  const auto stored = LoadNetwork<CameraProjection>(folder_);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ((*stored)->proj.weight.scalar_type(), at::kHalf);
  EXPECT_FALSE((*stored)->proj.weight.requires_grad());
  EXPECT_EQ(Load<CameraProjection>(at::kFloat)->proj.weight.scalar_type(),
            at::kFloat);
}

TEST_F(LoadNetworkTest, ReportsWhatAFolderHolds) {
  ASSERT_TRUE(WriteSeededPipeline("zero123", "tiny", at::kHalf, folder_).ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/LICENSE.md", "mine").ok());
  auto report = ReportWeights(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->pipeline, "zero123");
  EXPECT_THAT(report->licences, ElementsAre("LICENSE.md"));
  EXPECT_TRUE(report->missing.empty());
  std::map<std::string, ComponentReport> parts;
  for (const ComponentReport& part : report->components) {
    EXPECT_TRUE(part.status.ok()) << part.name << ": " << part.status;
    parts[part.name] = part;
  }
  ASSERT_EQ(parts.size(), 6u);
  EXPECT_TRUE(report->together.ok()) << report->together;
  EXPECT_THAT(parts["feature_extractor"].file,
              HasSubstr("feature_extractor/preprocessor_config.json"));
  EXPECT_EQ(parts["unet"].kind, "UNet2DConditionModel");
  EXPECT_EQ(parts["unet"].parameters, 5457444);
  EXPECT_EQ(parts["unet"].bytes, 2u * 5457444);
  EXPECT_EQ(parts["unet"].types, "Half");
  EXPECT_EQ(parts["vae"].parameters, 2658087);
  EXPECT_EQ(parts["scheduler"].kind, "DDIMScheduler");

  std::filesystem::remove_all(folder_ + "/vae");
  Rename(folder_ + "/unet/diffusion_pytorch_model.safetensors",
         {{"conv_in", "conv_inn"}});
  report = ReportWeights(folder_);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->missing, ElementsAre("vae"));
  for (const ComponentReport& part : report->components) {
    EXPECT_EQ(part.status.ok(), part.name != "unet") << part.name;
    if (part.name != "unet") continue;
    EXPECT_THAT(std::string(part.status.message()),
                AllOf(HasSubstr("unet/diffusion_pytorch_model.safetensors"),
                      HasSubstr("2 missing"), HasSubstr("conv_in.weight [32"),
                      HasSubstr("conv_inn.bias")));
  }
}

TEST_F(LoadNetworkTest, ReportsVideoFolders) {
  ASSERT_TRUE(WriteSeededPipeline("svd", "tiny", at::kFloat, folder_).ok());
  const auto report = ReportWeights(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->pipeline, "svd");
  EXPECT_TRUE(report->missing.empty());
  EXPECT_TRUE(report->licences.empty());
  std::map<std::string, int64_t> parameters;
  for (const ComponentReport& part : report->components) {
    EXPECT_TRUE(part.status.ok()) << part.name << ": " << part.status;
    parameters[part.name] = part.parameters;
  }
  EXPECT_EQ(parameters["unet"], 9767946);
  EXPECT_EQ(parameters["vae"], 3106239);
  EXPECT_EQ(ReportWeights(folder_ + "/absent").status().code(),
            absl::StatusCode::kNotFound);
}

// What is wrong with the component `name`; "" if nothing is, or it is not
// there.
std::string Wrong(const WeightReport& report, const std::string& name) {
  for (const ComponentReport& part : report.components) {
    if (part.name == name) return std::string(part.status.message());
  }
  return "";
}

TEST_F(LoadNetworkTest, KnowsComponentsByTheirNamesWhateverIsInThem) {
  for (const std::string pipeline : {"zero123", "svd"}) {
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(WriteSeededPipeline(pipeline, "tiny", at::kHalf, folder_).ok());
    std::filesystem::remove(folder_ + "/unet/config.json");
    auto report = ReportWeights(folder_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->pipeline, pipeline);
    EXPECT_THAT(Wrong(*report, "unet"), HasSubstr("unet/config.json"));
    EXPECT_EQ(Wrong(*report, "vae"), "");
    EXPECT_TRUE(report->missing.empty());

    std::filesystem::remove_all(folder_ + "/unet");
    std::filesystem::create_directories(folder_ + "/unet");
    report = ReportWeights(folder_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->missing, ElementsAre("unet"));
  }
}

TEST_F(LoadNetworkTest, ChecksComponentsAsTheyAreLoaded) {
  ASSERT_TRUE(WriteSeededPipeline("svd", "tiny", at::kHalf, folder_).ok());
  std::string config(kTinyVideoClip);
  const std::string kind = "CLIPVisionModelWithProjection";
  config.replace(config.find(kind), kind.size(), "CLIPModel");
  ASSERT_TRUE(
      WriteFileAtomically(folder_ + "/image_encoder/config.json", config).ok());
  auto report = ReportWeights(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Wrong(*report, "image_encoder"), "");
  EXPECT_TRUE(report->together.ok()) << report->together;

  // Another pipeline's autoencoder.
  ASSERT_TRUE(WriteSeededComponent("AutoencoderKL", kTinyVae, at::kHalf,
                                   folder_ + "/vae")
                  .ok());
  report = ReportWeights(folder_);
  EXPECT_EQ(report->pipeline, "svd");
  EXPECT_THAT(Wrong(*report, "vae"), HasSubstr("vae"));
}

TEST_F(LoadNetworkTest, ReportsHowPicturesArePrepared) {
  ASSERT_TRUE(WriteSeededPipeline("zero123", "tiny", at::kHalf, folder_).ok());
  const std::string path =
      folder_ + "/feature_extractor/preprocessor_config.json";
  ASSERT_TRUE(WriteFileAtomically(path, R"({"image_mean": [1]})").ok());
  EXPECT_THAT(Wrong(*ReportWeights(folder_), "feature_extractor"),
              AllOf(HasSubstr("preprocessor_config.json"),
                    HasSubstr("'image_mean' must be 3 numbers")));
  // It fits the full-size encoder, not the tiny one.
  std::filesystem::remove(path);
  const auto report = ReportWeights(folder_);
  EXPECT_EQ(Wrong(*report, "feature_extractor"), "");
  EXPECT_THAT(std::string(report->together.message()),
              HasSubstr("feature_extractor and image_encoder do not fit"));
}

TEST_F(LoadNetworkTest, SaysWhatItCannotTellAndWhatItDoesNotRead) {
  ASSERT_TRUE(WriteSeededComponent("AutoencoderKL", kTinyVae, at::kHalf,
                                   folder_ + "/vae")
                  .ok());
  ASSERT_TRUE(
      WriteFileAtomically(folder_ + "/text_encoder/config.json", "{}").ok());
  const auto report = ReportWeights(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->pipeline, "");
  EXPECT_THAT(std::string(report->together.message()),
              HasSubstr("neither zero123 nor svd"));
  EXPECT_THAT(report->unread, ElementsAre("text_encoder"));
  // What kinds do not say, the folder's name does.
  std::filesystem::create_directories(folder_ + "/zero123-of-mine");
  std::filesystem::rename(folder_ + "/vae", folder_ + "/zero123-of-mine/vae");
  EXPECT_EQ(ReportWeights(folder_ + "/zero123-of-mine")->pipeline, "zero123");
}

TEST_F(LoadNetworkTest, RefusesShapesThatFitNoMemory) {
  ASSERT_TRUE(WriteSeededComponent("CLIPVisionModelWithProjection", kTinyClip,
                                   at::kHalf, folder_)
                  .ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/config.json", R"({
    "hidden_size": 1000000, "num_attention_heads": 1, "patch_size": 1000000,
    "image_size": 1000000, "num_channels": 1000000, "num_hidden_layers": 1})")
                  .ok());
  const auto network = LoadNetwork<ClipVision>(folder_);
  EXPECT_EQ(network.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(network.status().message()),
              HasSubstr("instead of [1000000, 1000000, 1000000, 1000000]"));
}

}  // namespace
}  // namespace dg4d::diffusion
