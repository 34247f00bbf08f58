#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/glb_builder.h"
#include "dg4d/formats/gltf_splats_io.h"
#include "dg4d/formats/gltf_turns.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

constexpr char kExtension[] = "KHR_gaussian_splatting";
constexpr int kPoints = 0;  // the mode of a primitive

std::vector<float> Numbers(const at::Tensor& tensor) {
  const float* numbers = tensor.data_ptr<float>();
  return {numbers, numbers + tensor.numel()};
}

// w x y z of any length to x y z w of unit length.
std::vector<float> Rotations(const Gaussians& gaussians) {
  std::vector<float> rotations = Numbers(gaussians.quaternions);
  for (size_t i = 0; i < rotations.size(); i += 4) {
    float* q = &rotations[i];
    std::rotate(q, q + 1, q + 4);
    double length = 0;
    for (int c = 0; c < 4; ++c) length += double{q[c]} * q[c];
    length = std::sqrt(length);
    for (int c = 0; c < 4; ++c) {
      q[c] = length > 0 ? static_cast<float>(q[c] / length) : c == 3;
    }
  }
  return rotations;
}

absl::StatusOr<std::vector<float>> Scales(const Gaussians& gaussians) {
  std::vector<float> scales = Numbers(gaussians.log_scales);
  for (size_t i = 0; i < scales.size(); ++i) {
    scales[i] = static_cast<float>(std::exp(double{scales[i]}));
    if (std::isfinite(scales[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "the scale of Gaussian ", i / 3,
        " is no float; export its logarithm with the exporter ply"));
  }
  return scales;
}

double Sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

std::vector<float> Opacities(const Gaussians& gaussians) {
  std::vector<float> opacities = Numbers(gaussians.opacity_logits);
  for (float& value : opacities) value = static_cast<float>(Sigmoid(value));
  return opacities;
}

std::vector<float> Coefficients(const Gaussians& gaussians, int k) {
  return Numbers(gaussians.sh.select(1, k).contiguous());
}

uint16_t Share(double value) {
  return static_cast<uint16_t>(
      std::lround(std::clamp(value, 0.0, 1.0) * 65535));
}

double LinearFromSrgb(double value) {
  return value <= 0.04045 ? value / 12.92
                          : std::pow((value + 0.055) / 1.055, 2.4);
}

// What is seen without the extension: COLOR_0 is linear.
std::vector<uint16_t> Colors(const Gaussians& gaussians) {
  const std::vector<float> dc = Coefficients(gaussians, 0);
  const float* logits = gaussians.opacity_logits.data_ptr<float>();
  std::vector<uint16_t> rgba;
  for (int64_t i = 0; i < gaussians.size(); ++i) {
    for (int c = 0; c < 3; ++c) {
      const double srgb = std::clamp(0.5 + kSh0 * dc[3 * i + c], 0.0, 1.0);
      rgba.push_back(Share(LinearFromSrgb(srgb)));
    }
    rgba.push_back(Share(Sigmoid(logits[i])));
  }
  return rgba;
}

// Adds attributes frame by frame; equal ones of two frames in a row share an
// accessor.
class Attributes {
 public:
  explicit Attributes(GlbBuilder& glb) : glb_(glb) {}

  absl::StatusOr<Json> Add(const Gaussians& frame) {
    Json attributes;
    attributes["POSITION"] = positions_.Add(Numbers(frame.means), 3, glb_);
    attributes[Name("ROTATION")] = rotations_.Add(Rotations(frame), 4, glb_);
    DG4D_ASSIGN_OR_RETURN(std::vector<float> scales, Scales(frame));
    attributes[Name("SCALE")] = scales_.Add(std::move(scales), 3, glb_);
    attributes[Name("OPACITY")] = opacities_.Add(Opacities(frame), 1, glb_);
    for (int degree = 0, k = 0; degree <= frame.sh_degree(); ++degree) {
      for (int n = 0; n <= 2 * degree; ++n, ++k) {
        attributes[Name(absl::StrCat("SH_DEGREE_", degree, "_COEF_", n))] =
            sh_[k].Add(Coefficients(frame, k), 3, glb_);
      }
    }
    std::vector<uint16_t> colors = Colors(frame);
    if (colors != colors_) {
      color_accessor_ = glb_.AddVertexColors(colors);
      colors_ = std::move(colors);
    }
    attributes["COLOR_0"] = color_accessor_;
    return attributes;
  }

 private:
  struct Last {
    std::vector<float> values;
    int accessor = 0;

    int Add(std::vector<float> next, int components, GlbBuilder& glb) {
      if (next != values) {
        accessor = glb.AddVertexFloats(next, components);
        values = std::move(next);
      }
      return accessor;
    }
  };

  static std::string Name(const std::string& attribute) {
    return absl::StrCat(kExtension, ":", attribute);
  }

  GlbBuilder& glb_;
  Last positions_, rotations_, scales_, opacities_;
  std::array<Last, 16> sh_;
  std::vector<uint16_t> colors_;
  int color_accessor_ = 0;
};

}  // namespace

absl::StatusOr<std::string> EncodeGltfSplats(const GltfSplats& splats,
                                             const std::string& name,
                                             const Provenance& provenance) {
  const size_t count = splats.frames.size();
  const bool moves = count > 1;
  if (count == 0 || (moves && !(splats.fps > 0 && std::isfinite(splats.fps)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", count, " frames of Gaussians to play at ",
                     splats.fps, " a second"));
  }
  GlbBuilder glb;
  Json gltf = {{"asset", GltfAsset(provenance)},
               {"extensionsUsed", {kExtension}},
               {"scene", 0},
               {"scenes", {{{"nodes", {0}}}}}};
  if (moves) gltf["nodes"].push_back({{"name", name}});
  Attributes attributes(glb);
  for (size_t frame = 0; frame < count; ++frame) {
    const std::string frame_name =
        moves ? absl::StrFormat("frame_%04d", frame + 1) : name;
    DG4D_RETURN_IF_ERROR(
        Annotate(CheckGaussians(splats.frames[frame]), frame_name));
    if (splats.frames[frame].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(frame_name, " has no Gaussians"));
    }
    auto added = attributes.Add(OnHost(splats.frames[frame]));
    DG4D_RETURN_IF_ERROR(Annotate(added.status(), frame_name));
    const Json extension = {{"kernel", "ellipse"},
                            {"colorSpace", "srgb_rec709_display"},
                            {"projection", "perspective"},
                            {"sortingMethod", "cameraDistance"}};
    const Json primitive = {{"mode", kPoints},
                            {"attributes", *std::move(added)},
                            {"extensions", {{kExtension, extension}}}};
    gltf["meshes"].push_back(
        {{"name", frame_name}, {"primitives", Json::array({primitive})}});
    gltf["nodes"].push_back({{"name", frame_name}, {"mesh", frame}});
    if (moves) gltf["nodes"][0]["children"].push_back(frame + 1);
  }
  if (moves) ShowNodesInTurn(1, count, splats.fps, name, glb, gltf);
  return glb.Finish(std::move(gltf));
}

}  // namespace dg4d
