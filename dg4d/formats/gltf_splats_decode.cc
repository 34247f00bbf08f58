#include <ATen/ops/cat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/glb_file.h"
#include "dg4d/formats/gltf_poses.h"
#include "dg4d/formats/gltf_splats_io.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;
using Vector = std::array<double, 3>;

constexpr char kExtension[] = "KHR_gaussian_splatting";
constexpr int kMaxShDegree = 3;
constexpr int kNumbers = 11;  // of a Gaussian, but for its harmonics
constexpr double kLeastLogScale = -20;
constexpr double kLeastOpacity = 1e-7;
constexpr double kNearlyEven = 1e-4;
constexpr double kNearlyUnturned = 1e-6;

// How many numbers may be read and placed of a file: its parts and frames may
// share some.
int64_t Budget(size_t file_size) {
  return (int64_t{64} << 20) + 8 * static_cast<int64_t>(file_size);
}

// w x y z of a rotation: of the four ways that square roots give, the one that
// divides by the largest.
std::array<double, 4> QuaternionOf(const std::array<Vector, 3>& m) {
  const std::array<double, 4> squares = {
      1 + m[0][0] + m[1][1] + m[2][2], 1 + m[0][0] - m[1][1] - m[2][2],
      1 - m[0][0] + m[1][1] - m[2][2], 1 - m[0][0] - m[1][1] + m[2][2]};
  const size_t largest =
      std::max_element(squares.begin(), squares.end()) - squares.begin();
  const double twice = std::sqrt(squares[largest]);
  // Four times the products of two components each.
  const double wx = m[2][1] - m[1][2], wy = m[0][2] - m[2][0],
               wz = m[1][0] - m[0][1], xy = m[1][0] + m[0][1],
               xz = m[0][2] + m[2][0], yz = m[2][1] + m[1][2];
  const double products[4][4] = {{squares[0], wx, wy, wz},
                                 {wx, squares[1], xy, xz},
                                 {wy, xy, squares[2], yz},
                                 {wz, xz, yz, squares[3]}};
  std::array<double, 4> quaternion;
  for (int i = 0; i < 4; ++i) {
    quaternion[i] = products[largest][i] / (2 * twice);
  }
  return quaternion;
}

// A copy of `mesh` where a node of the file has it.
absl::StatusOr<Gaussians> Placed(const std::array<double, 16>& world_from_mesh,
                                 const Gaussians& mesh) {
  const auto& m = world_from_mesh;
  const Vector move = {m[3], m[7], m[11]};
  const std::array<Vector, 3> a = {
      {{m[0], m[1], m[2]}, {m[4], m[5], m[6]}, {m[8], m[9], m[10]}}};
  const double determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                             a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                             a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
  const double scale = std::cbrt(determinant);
  std::array<Vector, 3> turn;
  double off_even = 0, off_unturned = 0;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) turn[r][c] = a[r][c] / scale;
  }
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      double dot = 0;
      for (int k = 0; k < 3; ++k) dot += turn[r][k] * turn[c][k];
      off_even = std::max(off_even, std::abs(dot - (r == c)));
      off_unturned = std::max(off_unturned, std::abs(turn[r][c] - (r == c)));
    }
  }
  if (!(scale > 0) || !(off_even < kNearlyEven)) {
    return absl::InvalidArgumentError(
        "a node scales its Gaussians unevenly, mirrors or shears them");
  }
  const bool turns = off_unturned > kNearlyUnturned;
  if (turns && mesh.sh_degree() > 0) {
    return absl::InvalidArgumentError(
        "a node turns Gaussians that have harmonics, which is not supported");
  }
  Gaussians gaussians = mesh;
  gaussians.means = mesh.means.clone();
  gaussians.quaternions = mesh.quaternions.clone();
  gaussians.log_scales = mesh.log_scales.clone();
  const std::array<double, 4> q = QuaternionOf(turn);
  float* mean = gaussians.means.data_ptr<float>();
  float* p = gaussians.quaternions.data_ptr<float>();
  float* log_scale = gaussians.log_scales.data_ptr<float>();
  const auto log_growth = static_cast<float>(std::log(scale));
  for (int64_t i = 0; i < gaussians.size();
       ++i, mean += 3, p += 4, log_scale += 3) {
    const Vector from = {mean[0], mean[1], mean[2]};
    for (int r = 0; r < 3; ++r) {
      double moved = move[r];
      for (int c = 0; c < 3; ++c) moved += a[r][c] * from[c];
      mean[r] = static_cast<float>(moved);
      log_scale[r] += log_growth;
    }
    if (!turns) continue;
    const std::array<double, 4> product = {
        q[0] * p[0] - q[1] * p[1] - q[2] * p[2] - q[3] * p[3],
        q[0] * p[1] + q[1] * p[0] + q[2] * p[3] - q[3] * p[2],
        q[0] * p[2] - q[1] * p[3] + q[2] * p[0] + q[3] * p[1],
        q[0] * p[3] + q[1] * p[2] - q[2] * p[1] + q[3] * p[0]};
    std::copy(product.begin(), product.end(), p);
  }
  return gaussians;
}

// All of `parts` one after the other.
absl::StatusOr<Gaussians> Together(const std::vector<Gaussians>& parts) {
  if (parts.size() == 1) return parts.front();
  std::vector<at::Tensor> means, quaternions, log_scales, opacity_logits, sh;
  for (const Gaussians& part : parts) {
    if (part.sh_degree() != parts.front().sh_degree()) {
      return absl::InvalidArgumentError(
          "it has Gaussians with harmonics of different degrees");
    }
    means.push_back(part.means);
    quaternions.push_back(part.quaternions);
    log_scales.push_back(part.log_scales);
    opacity_logits.push_back(part.opacity_logits);
    sh.push_back(part.sh);
  }
  return Gaussians{.means = at::cat(means),
                   .quaternions = at::cat(quaternions),
                   .log_scales = at::cat(log_scales),
                   .opacity_logits = at::cat(opacity_logits),
                   .sh = at::cat(sh)};
}

// Reads one file.
class Reader {
 public:
  Reader(const GlbFile& file, size_t size)
      : file_(file), budget_(Budget(size)) {}

  absl::StatusOr<GltfSplats> Read(std::optional<double> fps) {
    DG4D_ASSIGN_OR_RETURN(const GltfPoses poses, GltfPoses::Parse(file_, fps));
    GltfSplats splats = {.fps = poses.fps(), .notes = poses.notes()};
    bool passes_over = false;
    std::vector<std::vector<GltfInstance>> frames;
    for (const double seconds : poses.Times()) {
      std::vector<GltfInstance> all = poses.At(seconds);
      std::vector<GltfInstance>& shown = frames.emplace_back();
      for (GltfInstance& instance : all) {
        const bool has_splats = HasSplats(instance.mesh);
        passes_over |= !has_splats;
        if (has_splats) shown.push_back(std::move(instance));
      }
    }
    if (passes_over) {
      splats.notes.push_back("it has meshes beside its Gaussians");
    }
    const auto is_first = [&](const auto& frame) { return frame == frames[0]; };
    if (std::all_of(frames.begin(), frames.end(), is_first)) {
      frames.resize(1);  // what moves is something else
      splats.fps = 0;
    }
    for (size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].empty()) {
        return absl::InvalidArgumentError(
            frames.size() == 1
                ? absl::StrCat("it has no Gaussians (", kExtension, ")")
                : absl::StrCat("it shows no Gaussians at ", poses.Times()[i],
                               " s"));
      }
      DG4D_ASSIGN_OR_RETURN(splats.frames.emplace_back(), Frame(frames[i]));
    }
    return splats;
  }

 private:
  absl::StatusOr<std::vector<float>> Floats(int64_t accessor, int components) {
    DG4D_ASSIGN_OR_RETURN(const int64_t count, file_.Count(accessor));
    DG4D_RETURN_IF_ERROR(Spend(count, components));
    return file_.Floats(accessor, components);
  }

  // Takes `count` times `numbers` from what may be read.
  absl::Status Spend(int64_t count, int64_t numbers) {
    if (count > budget_ / numbers) {
      return absl::InvalidArgumentError(
          "it is cut off, or its parts repeat the same numbers too often");
    }
    budget_ -= count * numbers;
    return absl::OkStatus();
  }

  bool HasSplats(int64_t index) const {
    const Json* mesh = JsonEntry(file_.json(), "meshes", index);
    const Json* primitives =
        mesh == nullptr ? nullptr : JsonMember(*mesh, "primitives");
    if (primitives == nullptr || !primitives->is_array()) return false;
    return std::any_of(primitives->begin(), primitives->end(), IsSplats);
  }

  static bool IsSplats(const Json& primitive) {
    const Json* extensions = JsonMember(primitive, "extensions");
    return extensions != nullptr &&
           JsonMember(*extensions, kExtension) != nullptr;
  }

  // What is shown at one time, all of it together.
  absl::StatusOr<Gaussians> Frame(const std::vector<GltfInstance>& shown) {
    std::vector<Gaussians> parts;
    for (const GltfInstance& instance : shown) {
      DG4D_ASSIGN_OR_RETURN(const Gaussians* mesh, MeshOf(instance.mesh));
      DG4D_RETURN_IF_ERROR(
          Spend(mesh->size(), kNumbers + 3 * mesh->sh.size(1)));
      DG4D_ASSIGN_OR_RETURN(parts.emplace_back(),
                            Placed(instance.world_from_mesh, *mesh));
    }
    DG4D_ASSIGN_OR_RETURN(Gaussians together, Together(parts));
    DG4D_RETURN_IF_ERROR(CheckGaussians(together));
    return together;
  }

  // The Gaussians of mesh `index`, which has some.
  absl::StatusOr<const Gaussians*> MeshOf(int64_t index) {
    const auto [found, is_new] = meshes_.try_emplace(index);
    if (!is_new) return &found->second;
    const Json* mesh = JsonEntry(file_.json(), "meshes", index);
    std::vector<Gaussians> primitives;
    for (int64_t i = 0;; ++i) {
      const Json* primitive = JsonEntry(*mesh, "primitives", i);
      if (primitive == nullptr) break;
      if (!IsSplats(*primitive)) continue;
      DG4D_ASSIGN_OR_RETURN(primitives.emplace_back(),
                            ReadPrimitive(*primitive));
    }
    DG4D_ASSIGN_OR_RETURN(found->second, Together(primitives));
    return &found->second;
  }

  // The numbers of attribute `name`, `components` for each of `count`.
  absl::StatusOr<std::vector<float>> Attribute(const Json& primitive,
                                               const std::string& name,
                                               int components, int64_t count) {
    const Json* attributes = JsonMember(primitive, "attributes");
    const int64_t accessor =
        attributes == nullptr ? -1 : JsonIndex(*attributes, name.c_str());
    if (accessor < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("its Gaussians have no ", name));
    }
    DG4D_ASSIGN_OR_RETURN(std::vector<float> values,
                          Floats(accessor, components));
    if (count >= 0 &&
        static_cast<int64_t>(values.size()) != components * count) {
      return absl::InvalidArgumentError(
          absl::StrCat("it has not as many ", name, " as Gaussians"));
    }
    return values;
  }

  absl::StatusOr<Gaussians> ReadPrimitive(const Json& primitive) {
    const Json& extension =
        *JsonMember(*JsonMember(primitive, "extensions"), kExtension);
    for (const auto& [key, value] :
         {std::pair("kernel", "ellipse"),
          std::pair("colorSpace", "srgb_rec709_display")}) {
      if (JsonString(extension, key) == value) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("its Gaussians have the ", key, " '",
                       JsonString(extension, key).substr(0, 64), "', and '",
                       value, "' alone is supported"));
    }
    const auto name = [](const std::string& attribute) {
      return absl::StrCat(kExtension, ":", attribute);
    };
    DG4D_ASSIGN_OR_RETURN(const std::vector<float> means,
                          Attribute(primitive, "POSITION", 3, -1));
    const auto count = static_cast<int64_t>(means.size() / 3);
    DG4D_ASSIGN_OR_RETURN(const std::vector<float> rotations,
                          Attribute(primitive, name("ROTATION"), 4, count));
    DG4D_ASSIGN_OR_RETURN(const std::vector<float> scales,
                          Attribute(primitive, name("SCALE"), 3, count));
    DG4D_ASSIGN_OR_RETURN(const std::vector<float> opacities,
                          Attribute(primitive, name("OPACITY"), 1, count));
    std::vector<std::vector<float>> sh;
    const Json& attributes = *JsonMember(primitive, "attributes");
    for (int degree = 0; degree <= kMaxShDegree; ++degree) {
      const auto coefficient = [&](int n) {
        return name(absl::StrCat("SH_DEGREE_", degree, "_COEF_", n));
      };
      if (degree > 0 && !attributes.contains(coefficient(0))) break;
      for (int n = 0; n <= 2 * degree; ++n) {
        DG4D_ASSIGN_OR_RETURN(sh.emplace_back(),
                              Attribute(primitive, coefficient(n), 3, count));
      }
    }
    const auto coefficients = static_cast<int>(sh.size());
    Gaussians gaussians = UninitializedGaussians(count, coefficients);
    std::copy(means.begin(), means.end(), gaussians.means.data_ptr<float>());
    float* quaternion = gaussians.quaternions.data_ptr<float>();
    float* log_scale = gaussians.log_scales.data_ptr<float>();
    float* logit = gaussians.opacity_logits.data_ptr<float>();
    float* to = gaussians.sh.data_ptr<float>();
    for (int64_t i = 0; i < count; ++i) {
      for (int c = 0; c < 4; ++c) {
        *quaternion++ = rotations[4 * i + (c + 3) % 4];
      }
      for (int c = 0; c < 3; ++c) {
        const double scale = scales[3 * i + c];
        if (!(scale >= 0)) {
          return absl::InvalidArgumentError(
              absl::StrCat("its Gaussian ", i, " has a negative scale"));
        }
        *log_scale++ =
            static_cast<float>(std::max(std::log(scale), kLeastLogScale));
      }
      const double opacity =
          std::clamp<double>(opacities[i], kLeastOpacity, 1 - kLeastOpacity);
      *logit++ = static_cast<float>(std::log(opacity / (1 - opacity)));
      for (const std::vector<float>& values : sh) {
        to = std::copy_n(&values[3 * i], 3, to);
      }
    }
    return gaussians;
  }

  const GlbFile& file_;
  int64_t budget_;
  std::map<int64_t, Gaussians> meshes_;  // that have been read
};

absl::StatusOr<GltfSplats> Decode(absl::string_view bytes,
                                  std::optional<double> fps) {
  DG4D_ASSIGN_OR_RETURN(const GlbFile file, GlbFile::Parse(bytes));
  return Reader(file, bytes.size()).Read(fps);
}

}  // namespace

absl::StatusOr<GltfSplats> ReadGltfSplats(const std::string& path,
                                          std::optional<double> fps) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return DecodeGltfSplats(bytes, path, fps);
}

absl::StatusOr<GltfSplats> DecodeGltfSplats(absl::string_view bytes,
                                            const std::string& name,
                                            std::optional<double> fps) {
  absl::StatusOr<GltfSplats> splats = Decode(bytes, fps);
  if (splats.ok()) return splats;
  return absl::Status(
      splats.status().code(),
      absl::StrCat(name, " cannot be read: ", splats.status().message()));
}

}  // namespace dg4d
