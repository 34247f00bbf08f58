#include "dg4d/formats/gltf_poses.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;
using Matrix = std::array<double, 16>;  // row-major

constexpr Matrix kIdentity = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
constexpr size_t kMostFrames = 10000;
// What a scale may be and still count as 0.
constexpr double kHidden = 1e-9;

absl::Status Wrong(const char* what, int64_t index, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("its ", what, " ", index, " ", why));
}

// Fills `numbers` from the array `key` of `object`, if it is there. False for
// an array of another length or with something else in it than finite numbers.
template <typename Numbers>
bool TakeNumbers(const Json& object, const char* key, Numbers& numbers) {
  const Json* array = JsonMember(object, key);
  if (array == nullptr) return true;
  if (!array->is_array() || array->size() != numbers.size()) return false;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!(*array)[i].is_number()) return false;
    numbers[i] = (*array)[i].template get<double>();
    if (!std::isfinite(numbers[i])) return false;
  }
  return true;
}

Matrix Product(const Matrix& a, const Matrix& b) {
  if (a == kIdentity) return b;
  if (b == kIdentity) return a;
  Matrix product = {};
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 4; ++k)
        product[4 * i + j] += a[4 * i + k] * b[4 * k + j];
    }
  }
  return product;
}

Matrix MatrixOf(const std::array<double, 3>& translation,
                const std::array<double, 4>& rotation,
                const std::array<double, 3>& scale) {
  double length = 0;
  for (const double q : rotation) length += q * q;
  length = std::sqrt(length);
  const double s = length > 0 ? 1 / length : 0;
  const double x = rotation[0] * s, y = rotation[1] * s, z = rotation[2] * s,
               w = length > 0 ? rotation[3] * s : 1;
  const double r[9] = {1 - 2 * (y * y + z * z), 2 * (x * y - z * w),
                       2 * (x * z + y * w),     2 * (x * y + z * w),
                       1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
                       2 * (x * z - y * w),     2 * (y * z + x * w),
                       1 - 2 * (x * x + y * y)};
  Matrix matrix = kIdentity;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) matrix[4 * i + j] = r[3 * i + j] * scale[j];
    matrix[4 * i + 3] = translation[i];
  }
  return matrix;
}

bool IsHidden(const Matrix& m) {
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      if (std::abs(m[4 * i + j]) > kHidden) return false;
    }
  }
  return true;
}

// How many morph targets mesh `index` has.
size_t TargetsOf(const GlbFile& file, int64_t index) {
  const Json* mesh = JsonEntry(file.json(), "meshes", index);
  const Json* primitive =
      mesh == nullptr ? nullptr : JsonEntry(*mesh, "primitives", 0);
  const Json* targets =
      primitive == nullptr ? nullptr : JsonMember(*primitive, "targets");
  return targets != nullptr && targets->is_array() ? targets->size() : 0;
}

// Of numbers that are nearly whole: floats of seconds give 6.9999998.
double Rounded(double fps) {
  const double whole = std::round(fps);
  return std::abs(fps - whole) < 1e-4 * whole ? whole : fps;
}

}  // namespace

absl::StatusOr<GltfPoses> GltfPoses::Parse(const GlbFile& file,
                                           std::optional<double> fps) {
  GltfPoses poses;
  DG4D_RETURN_IF_ERROR(poses.AddNodes(file));
  DG4D_RETURN_IF_ERROR(poses.AddAnimation(file));
  DG4D_RETURN_IF_ERROR(poses.ChooseTimes(fps));
  return poses;
}

absl::StatusOr<GltfPoses::Node> GltfPoses::ParseNode(const GlbFile& file,
                                                     int64_t index) const {
  const Json* json = JsonEntry(file.json(), "nodes", index);
  if (json == nullptr) return Wrong("node", index, "is not there");
  Node node = {.index = index, .mesh = JsonIndex(*json, "mesh")};
  Matrix columns = kIdentity;
  if (!TakeNumbers(*json, "matrix", columns) ||
      !TakeNumbers(*json, "translation", node.translation) ||
      !TakeNumbers(*json, "rotation", node.rotation) ||
      !TakeNumbers(*json, "scale", node.scale)) {
    return Wrong("node", index, "has a transform that is none");
  }
  if (JsonMember(*json, "matrix") != nullptr) {
    node.matrix.emplace();
    for (int i = 0; i < 16; ++i) (*node.matrix)[i] = columns[i % 4 * 4 + i / 4];
  }
  if (node.mesh < 0) return node;
  const Json* mesh = JsonEntry(file.json(), "meshes", node.mesh);
  if (mesh == nullptr)
    return Wrong("node", index, "has a mesh that is not there");
  if (JsonMember(*json, "skin") != nullptr) {
    return Wrong("node", index,
                 "is moved by bones (skin), which is not read: bake the "
                 "motion into shape keys or one mesh a frame");
  }
  node.weights.resize(TargetsOf(file, node.mesh));
  const Json& whose = JsonMember(*json, "weights") != nullptr ? *json : *mesh;
  if (!TakeNumbers(whose, "weights", node.weights)) {
    return Wrong("node", index, "has weights that do not fit its mesh");
  }
  return node;
}

absl::Status GltfPoses::AddNodes(const GlbFile& file) {
  const Json* scene =
      JsonEntry(file.json(), "scenes", JsonIndex(file.json(), "scene", 0));
  const Json* roots = scene == nullptr ? nullptr : JsonMember(*scene, "nodes");
  if (roots == nullptr || !roots->is_array()) {
    return absl::InvalidArgumentError("it has no scene with nodes");
  }
  struct Visit {
    const Json* index;
    int64_t parent;
  };
  std::vector<Visit> visits;  // a stack
  const auto push = [&visits](const Json& indices, int64_t parent) {
    for (size_t i = indices.size(); i-- > 0;) {
      visits.push_back({&indices[i], parent});
    }
  };
  push(*roots, -1);
  while (!visits.empty()) {
    const Visit visit = visits.back();
    visits.pop_back();
    const int64_t index =
        visit.index->is_number_unsigned() ? visit.index->get<int64_t>() : -1;
    DG4D_ASSIGN_OR_RETURN(Node node, ParseNode(file, index));
    if (!place_of_.emplace(index, nodes_.size()).second) {
      return Wrong("node", index, "is in the scene twice");
    }
    node.parent = visit.parent;
    const int64_t place = nodes_.size();
    nodes_.push_back(std::move(node));
    const Json* children =
        JsonMember(*JsonEntry(file.json(), "nodes", index), "children");
    if (children != nullptr && children->is_array()) push(*children, place);
  }
  return absl::OkStatus();
}

absl::Status GltfPoses::AddAnimation(const GlbFile& file) {
  const Json* animation = JsonEntry(file.json(), "animations", 0);
  if (animation == nullptr) return absl::OkStatus();
  if (JsonEntry(file.json(), "animations", 1) != nullptr) {
    notes_.push_back("it has several animations; the first is read");
  }
  const Json* channels = JsonMember(*animation, "channels");
  if (channels == nullptr || !channels->is_array()) return absl::OkStatus();
  for (const Json& channel : *channels) {
    DG4D_RETURN_IF_ERROR(AddChannel(file, *animation, channel));
  }
  return absl::OkStatus();
}

absl::Status GltfPoses::AddChannel(const GlbFile& file, const Json& animation,
                                   const Json& channel_json) {
  const Json* target = JsonMember(channel_json, "target");
  const auto place =
      place_of_.find(target == nullptr ? -1 : JsonIndex(*target, "node"));
  static const auto& paths =
      *new std::map<absl::string_view, std::pair<Path, size_t>>{
          {"translation", {Path::kTranslation, 3}},
          {"rotation", {Path::kRotation, 4}},
          {"scale", {Path::kScale, 3}},
          {"weights", {Path::kWeights, 1}}};
  const auto path =
      paths.find(target == nullptr ? "" : JsonString(*target, "path"));
  if (path == paths.end()) {
    const std::string note =
        "its animation moves more than nodes and weights, which is left out";
    if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) {
      notes_.push_back(note);
    }
    return absl::OkStatus();
  }
  if (place == place_of_.end()) return absl::OkStatus();  // not in the scene
  Channel channel = {.node = place->second, .path = path->second.first};
  Node& node = nodes_[channel.node];
  channel.width = channel.path == Path::kWeights ? node.weights.size()
                                                 : path->second.second;
  if (channel.width == 0) return absl::OkStatus();
  if (node.matrix && channel.path != Path::kWeights) {
    return Wrong("node", node.index, "is animated and has a matrix");
  }
  const int64_t index = JsonIndex(channel_json, "sampler");
  const Json* sampler = JsonEntry(animation, "samplers", index);
  if (sampler == nullptr) return Wrong("sampler", index, "is not there");
  const absl::string_view way = JsonString(*sampler, "interpolation");
  channel.interpolation = way == "STEP"          ? Interpolation::kStep
                          : way == "CUBICSPLINE" ? Interpolation::kCubic
                                                 : Interpolation::kLinear;
  channel.input = JsonIndex(*sampler, "input");
  channel.output = JsonIndex(*sampler, "output");
  std::vector<float>& keys = keys_[channel.input];
  if (keys.empty()) {
    DG4D_ASSIGN_OR_RETURN(keys, file.Floats(channel.input, 1));
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!std::isfinite(keys[i]) || (i > 0 && keys[i] <= keys[i - 1])) {
        return Wrong("accessor", channel.input,
                     "holds keys of an animation that do not increase");
      }
    }
  }
  std::vector<float>& values = values_[channel.output];
  if (values.empty()) {
    const int components = static_cast<int>(path->second.second);
    DG4D_ASSIGN_OR_RETURN(values, file.Floats(channel.output, components));
    if (!std::all_of(values.begin(), values.end(),
                     [](float v) { return std::isfinite(v); })) {
      return Wrong("accessor", channel.output,
                   "holds numbers that are not finite");
    }
  }
  const size_t values_a_key =
      channel.interpolation == Interpolation::kCubic ? 3 : 1;
  if (values.size() != keys.size() * channel.width * values_a_key) {
    return Wrong("sampler", index, "has not one value for each key");
  }
  channels_.push_back(channel);
  return absl::OkStatus();
}

absl::Status GltfPoses::ChooseTimes(std::optional<double> fps) {
  std::vector<double> keys;
  bool all_steps = true;
  std::set<int64_t> seen;
  for (const Channel& channel : channels_) {
    all_steps &= channel.interpolation == Interpolation::kStep;
    if (!seen.insert(channel.input).second) continue;
    const std::vector<float>& of_channel = keys_.at(channel.input);
    keys.insert(keys.end(), of_channel.begin(), of_channel.end());
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  times_ = {0};
  if (keys.size() < 2) return absl::OkStatus();
  const double duration = keys.back() - keys.front();
  const double step = duration / (keys.size() - 1);
  double least = duration;
  constexpr double kLeastStep = 1e-3;  // no program plays faster
  bool even = step >= kLeastStep;
  for (size_t i = 1; i < keys.size(); ++i) {
    least = std::min(least, keys[i] - keys[i - 1]);
    even &= std::abs(keys[i] - keys.front() - i * step) < 0.01 * step;
  }
  if (even && !fps) {
    fps_ = Rounded(1 / step);
    times_ = keys;
  } else {
    constexpr double kMostGuessed = 60;
    fps_ = fps.value_or(Rounded(std::min(kMostGuessed, 1 / least)));
    const double last = std::floor(duration * fps_ + 1e-3);
    if (!(last < kMostFrames)) {
      return absl::InvalidArgumentError(
          absl::StrCat("it lasts ", duration, " s, more than ", kMostFrames,
                       " frames: read it with fewer frames a second"));
    }
    times_.clear();
    for (int i = 0; i <= last; ++i) {
      const double time = keys.front() + i / fps_;
      // Keys are floats: what is to change now must not change a frame later.
      const double near = 0.01 / fps_;
      const auto key = std::lower_bound(keys.begin(), keys.end(), time - near);
      const bool hits = key != keys.end() && *key <= time + near;
      times_.push_back(hits ? *key : time);
    }
  }
  if (times_.size() > kMostFrames) {
    return absl::InvalidArgumentError(
        absl::StrCat("it has ", times_.size(), " frames, more than ",
                     kMostFrames, ": read it with fewer frames a second"));
  }
  // A pose costs a number for each of these; a file must not ask for billions.
  constexpr size_t kMostWork = 1 << 25;
  size_t work = nodes_.size();
  for (const Node& node : nodes_) work += node.weights.size();
  if (work > kMostWork / times_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("it has ", nodes_.size(), " nodes in ", times_.size(),
                     " frames, more than can be read"));
  }
  if (times_.size() < 2) {
    fps_ = 0;
    return absl::OkStatus();
  }
  const bool holds = all_steps && At(times_.back()) == At(*(times_.end() - 2));
  const bool leads_back =
      times_.size() > 2 && At(times_.back()) == At(times_.front());
  if (holds || (!all_steps && leads_back)) times_.pop_back();
  if (times_.size() < 2) fps_ = 0;
  return absl::OkStatus();
}

std::vector<double> GltfPoses::ValueAt(const Channel& channel,
                                       double seconds) const {
  const std::vector<float>& keys = keys_.at(channel.input);
  const std::vector<float>& values = values_.at(channel.output);
  const size_t width = channel.width;
  const bool cubic = channel.interpolation == Interpolation::kCubic;
  // Number `part` (tangent in, value, tangent out) of a key's.
  const auto at = [&](size_t key, size_t c, int part = 1) -> double {
    return cubic ? values[(3 * key + part) * width + c]
                 : values[key * width + c];
  };
  const size_t after =
      std::upper_bound(keys.begin(), keys.end(), seconds) - keys.begin();
  const size_t next = std::min(std::max<size_t>(after, 1), keys.size() - 1);
  const size_t key = keys.size() == 1 ? 0 : next - 1;
  const double span = keys.size() == 1 ? 1 : double{keys[next]} - keys[key];
  const double t = std::clamp((seconds - keys[key]) / span, 0.0, 1.0);
  std::vector<double> value(width);
  if (channel.interpolation == Interpolation::kStep || t == 0 || t == 1) {
    for (size_t c = 0; c < width; ++c) value[c] = at(t == 1 ? next : key, c);
  } else if (cubic) {
    const double t2 = t * t, t3 = t2 * t;
    for (size_t c = 0; c < width; ++c) {
      value[c] = (2 * t3 - 3 * t2 + 1) * at(key, c) +
                 span * (t3 - 2 * t2 + t) * at(key, c, 2) +
                 (3 * t2 - 2 * t3) * at(next, c) +
                 span * (t3 - t2) * at(next, c, 0);
    }
  } else {
    double from = 1 - t, to = t;
    if (channel.path == Path::kRotation) {  // along the shorter arc
      double dot = 0;
      for (size_t c = 0; c < width; ++c) dot += at(key, c) * at(next, c);
      const double angle = std::acos(std::min(std::abs(dot), 1.0));
      if (angle > 1e-4) {
        from = std::sin((1 - t) * angle) / std::sin(angle);
        to = std::sin(t * angle) / std::sin(angle);
      }
      if (dot < 0) to = -to;
    }
    for (size_t c = 0; c < width; ++c) {
      value[c] = from * at(key, c) + to * at(next, c);
    }
  }
  return value;
}

std::vector<GltfInstance> GltfPoses::At(double seconds) const {
  std::vector<Node> nodes = nodes_;
  for (const Channel& channel : channels_) {
    const std::vector<double> value = ValueAt(channel, seconds);
    Node& node = nodes[channel.node];
    switch (channel.path) {
      case Path::kTranslation:
        std::copy_n(value.begin(), 3, node.translation.begin());
        break;
      case Path::kRotation:
        std::copy_n(value.begin(), 4, node.rotation.begin());
        break;
      case Path::kScale:
        std::copy_n(value.begin(), 3, node.scale.begin());
        break;
      case Path::kWeights:
        node.weights = value;
    }
  }
  std::vector<GltfInstance> instances;
  std::vector<Matrix> matrices;
  matrices.reserve(nodes.size());
  for (Node& node : nodes) {
    const Matrix own =
        node.matrix ? *node.matrix
                    : MatrixOf(node.translation, node.rotation, node.scale);
    matrices.push_back(node.parent < 0 ? own
                                       : Product(matrices[node.parent], own));
    if (node.mesh < 0 || IsHidden(matrices.back())) continue;
    instances.push_back({node.mesh, matrices.back(), std::move(node.weights)});
  }
  return instances;
}

}  // namespace dg4d
