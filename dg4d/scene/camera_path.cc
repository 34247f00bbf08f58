#include "dg4d/scene/camera_path.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;
using Vector = std::array<double, 3>;

constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180;
constexpr int kVersion = 1;
constexpr size_t kMostKeyframes = 10000;
constexpr double kLargestNumber = 1e6;
constexpr double kLongestSeconds = 24 * 3600;

absl::Status Wrong(const std::string& where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// OK if `json` is an object of these keys and no others; all must be there.
absl::Status CheckKeys(const Json& json,
                       std::initializer_list<const char*> keys,
                       const std::string& where) {
  if (!json.is_object()) return Wrong(where, "must be an object");
  for (const char* key : keys) {
    if (!json.contains(key)) {
      return Wrong(where, absl::StrCat("has no \"", key, "\""));
    }
  }
  for (const auto& [key, value] : json.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return Wrong(where, absl::StrCat("unknown key \"", key, "\""));
    }
  }
  return absl::OkStatus();
}

bool IsNumber(const Json& json) {
  return json.is_number() && std::abs(json.get<double>()) <= kLargestNumber;
}

absl::StatusOr<double> Number(const Json& json, const char* key,
                              const std::string& where) {
  if (IsNumber(json[key])) return json[key].get<double>();
  return Wrong(
      where,
      absl::StrCat("\"", key, "\" must be a number from -1000000 to 1000000"));
}

absl::StatusOr<Vector> Point(const Json& json, const char* key,
                             const std::string& where) {
  const Json& values = json[key];
  if (!values.is_array() || values.size() != 3 ||
      !std::all_of(values.begin(), values.end(), &IsNumber)) {
    return Wrong(where, absl::StrCat("\"", key,
                                     "\" must be [x, y, z], each a number from "
                                     "-1000000 to 1000000"));
  }
  return values.get<Vector>();
}

absl::StatusOr<CameraKeyframe> Keyframe(const Json& json,
                                        const std::string& where) {
  DG4D_RETURN_IF_ERROR(CheckKeys(
      json, {"seconds", "position", "target", "fov_y_degrees", "frame"},
      where));
  CameraKeyframe keyframe;
  DG4D_ASSIGN_OR_RETURN(keyframe.seconds, Number(json, "seconds", where));
  DG4D_ASSIGN_OR_RETURN(keyframe.position, Point(json, "position", where));
  DG4D_ASSIGN_OR_RETURN(keyframe.target, Point(json, "target", where));
  DG4D_ASSIGN_OR_RETURN(keyframe.fov_y_degrees,
                        Number(json, "fov_y_degrees", where));
  if (!json["frame"].is_null()) {
    DG4D_ASSIGN_OR_RETURN(keyframe.frame, Number(json, "frame", where));
    if (*keyframe.frame < 0)
      return Wrong(where, "\"frame\" must not be below 0");
  }
  if (!(keyframe.fov_y_degrees >= 1 && keyframe.fov_y_degrees <= 170)) {
    return Wrong(where, "\"fov_y_degrees\" must be from 1 to 170");
  }
  if (keyframe.position == keyframe.target) {
    return Wrong(where,
                 "\"target\" is where \"position\" is, so that the camera "
                 "looks nowhere");
  }
  return keyframe;
}

double Distance(const Vector& a, const Vector& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Vector Mix(const Vector& a, const Vector& b, double t) {
  return {a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t,
          a[2] + (b[2] - a[2]) * t};
}

// The point at `t` in [0, 1] from b to c of the centripetal spline through a,
// b, c and d, by the pyramid of Barry and Goldman (1988).
Vector SplinePoint(Vector a, const Vector& b, const Vector& c, Vector d,
                   double t) {
  const double middle = std::sqrt(Distance(b, c));
  if (middle == 0) return b;
  if (a == b) a = Mix(b, c, -1);
  if (d == c) d = Mix(c, b, -1);
  const double t0 = -std::sqrt(Distance(a, b)), t2 = middle;
  const double t3 = middle + std::sqrt(Distance(c, d));
  const double x = t * middle;  // b is at 0, c at t2
  const Vector ab = Mix(a, b, (x - t0) / -t0);
  const Vector bc = Mix(b, c, t);
  const Vector cd = Mix(c, d, (x - t2) / (t3 - t2));
  return Mix(Mix(ab, bc, (x - t0) / (t2 - t0)), Mix(bc, cd, x / t3), t);
}

// The point at `t` in [0, 1] from keyframe `i` to the next.
Vector PointAt(const CameraPath& path, Vector CameraKeyframe::*member, size_t i,
               double t) {
  const auto& keys = path.keyframes;
  const size_t count = keys.size();
  const auto at = [&](size_t k) { return keys[k % count].*member; };
  const Vector b = at(i), c = at(i + 1);
  const Vector a = path.loop || i > 0 ? at(i + count - 1) : Mix(b, c, -1);
  const Vector d = path.loop || i + 2 < count ? at(i + 2) : Mix(c, b, -1);
  return SplinePoint(a, b, c, d, t);
}

}  // namespace

double CameraPath::duration_seconds() const {
  const double open = keyframes.back().seconds - keyframes.front().seconds;
  return loop ? open + open / (keyframes.size() - 1) : open;
}

CameraPathView ViewAt(const CameraPath& path, double seconds,
                      double frames_per_second, const Camera& intrinsics) {
  const auto& keys = path.keyframes;
  const double duration = path.duration_seconds();
  if (path.loop) {
    seconds = std::fmod(seconds, duration);
    if (seconds < 0) seconds += duration;
  }
  seconds = std::clamp(seconds, 0.0, duration);

  const auto start = [&](size_t i) {
    return keys[i].seconds - keys.front().seconds;
  };
  size_t i = 0;
  while (i + (path.loop ? 1 : 2) < keys.size() && seconds >= start(i + 1)) ++i;
  const size_t next = (i + 1) % keys.size();
  const double end = next == 0 ? duration : start(next);
  const double t = (seconds - start(i)) / (end - start(i));

  CameraPathView view;
  view.camera =
      LookAt(PointAt(path, &CameraKeyframe::position, i, t),
             PointAt(path, &CameraKeyframe::target, i, t), intrinsics);
  view.camera.fov_y =
      kRadiansPerDegree *
      std::lerp(keys[i].fov_y_degrees, keys[next].fov_y_degrees, t);
  view.frame = keys[i].frame && keys[next].frame
                   ? std::lerp(*keys[i].frame, *keys[next].frame, t)
                   : seconds * frames_per_second;
  return view;
}

int CountPictures(const CameraPath& path, double fps) {
  const int steps =
      static_cast<int>(std::lround(path.duration_seconds() * fps));
  return std::max(1, path.loop ? steps : steps + 1);
}

absl::StatusOr<CameraPath> ParseCameraPath(absl::string_view json,
                                           const std::string& name) {
  const Json file = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (file.is_discarded()) return Wrong(name, "is no JSON");
  DG4D_RETURN_IF_ERROR(
      CheckKeys(file, {"camera_path", "loop", "keyframes"}, name));
  if (file["camera_path"] != kVersion) {
    return Wrong(name, absl::StrCat("\"camera_path\" is the version and must ",
                                    "be ", kVersion));
  }
  CameraPath path;
  if (!file["loop"].is_boolean()) {
    return Wrong(name, "\"loop\" must be true or false");
  }
  path.loop = file["loop"].get<bool>();
  const Json& keyframes = file["keyframes"];
  if (!keyframes.is_array() || keyframes.size() < 2 ||
      keyframes.size() > kMostKeyframes) {
    return Wrong(name, absl::StrCat("\"keyframes\" must be a list of 2 to ",
                                    kMostKeyframes));
  }
  for (size_t i = 0; i < keyframes.size(); ++i) {
    const std::string where = absl::StrCat(name, ": keyframes[", i, "]");
    DG4D_ASSIGN_OR_RETURN(CameraKeyframe keyframe,
                          Keyframe(keyframes[i], where));
    if (i > 0 && !(keyframe.seconds > path.keyframes.back().seconds)) {
      return Wrong(where, "\"seconds\" must be above those of the one before");
    }
    path.keyframes.push_back(std::move(keyframe));
  }
  if (path.duration_seconds() > kLongestSeconds) {
    return Wrong(name, "the path takes longer than a day");
  }
  return path;
}

absl::StatusOr<CameraPath> ReadCameraPath(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseCameraPath(text, path);
}

std::string FormatCameraPath(const CameraPath& path) {
  Json file = {{"camera_path", kVersion}, {"loop", path.loop}};
  for (const CameraKeyframe& keyframe : path.keyframes) {
    file["keyframes"].push_back(
        {{"seconds", keyframe.seconds},
         {"position", keyframe.position},
         {"target", keyframe.target},
         {"fov_y_degrees", keyframe.fov_y_degrees},
         {"frame", keyframe.frame ? Json(*keyframe.frame) : Json()}});
  }
  return file.dump(/*indent=*/1) + "\n";
}

}  // namespace dg4d
