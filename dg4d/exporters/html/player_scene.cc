#include "dg4d/exporters/html/player_scene.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/exporters/html/payload.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::html {
namespace {

using Json = nlohmann::json;

// WebGL 2 promises so many layers of a texture; a frame takes one.
constexpr int kMostFrames = 256;
constexpr double kLogScaleStep = 1.0 / 256;
constexpr int kQuaternionOne = 2047;

// The floats of a tensor, kept alive with it.
class Floats {
 public:
  explicit Floats(const at::Tensor& tensor)
      : tensor_(tensor.to(at::kCPU, at::kFloat).contiguous()) {}
  const float* data() const { return tensor_.data_ptr<float>(); }
  int64_t size() const { return tensor_.numel(); }
  float operator[](int64_t i) const { return data()[i]; }

 private:
  at::Tensor tensor_;
};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Quantizer quantizer(double least_step = 0) const {
    return low <= high ? Quantizer::Between(low, high, least_step)
                       : Quantizer();
  }
};

bool AreFinite(const Floats& values, int64_t begin, int64_t count) {
  return std::all_of(values.data() + begin, values.data() + begin + count,
                     [](float value) { return std::isfinite(value); });
}

class Maker {
 public:
  explicit Maker(const PlayerSceneOptions& options) : options_(options) {}

  absl::Status AddGaussians(const Scene& scene);
  absl::Status AddMeshes(const std::vector<Mesh>& meshes);
  absl::StatusOr<PlayerScene> Finish(const Scene& scene);

 private:
  // Adds values [rows, count, components] with a low and step for each
  // component, or one for all of them; those for which `skip` is true become 0.
  template <typename Skip>
  Json AddFloats(const Floats& values, int64_t rows, int components,
                 bool each_component, double least_step, const Skip& skip);
  Json AddFloats(const Floats& values, int64_t rows, int components) {
    return AddFloats(values, rows, components, true, 0,
                     [](int64_t) { return false; });
  }
  Json AddIndices(const at::Tensor& indices);
  void GrowRadius(const Floats& places);
  absl::StatusOr<int> AddTexture(const Image& albedo);

  const PlayerSceneOptions& options_;
  Payload payload_;
  Json header_;
  int frames_ = 1;
  double radius_ = 0;  // of all places around the origin
};

template <typename Skip>
Json Maker::AddFloats(const Floats& values, int64_t rows, int components,
                      bool each_component, double least_step,
                      const Skip& skip) {
  std::vector<Range> ranges(each_component ? components : 1);
  const auto range_of = [&](int64_t i) {
    return each_component ? i % components : 0;
  };
  for (int64_t i = 0; i < values.size(); ++i) {
    if (!skip(i / components)) ranges[range_of(i)].Add(values[i]);
  }
  std::vector<Quantizer> quantizers;
  Json low = Json::array(), step = Json::array();
  for (const Range& range : ranges) {
    quantizers.push_back(range.quantizer(least_step));
    low.push_back(quantizers.back().low);
    step.push_back(quantizers.back().step);
  }
  std::vector<uint32_t> numbers(values.size());
  for (int64_t i = 0; i < values.size(); ++i) {
    if (skip(i / components)) continue;
    numbers[i] = quantizers[range_of(i)].Number(values[i]);
  }
  return {{"array", payload_.Add(numbers, rows, components, 2)},
          {"low", low},
          {"step", step}};
}

Json Maker::AddIndices(const at::Tensor& indices) {
  const at::Tensor rows = indices.contiguous();
  const int32_t* index = rows.data_ptr<int32_t>();
  return {{"array", payload_.Add({index, index + rows.numel()}, 1, 3, 4)}};
}

void Maker::GrowRadius(const Floats& places) {
  for (int64_t i = 0; i + 2 < places.size(); i += 3) {
    const double x = places[i], y = places[i + 1], z = places[i + 2];
    const double distance = std::sqrt(x * x + y * y + z * z);
    if (std::isfinite(distance)) radius_ = std::max(radius_, distance);
  }
}

// Unit quaternions [rows, count, 4] of 12 bits a component.
std::vector<uint32_t> QuaternionNumbers(const Floats& quaternions,
                                        int64_t rows) {
  std::vector<uint32_t> numbers(quaternions.size());
  const int64_t row_size = quaternions.size() / rows;
  std::vector<double> before(row_size);
  for (int64_t i = 0; i < quaternions.size(); i += 4) {
    double length = 0, along = 0;
    double* last = before.data() + i % row_size;
    for (int c = 0; c < 4; ++c) {
      length += double{quaternions[i + c]} * quaternions[i + c];
      along += quaternions[i + c] * last[c];
    }
    double scale = 1 / std::sqrt(std::max(length, 1e-24));
    if (!std::isfinite(scale * length)) scale = 0;
    if (along < 0) scale = -scale;
    for (int c = 0; c < 4; ++c) {
      last[c] = scale == 0 ? 0 : quaternions[i + c] * scale;
      numbers[i + c] = static_cast<uint32_t>(
          std::lround(last[c] * kQuaternionOne) + kQuaternionOne + 1);
    }
  }
  return numbers;
}

absl::Status Maker::AddGaussians(const Scene& scene) {
  const Gaussians& still = scene.gaussians;
  const GaussianFrames& moving = scene.gaussian_frames;
  const bool moves = !moving.empty();
  const int frames = std::max(1, moving.size());
  DG4D_RETURN_IF_ERROR(CheckGaussianFrames(still, moving));
  const Floats means(moves ? moving.means : still.means);
  const Floats quaternions(moves ? moving.quaternions : still.quaternions);
  const Floats log_scales(moves ? moving.log_scales : still.log_scales);
  const Floats logits(moves ? moving.opacity_logits : still.opacity_logits);
  const Floats sh(still.sh);
  const int64_t count = still.size(), all = frames * count;
  const int sh_size = static_cast<int>(sh.size() / count);
  std::vector<bool> finite(all);
  std::vector<uint32_t> opacities(all);
  for (int64_t i = 0; i < all; ++i) {
    finite[i] = AreFinite(means, 3 * i, 3) &&
                AreFinite(quaternions, 4 * i, 4) &&
                AreFinite(log_scales, 3 * i, 3) && !std::isnan(logits[i]) &&
                AreFinite(sh, i % count * sh_size, sh_size);
    if (!finite[i]) continue;
    opacities[i] = static_cast<uint32_t>(
        std::lround(255 / (1 + std::exp(-double{logits[i]}))));
  }
  const auto skip = [&](int64_t i) { return !finite[i]; };
  const auto skip_sh = [&](int64_t i) {
    return !AreFinite(sh, i * sh_size, sh_size);
  };
  header_["gaussians"] = {
      {"count", count},
      {"frames", frames},
      {"sh_degree", still.sh_degree()},
      {"means", AddFloats(means, frames, 3, true, 0, skip)},
      {"quaternions",
       {{"array",
         payload_.Add(QuaternionNumbers(quaternions, frames), frames, 4, 2)},
        {"low", -(kQuaternionOne + 1.0) / kQuaternionOne},
        {"step", 1.0 / kQuaternionOne}}},
      {"log_scales",
       AddFloats(log_scales, frames, 3, false, kLogScaleStep, skip)},
      {"opacities", {{"array", payload_.Add(opacities, frames, 1, 1)}}},
      {"sh", AddFloats(sh, 1, sh_size, false, 0, skip_sh)}};
  GrowRadius(means);
  frames_ = std::max(frames_, frames);
  return absl::OkStatus();
}

absl::StatusOr<int> Maker::AddTexture(const Image& albedo) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, options_.png_textures
                                                     ? EncodePng(albedo)
                                                     : EncodeJpeg(albedo));
  header_["textures"].push_back(
      absl::StrCat("data:image/", options_.png_textures ? "png" : "jpeg",
                   ";base64,", Base64(bytes)));
  return static_cast<int>(header_["textures"].size()) - 1;
}

absl::Status Maker::AddMeshes(const std::vector<Mesh>& meshes) {
  for (size_t frame = 0; frame < meshes.size(); ++frame) {
    DG4D_RETURN_IF_ERROR(Annotate(CheckMesh(meshes[frame]),
                                  absl::StrCat("mesh of frame ", frame)));
  }
  const bool one = HaveOneTopology(meshes) && HaveOneTexture(meshes);
  const size_t length = one ? meshes.size() : 1;
  int texture = -1;
  for (size_t first = 0; first < meshes.size(); first += length) {
    const Mesh& mesh = meshes[first];
    std::vector<at::Tensor> vertices;
    std::vector<float> places;
    for (size_t frame = first; frame < first + length; ++frame) {
      const Floats rows(meshes[frame].vertices);
      GrowRadius(rows);
      places.insert(places.end(), rows.data(), rows.data() + rows.size());
    }
    const at::Tensor all = at::from_blob(
        places.data(), {static_cast<int64_t>(places.size())}, at::kFloat);
    Json part = {{"first_frame", first},
                 {"frames", length},
                 {"vertices", AddFloats(Floats(all), length, 3)},
                 {"triangles", AddIndices(mesh.triangles)}};
    if (mesh.textured()) {
      part["uvs"] = AddFloats(Floats(mesh.uvs), 1, 2);
      part["uv_triangles"] = AddIndices(mesh.uv_triangles);
      if (texture < 0 || !HaveOneTexture({meshes[first - length], mesh})) {
        DG4D_ASSIGN_OR_RETURN(texture, AddTexture(mesh.albedo));
      }
      part["texture"] = texture;
    } else {
      texture = -1;
    }
    header_["meshes"].push_back(std::move(part));
  }
  frames_ = std::max(frames_, static_cast<int>(meshes.size()));
  return absl::OkStatus();
}

absl::StatusOr<PlayerScene> Maker::Finish(const Scene& scene) {
  const double fps = FramesPerSecond(scene);
  if (frames_ > kMostFrames) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scene has ", frames_,
                     " frames; a page plays at most ", kMostFrames,
                     ": lower dynamic_gaussians' samples_per_frame or shorten "
                     "the video; exporter 'usda' writes as many as there are"));
  }
  if (frames_ > 1 && !(fps > 0 && fps <= 1000)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scene plays ", fps, " frames a second"));
  }
  const Orbit orbit = OrbitOf(scene.reference_camera);
  header_["frames"] = frames_;
  header_["fps"] = frames_ > 1 ? fps : 1;
  header_["loop"] = options_.loop;
  header_["radius"] = radius_;
  header_["camera"] = {{"fov_y", scene.reference_camera.fov_y},
                       {"azimuth", orbit.azimuth_degrees},
                       {"elevation", orbit.elevation_degrees},
                       {"radius", orbit.radius},
                       {"target", orbit.target}};
  header_["arrays"] = payload_.Directory();
  return PlayerScene{std::move(header_), payload_.Deflate()};
}

}  // namespace

absl::StatusOr<PlayerScene> MakePlayerScene(const Scene& scene,
                                            const PlayerSceneOptions& options) {
  const bool gaussians = options.gaussians && !scene.gaussians.empty();
  const bool meshes = options.meshes && !scene.meshes.empty();
  if (!gaussians && !meshes) {
    return absl::FailedPreconditionError(
        scene.gaussians.empty() && scene.meshes.empty()
            ? "the scene has neither 'gaussians' nor 'meshes' to show; stages "
              "as static_gaussians and mesh_extraction make them"
            : "the scene has nothing but what the options 'gaussians' and "
              "'meshes' leave out");
  }
  Maker maker(options);
  if (gaussians) DG4D_RETURN_IF_ERROR(maker.AddGaussians(scene));
  if (meshes) DG4D_RETURN_IF_ERROR(maker.AddMeshes(scene.meshes));
  return maker.Finish(scene);
}

}  // namespace dg4d::html
