#include "dg4d/diffusion/seeded_folder.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "dg4d/base/files.h"
#include "dg4d/base/safetensors.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/configs.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"
#include "dg4d/diffusion/weights.h"

namespace dg4d::diffusion {
namespace {

template <typename Network>
absl::StatusOr<std::map<std::string, std::vector<int64_t>>> Shapes(
    JsonConfig json) {
  DG4D_ASSIGN_OR_RETURN(const auto config,
                        Network::ParseConfig(std::move(json)));
  WeightLayout layout;
  Network(config, Weights(layout));
  return layout.shapes();
}

using Lister =
    absl::StatusOr<std::map<std::string, std::vector<int64_t>>> (*)(JsonConfig);

const std::map<std::string, Lister>& Listers() {
  static const auto& listers = *new std::map<std::string, Lister>{
      {"AutoencoderKL", &Shapes<Vae>},
      {"AutoencoderKLTemporalDecoder", &Shapes<VideoVae>},
      {"CLIPCameraProjection", &Shapes<CameraProjection>},
      {"CLIPVisionModelWithProjection", &Shapes<ClipVision>},
      {"UNet2DConditionModel", &Shapes<UNet>},
      {"UNetSpatioTemporalConditionModel", &Shapes<VideoUNet>},
  };
  return listers;
}

struct Component {
  const char* name;
  const char* kind;
  const char* tiny;
  const char* full;
};

constexpr Component kZero123[] = {
    {"clip_camera_projection", "CLIPCameraProjection", kTinyCameraProjection,
     kCameraProjection},
    {"image_encoder", "CLIPVisionModelWithProjection", kTinyZero123Clip,
     kClipL},
    {"unet", "UNet2DConditionModel", kTinyZero123UNet, kZero123UNet},
    {"vae", "AutoencoderKL", kTinyVae, kVae},
};

constexpr Component kSvd[] = {
    {"image_encoder", "CLIPVisionModelWithProjection", kTinyVideoClip, kClipH},
    {"unet", "UNetSpatioTemporalConditionModel", kTinyVideoUNet, kVideoUNet},
    {"vae", "AutoencoderKLTemporalDecoder", kTinyVideoVae, kVideoVae},
};

// All of `parts`, or those among `chosen`.
absl::Status WriteComponents(absl::Span<const Component> parts,
                             const std::vector<std::string>& chosen, bool tiny,
                             at::ScalarType type, const std::string& folder) {
  const auto is_chosen = [&](absl::string_view name) {
    return std::find(chosen.begin(), chosen.end(), name) != chosen.end();
  };
  size_t written = 0;
  for (const Component& part : parts) {
    if (!chosen.empty() && !is_chosen(part.name)) continue;
    DG4D_RETURN_IF_ERROR(
        WriteSeededComponent(part.kind, tiny ? part.tiny : part.full, type,
                             absl::StrCat(folder, "/", part.name)));
    ++written;
  }
  if (written < chosen.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not all of the components ", absl::StrJoin(chosen, ", "),
                     " are part of that pipeline"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteSeededComponent(const std::string& kind,
                                  const std::string& config,
                                  at::ScalarType type,
                                  const std::string& folder) {
  const auto lister = Listers().find(kind);
  if (lister == Listers().end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no network called '", kind, "'"));
  }
  DG4D_ASSIGN_OR_RETURN(JsonConfig json, JsonConfig::Parse(config, kind));
  DG4D_ASSIGN_OR_RETURN(const auto shapes, lister->second(std::move(json)));
  SeededWeights source;
  SafeTensors content;
  content.metadata = {{"format", "pt"}};
  for (const auto& [name, shape] : shapes) {
    content.tensors[name] = source.Take(name, shape).to(type);
  }
  const bool from_transformers = kind == "CLIPVisionModelWithProjection";
  DG4D_RETURN_IF_ERROR(WriteSafeTensors(
      content,
      absl::StrCat(folder, "/",
                   from_transformers ? "model" : "diffusion_pytorch_model",
                   ".safetensors")));
  return WriteFileAtomically(folder + "/config.json", config);
}

absl::Status WriteSeededPipeline(const std::string& pipeline,
                                 const std::string& size, at::ScalarType type,
                                 const std::string& folder,
                                 const std::vector<std::string>& components) {
  if ((pipeline != "zero123" && pipeline != "svd") ||
      (size != "tiny" && size != "full")) {
    return absl::InvalidArgumentError(
        "the pipeline is zero123 or svd, the size tiny or full");
  }
  const bool tiny = size == "tiny";
  const absl::Span<const Component> parts =
      pipeline == "svd" ? absl::Span<const Component>(kSvd)
                        : absl::Span<const Component>(kZero123);
  DG4D_RETURN_IF_ERROR(WriteComponents(parts, components, tiny, type, folder));
  DG4D_RETURN_IF_ERROR(WriteFileAtomically(
      folder + "/feature_extractor/preprocessor_config.json",
      tiny ? kTinyPreprocessor : kPreprocessor));
  return WriteFileAtomically(
      folder + "/scheduler/scheduler_config.json",
      pipeline == "svd" ? kEulerScheduler : kDdimScheduler);
}

}  // namespace dg4d::diffusion
