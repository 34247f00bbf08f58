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
  ASSERT_EQ(parts.size(), 5u);
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

}  // namespace
}  // namespace dg4d::diffusion
