// Gaussians for the programs that judge our files of them:
//
//   splat_samples write FOLDER    writes NAME.json, what was to be written, and
//                                 NAME.FORMAT for each format (below)
//   splat_samples read FILE JSON  writes what we read of FILE, of any format
//   splat_samples random COUNT DEGREE FILE.ply  writes that many, for
//   benchmarks
//
// JSON holds the numbers of Gaussians in our axes: count, sh_degree, means,
// quaternions (w x y z), log_scales, opacities, sh; a list of these for several
// frames.

#include <ATen/TensorOperators.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/gltf_splats_io.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/formats/spz_io.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

constexpr int kCount = 300;
constexpr int kFrames = 3;

// Random Gaussians whose numbers lie within what SPZ can hold. Nothing about
// them is symmetric.
Gaussians RandomGaussians(int count, int degree, uint64_t seed) {
  at::Generator generator = MakeGenerator(seed, "splat_samples");
  const auto uniform = [&generator](at::IntArrayRef sizes, double low,
                                    double high) {
    return Uniform(sizes, low, high, generator);
  };
  const int coefficients = (degree + 1) * (degree + 1);
  return {.means = uniform({count, 3}, -1, 1),
          .quaternions = uniform({count, 4}, -1, 1),
          .log_scales = uniform({count, 3}, -8, -1),
          .opacity_logits = uniform({count, 1}, -4, 4),
          .sh = uniform({count, coefficients, 3}, -0.95, 0.95)};
}

std::vector<float> Values(const at::Tensor& tensor) {
  const at::Tensor floats = tensor.contiguous();
  const float* values = floats.data_ptr<float>();
  return {values, values + floats.numel()};
}

Json ToJson(const std::vector<Gaussians>& frames) {
  Json list = Json::array();
  for (const Gaussians& gaussians : frames) {
    list.push_back({{"count", gaussians.size()},
                    {"sh_degree", gaussians.sh_degree()},
                    {"means", Values(gaussians.means)},
                    {"quaternions", Values(gaussians.quaternions)},
                    {"log_scales", Values(gaussians.log_scales)},
                    {"opacities", Values(gaussians.opacity_logits.sigmoid())},
                    {"sh", Values(gaussians.sh)}});
  }
  return list;
}

absl::Status Write(const std::string& folder) {
  for (int degree = 0; degree <= 3; ++degree) {
    const Gaussians gaussians = RandomGaussians(kCount, degree, 7 + degree);
    const std::string path = absl::StrCat(folder, "/degree", degree);
    DG4D_RETURN_IF_ERROR(
        WriteFileAtomically(path + ".json", ToJson({gaussians}).dump()));
    DG4D_RETURN_IF_ERROR(WriteGaussiansPly(path + ".ply", gaussians));
    DG4D_RETURN_IF_ERROR(
        WriteGaussiansPly(path + ".up.ply", gaussians, PlyUp::kPlusY));
    for (const int version : {3, 4}) {
      DG4D_ASSIGN_OR_RETURN(
          const std::string spz,
          EncodeGaussiansSpz(gaussians, {.version = version}));
      DG4D_RETURN_IF_ERROR(
          WriteFileAtomically(absl::StrCat(path, ".v", version, ".spz"), spz));
    }
    DG4D_ASSIGN_OR_RETURN(const std::string glb,
                          EncodeGltfSplats({.frames = {gaussians}}, "splats"));
    DG4D_RETURN_IF_ERROR(WriteFileAtomically(path + ".glb", glb));
  }
  GltfSplats moving = {.fps = 8};
  for (int i = 0; i < kFrames; ++i) {
    moving.frames.push_back(RandomGaussians(kCount, 1, 20 + i));
  }
  DG4D_ASSIGN_OR_RETURN(const std::string glb,
                        EncodeGltfSplats(moving, "splats"));
  DG4D_RETURN_IF_ERROR(WriteFileAtomically(folder + "/moving.glb", glb));
  return WriteFileAtomically(folder + "/moving.json",
                             ToJson(moving.frames).dump());
}

absl::Status Read(const std::string& file, const std::string& json) {
  std::vector<Gaussians> frames;
  if (absl::EndsWith(file, ".glb")) {
    DG4D_ASSIGN_OR_RETURN(GltfSplats splats, ReadGltfSplats(file));
    frames = std::move(splats.frames);
  } else {
    DG4D_ASSIGN_OR_RETURN(frames.emplace_back(), absl::EndsWith(file, ".spz")
                                                     ? ReadGaussiansSpz(file)
                                                     : ReadGaussiansPly(file));
  }
  return WriteFileAtomically(json, ToJson(frames).dump());
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  absl::Status status = absl::InvalidArgumentError(
      "usage: splat_samples write FOLDER | read FILE JSON | "
      "random COUNT DEGREE FILE.ply");
  if (words.size() == 2 && words[0] == "write") status = dg4d::Write(words[1]);
  if (words.size() == 3 && words[0] == "read") {
    status = dg4d::Read(words[1], words[2]);
  }
  int count = 0, degree = 0;
  if (words.size() == 4 && words[0] == "random" &&
      absl::SimpleAtoi(words[1], &count) &&
      absl::SimpleAtoi(words[2], &degree)) {
    status = dg4d::WriteGaussiansPly(
        words[3], dg4d::RandomGaussians(count, degree, /*seed=*/0));
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
