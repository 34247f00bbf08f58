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
#include "dg4d/scene/glb_file.h"
#include "dg4d/scene/gltf_splats_io.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;
using Vector = std::array<double, 3>;

constexpr char kExtension[] = "KHR_gaussian_splatting";
constexpr int kMaxShDegree = 3;
constexpr double kLeastLogScale = -20;
constexpr double kLeastOpacity = 1e-7;
constexpr double kNearlyEven = 1e-4;
constexpr double kNearlyUnturned = 1e-6;

// How many numbers may be read of a file: its parts may share some.
int64_t Budget(size_t file_size) {
  return (int64_t{4} << 20) + 8 * static_cast<int64_t>(file_size);
}

// Turned, scaled and moved: `linear` in rows.
struct Placement {
  std::array<Vector, 3> linear = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Vector move = {0, 0, 0};

  Vector Of(const Vector& p) const {
    Vector q = move;
    for (int r = 0; r < 3; ++r) {
      for (int c = 0; c < 3; ++c) q[r] += linear[r][c] * p[c];
    }
    return q;
  }
};

Placement Within(const Placement& outer, const Placement& inner) {
  Placement both;
  both.move = outer.Of(inner.move);
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      both.linear[r][c] = 0;
      for (int k = 0; k < 3; ++k) {
        both.linear[r][c] += outer.linear[r][k] * inner.linear[k][c];
      }
    }
  }
  return both;
}

// x y z w of unit length to a rotation.
std::array<Vector, 3> RotationOf(double x, double y, double z, double w) {
  return {
      {{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
       {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
       {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}}};
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

// The array `key` of `node`, of `size` finite numbers, or `otherwise`.
absl::StatusOr<std::vector<double>> Numbers(const Json& node, const char* key,
                                            std::vector<double> otherwise) {
  const Json* array = JsonMember(node, key);
  if (array == nullptr) return otherwise;
  const absl::Status wrong = absl::InvalidArgumentError(absl::StrCat(
      "the '", key, "' of a node is not ", otherwise.size(), " numbers"));
  if (!array->is_array() || array->size() != otherwise.size()) return wrong;
  for (size_t i = 0; i < otherwise.size(); ++i) {
    const Json& value = (*array)[i];
    if (!value.is_number()) return wrong;
    otherwise[i] = value.get<double>();
    if (!std::isfinite(otherwise[i])) return wrong;
  }
  return otherwise;
}

// `shown` stands for the node's scale, if there.
absl::StatusOr<Placement> PlacementOf(const Json& node,
                                      const std::optional<Vector>& shown) {
  Placement placement;
  if (JsonMember(node, "matrix") != nullptr && !shown.has_value()) {
    DG4D_ASSIGN_OR_RETURN(const std::vector<double> m,
                          Numbers(node, "matrix", std::vector<double>(16)));
    for (int r = 0; r < 3; ++r) {
      for (int c = 0; c < 3; ++c) placement.linear[r][c] = m[4 * c + r];
      placement.move[r] = m[12 + r];
    }
    return placement;
  }
  DG4D_ASSIGN_OR_RETURN(const std::vector<double> move,
                        Numbers(node, "translation", {0, 0, 0}));
  DG4D_ASSIGN_OR_RETURN(const std::vector<double> q,
                        Numbers(node, "rotation", {0, 0, 0, 1}));
  DG4D_ASSIGN_OR_RETURN(std::vector<double> scale,
                        Numbers(node, "scale", {1, 1, 1}));
  if (shown.has_value()) scale.assign(shown->begin(), shown->end());
  placement.linear = RotationOf(q[0], q[1], q[2], q[3]);
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) placement.linear[r][c] *= scale[c];
    placement.move[r] = move[r];
  }
  return placement;
}

// Places `gaussians` where a node of the file has them.
absl::Status Place(const Placement& placement, Gaussians& gaussians) {
  const auto& a = placement.linear;
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
  if (turns && gaussians.sh_degree() > 0) {
    return absl::InvalidArgumentError(
        "a node turns Gaussians that have harmonics, which is not supported");
  }
  const std::array<double, 4> q = QuaternionOf(turn);
  float* mean = gaussians.means.data_ptr<float>();
  float* p = gaussians.quaternions.data_ptr<float>();
  float* log_scale = gaussians.log_scales.data_ptr<float>();
  const auto log_growth = static_cast<float>(std::log(scale));
  for (int64_t i = 0; i < gaussians.size();
       ++i, mean += 3, p += 4, log_scale += 3) {
    const Vector moved = placement.Of({mean[0], mean[1], mean[2]});
    for (int c = 0; c < 3; ++c) {
      mean[c] = static_cast<float>(moved[c]);
      log_scale[c] += log_growth;
    }
    if (!turns) continue;
    const std::array<double, 4> product = {
        q[0] * p[0] - q[1] * p[1] - q[2] * p[2] - q[3] * p[3],
        q[0] * p[1] + q[1] * p[0] + q[2] * p[3] - q[3] * p[2],
        q[0] * p[2] - q[1] * p[3] + q[2] * p[0] + q[3] * p[1],
        q[0] * p[3] + q[1] * p[2] - q[2] * p[1] + q[3] * p[0]};
    std::copy(product.begin(), product.end(), p);
  }
  return absl::OkStatus();
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

  absl::StatusOr<GltfSplats> Read() {
    DG4D_RETURN_IF_ERROR(FindShownNodes());
    DG4D_RETURN_IF_ERROR(WalkScene());
    if (parts_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("it has no Gaussians (", kExtension, ")"));
    }
    GltfSplats splats;
    const bool toggled = parts_.front().start.has_value();
    for (const Part& part : parts_) {
      if (part.start.has_value() == toggled) continue;
      return absl::InvalidArgumentError(
          "an animation toggles some of its nodes of Gaussians and not others");
    }
    if (!toggled) {
      std::vector<Gaussians> all;
      for (Part& part : parts_) all.push_back(std::move(part.gaussians));
      DG4D_ASSIGN_OR_RETURN(splats.frames.emplace_back(), Together(all));
      return splats;
    }
    std::stable_sort(
        parts_.begin(), parts_.end(),
        [](const Part& a, const Part& b) { return *a.start < *b.start; });
    for (Part& part : parts_) {
      splats.frames.push_back(std::move(part.gaussians));
    }
    const double seconds = *parts_.back().start - *parts_.front().start;
    if (parts_.size() > 1) {
      if (!(seconds > 0)) {
        return absl::InvalidArgumentError(
            "its nodes of Gaussians are all shown at one time");
      }
      splats.fps = static_cast<double>(parts_.size() - 1) / seconds;
    }
    return splats;
  }

 private:
  // When an animation first shows a node, and how large.
  struct Shown {
    double start;  // seconds
    Vector scale;
  };
  struct Part {
    Gaussians gaussians;
    std::optional<double> start;
  };

  absl::StatusOr<std::vector<float>> Floats(int64_t accessor, int components) {
    DG4D_ASSIGN_OR_RETURN(const int64_t count, file_.Count(accessor));
    if (count > budget_ / components) {
      return absl::InvalidArgumentError(
          "it is cut off, or its parts repeat the same numbers too often");
    }
    budget_ -= count * components;
    return file_.Floats(accessor, components);
  }

  bool HasSplats(const Json& node) const {
    const Json* mesh =
        JsonEntry(file_.json(), "meshes", JsonIndex(node, "mesh"));
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

  // Reads the animations of scales of nodes that have Gaussians.
  absl::Status FindShownNodes() {
    const Json& json = file_.json();
    for (int64_t a = 0;; ++a) {
      const Json* animation = JsonEntry(json, "animations", a);
      if (animation == nullptr) return absl::OkStatus();
      for (int64_t c = 0;; ++c) {
        const Json* channel = JsonEntry(*animation, "channels", c);
        if (channel == nullptr) break;
        const Json* target = JsonMember(*channel, "target");
        if (target == nullptr || JsonString(*target, "path") != "scale") {
          continue;
        }
        const int64_t index = JsonIndex(*target, "node");
        const Json* node = JsonEntry(json, "nodes", index);
        if (node == nullptr || !HasSplats(*node) || shown_.count(index)) {
          continue;
        }
        const Json* sampler =
            JsonEntry(*animation, "samplers", JsonIndex(*channel, "sampler"));
        if (sampler == nullptr ||
            JsonString(*sampler, "interpolation") != "STEP") {
          continue;
        }
        DG4D_ASSIGN_OR_RETURN(const std::vector<float> times,
                              Floats(JsonIndex(*sampler, "input"), 1));
        DG4D_ASSIGN_OR_RETURN(const std::vector<float> scales,
                              Floats(JsonIndex(*sampler, "output"), 3));
        for (size_t key = 0; key < times.size() && 3 * key < scales.size();
             ++key) {
          const float* scale = &scales[3 * key];
          if (scale[0] == 0 && scale[1] == 0 && scale[2] == 0) continue;
          shown_[index] = {times[key], {scale[0], scale[1], scale[2]}};
          break;
        }
      }
    }
  }

  // Collects the Gaussians of the scene's nodes, each node once at most.
  absl::Status WalkScene() {
    const Json& json = file_.json();
    const Json* scene = JsonEntry(json, "scenes", JsonIndex(json, "scene", 0));
    if (scene == nullptr) return absl::InvalidArgumentError("it has no scene");
    std::vector<std::pair<int64_t, Placement>> waiting;
    const auto add_nodes = [&waiting](const Json* list,
                                      const Placement& placement) {
      if (list == nullptr || !list->is_array()) return;
      // The last is taken first.
      for (auto node = list->rbegin(); node != list->rend(); ++node) {
        if (node->is_number_unsigned()) {
          waiting.emplace_back(node->get<int64_t>(), placement);
        }
      }
    };
    add_nodes(JsonMember(*scene, "nodes"), Placement());
    std::map<int64_t, bool> visited;
    while (!waiting.empty()) {
      const auto [index, outer] = waiting.back();
      waiting.pop_back();
      const Json* node = JsonEntry(json, "nodes", index);
      if (node == nullptr || std::exchange(visited[index], true)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "its node ", index, " is not there or has two parents"));
      }
      std::optional<Vector> scale;
      const auto shown = shown_.find(index);
      if (shown != shown_.end()) scale = shown->second.scale;
      DG4D_ASSIGN_OR_RETURN(const Placement inner, PlacementOf(*node, scale));
      const Placement placement = Within(outer, inner);
      DG4D_RETURN_IF_ERROR(AddParts(*node, placement, shown));
      add_nodes(JsonMember(*node, "children"), placement);
    }
    return absl::OkStatus();
  }

  absl::Status AddParts(const Json& node, const Placement& placement,
                        std::map<int64_t, Shown>::const_iterator shown) {
    if (!HasSplats(node)) return absl::OkStatus();
    const Json* mesh =
        JsonEntry(file_.json(), "meshes", JsonIndex(node, "mesh"));
    std::vector<Gaussians> primitives;
    for (int64_t i = 0;; ++i) {
      const Json* primitive = JsonEntry(*mesh, "primitives", i);
      if (primitive == nullptr) break;
      if (!IsSplats(*primitive)) continue;
      DG4D_ASSIGN_OR_RETURN(primitives.emplace_back(),
                            ReadPrimitive(*primitive));
      DG4D_RETURN_IF_ERROR(Place(placement, primitives.back()));
    }
    Part part;
    DG4D_ASSIGN_OR_RETURN(part.gaussians, Together(primitives));
    DG4D_RETURN_IF_ERROR(CheckGaussians(part.gaussians));
    if (shown != shown_.end()) part.start = shown->second.start;
    parts_.push_back(std::move(part));
    return absl::OkStatus();
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
  std::map<int64_t, Shown> shown_;  // by node
  std::vector<Part> parts_;
};

absl::StatusOr<GltfSplats> Decode(absl::string_view bytes) {
  DG4D_ASSIGN_OR_RETURN(const GlbFile file, GlbFile::Parse(bytes));
  return Reader(file, bytes.size()).Read();
}

}  // namespace

absl::StatusOr<GltfSplats> ReadGltfSplats(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return DecodeGltfSplats(bytes, path);
}

absl::StatusOr<GltfSplats> DecodeGltfSplats(absl::string_view bytes,
                                            const std::string& name) {
  absl::StatusOr<GltfSplats> splats = Decode(bytes);
  if (splats.ok()) return splats;
  return absl::Status(
      splats.status().code(),
      absl::StrCat(name, " cannot be read: ", splats.status().message()));
}

}  // namespace dg4d
