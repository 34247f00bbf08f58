#include "dg4d/formats/blender_dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/image_io.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;
using Vector = std::array<double, 3>;

constexpr double kPi = 3.14159265358979323846;
// How far a matrix may be from a rotation: printed with few digits, no more.
constexpr double kRotationTolerance = 1e-2;

absl::Status Wrong(const std::string& where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

std::string TransformsPath(const std::string& folder,
                           const std::string& split) {
  return absl::StrCat(folder, "/transforms_", split, ".json");
}

// Rows of the files' z-up world as rows of our y-up world, and back.
std::array<double, 16> YUp(const std::array<double, 16>& m) {
  std::array<double, 16> turned = m;
  for (int column = 0; column < 4; ++column) {
    turned[4 + column] = m[8 + column];
    turned[8 + column] = -m[4 + column];
  }
  return turned;
}
std::array<double, 16> ZUp(const std::array<double, 16>& m) {
  std::array<double, 16> turned = m;
  for (int column = 0; column < 4; ++column) {
    turned[4 + column] = -m[8 + column];
    turned[8 + column] = m[4 + column];
  }
  return turned;
}

absl::StatusOr<double> Number(const Json& object, const char* key,
                              const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return Wrong(where, absl::StrCat("has no \"", key, "\""));
  }
  if (!found->is_number() || !std::isfinite(found->get<double>())) {
    return Wrong(where, absl::StrCat("\"", key, "\" must be a number"));
  }
  return found->get<double>();
}

// The camera-to-world matrix of one frame, its rotation made exact: files hold
// few digits, and some programs write a scale into it.
absl::StatusOr<std::array<double, 16>> Matrix(const Json& frame,
                                              const std::string& where) {
  const auto found = frame.find("transform_matrix");
  if (found == frame.end()) {
    return Wrong(where, "has no \"transform_matrix\"");
  }
  const absl::Status wrong_shape =
      Wrong(where, "\"transform_matrix\" must be 4 rows of 4 numbers");
  if (!found->is_array() || found->size() != 4) return wrong_shape;
  std::array<double, 16> m;
  for (size_t row = 0; row < 4; ++row) {
    const Json& values = (*found)[row];
    if (!values.is_array() || values.size() != 4) return wrong_shape;
    for (size_t column = 0; column < 4; ++column) {
      if (!values[column].is_number()) return wrong_shape;
      m[4 * row + column] = values[column].get<double>();
      if (!std::isfinite(m[4 * row + column])) return wrong_shape;
    }
  }
  Vector lengths;
  for (int column = 0; column < 3; ++column) {
    lengths[column] = std::hypot(m[column], m[4 + column], m[8 + column]);
    if (lengths[column] < 1e-9) {
      return Wrong(where, "the axes in \"transform_matrix\" have no length");
    }
    for (int row = 0; row < 3; ++row) m[4 * row + column] /= lengths[column];
  }
  const auto dot = [&](int a, int b) {
    return m[a] * m[b] + m[4 + a] * m[4 + b] + m[8 + a] * m[8 + b];
  };
  const double determinant = m[0] * (m[5] * m[10] - m[6] * m[9]) -
                             m[1] * (m[4] * m[10] - m[6] * m[8]) +
                             m[2] * (m[4] * m[9] - m[5] * m[8]);
  if (std::abs(dot(0, 1)) > kRotationTolerance ||
      std::abs(dot(0, 2)) > kRotationTolerance ||
      std::abs(dot(1, 2)) > kRotationTolerance || determinant < 0) {
    return Wrong(where,
                 "the first 3 columns of \"transform_matrix\" are no rotation "
                 "(right, up and back of the camera)");
  }
  // Gram-Schmidt from the viewing axis.
  const double along = dot(1, 2);
  for (int row = 0; row < 3; ++row) {
    m[4 * row + 1] -= along * m[4 * row + 2];
  }
  const double up_length = std::sqrt(dot(1, 1));
  for (int row = 0; row < 3; ++row) m[4 * row + 1] /= up_length;
  for (int row = 0; row < 3; ++row) {
    const int next = 4 * ((row + 1) % 3), after = 4 * ((row + 2) % 3);
    m[4 * row] = m[next + 1] * m[after + 2] - m[after + 1] * m[next + 2];
  }
  m[12] = m[13] = m[14] = 0;
  m[15] = 1;
  return m;
}

Image ShrinkTo(const Image& image, int max_side) {
  const int side = std::max(image.height(), image.width());
  if (max_side <= 0 || side <= max_side) return image;
  const auto shrunk = [&](int length) {
    return std::max<int>(
        1, static_cast<int>(
               std::lround(static_cast<double>(length) * max_side / side)));
  };
  return Resize(image, shrunk(image.height()), shrunk(image.width()));
}

absl::StatusOr<PosedImage> ReadFrame(const Json& frame,
                                     const std::string& folder,
                                     const std::string& where, double fov_x,
                                     int max_side) {
  if (!frame.is_object()) return Wrong(where, "must be an object");
  PosedImage posed;
  const auto path = frame.find("file_path");
  if (path == frame.end() || !path->is_string()) {
    return Wrong(where, "has no \"file_path\"");
  }
  posed.name = path->get<std::string>();
  posed.name = std::string(absl::StripPrefix(posed.name, "./"));
  if (!std::filesystem::path(posed.name).has_extension()) {
    posed.name += ".png";
  }
  if (frame.contains("time")) {
    DG4D_ASSIGN_OR_RETURN(posed.time, Number(frame, "time", where));
    if (posed.time < 0 || posed.time > 1) {
      return Wrong(where, absl::StrCat("\"time\" is ", posed.time,
                                       ", must be from 0 to 1"));
    }
  }
  DG4D_ASSIGN_OR_RETURN(const auto matrix, Matrix(frame, where));
  absl::StatusOr<Image> image =
      ReadImage(absl::StrCat(folder, "/", posed.name));
  if (!image.ok()) return Annotate(image.status(), where);
  if (!image->has_alpha()) {
    return Wrong(where,
                 absl::StrCat("the picture ", posed.name,
                              " has no alpha; cut the object out first"));
  }
  posed.image = ShrinkTo(*image, max_side);
  posed.camera.world_from_camera = YUp(matrix);
  posed.camera.width = posed.image.width();
  posed.camera.height = posed.image.height();
  posed.camera.fov_y =
      2 * std::atan(std::tan(fov_x / 2) * posed.image.height() /
                    posed.image.width());
  return posed;
}

}  // namespace

std::vector<double> BlenderDataset::Times() const {
  std::vector<double> times;
  for (const PosedImage& image : images) times.push_back(image.time);
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

absl::StatusOr<BlenderDataset> ReadBlenderDataset(
    const std::string& folder, const std::string& split,
    const ReadBlenderDatasetOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return absl::NotFoundError(absl::StrCat(
        "no folder ", folder, "; name one that holds transforms_train.json"));
  }
  const std::string path = TransformsPath(folder, split);
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return Annotate(text.status(),
                    "the folder is not in the Blender/D-NeRF layout");
  }
  Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) {
    return Wrong(path, "is damaged: it is no JSON");
  }
  if (!json.is_object()) return Wrong(path, "must hold one JSON object");
  DG4D_ASSIGN_OR_RETURN(const double fov_x,
                        Number(json, "camera_angle_x", path));
  if (fov_x <= 0 || fov_x >= kPi) {
    return Wrong(path, "\"camera_angle_x\" is in radians, between 0 and pi");
  }
  const auto frames = json.find("frames");
  if (frames == json.end() || !frames->is_array() || frames->empty()) {
    return Wrong(path, "\"frames\" must list at least one picture");
  }
  BlenderDataset dataset;
  for (size_t i = 0; i < frames->size(); ++i) {
    const std::string where = absl::StrCat(path, ", frame ", i);
    DG4D_ASSIGN_OR_RETURN(
        PosedImage posed,
        ReadFrame((*frames)[i], folder, where, fov_x, options.max_side));
    const Image& first = i == 0 ? posed.image : dataset.images.front().image;
    if (posed.image.height() != first.height() ||
        posed.image.width() != first.width()) {
      return Wrong(where, absl::StrCat(posed.name, " is ", posed.image.width(),
                                       " x ", posed.image.height(), ", ",
                                       dataset.images.front().name, " is ",
                                       first.width(), " x ", first.height(),
                                       ": all pictures must have one size"));
    }
    dataset.images.push_back(std::move(posed));
  }
  return dataset;
}

absl::Status WriteBlenderDataset(const std::string& folder,
                                 const std::string& split,
                                 const BlenderDataset& dataset) {
  if (dataset.images.empty()) {
    return absl::InvalidArgumentError("a dataset without pictures");
  }
  const Camera& first = dataset.images.front().camera;
  Json json;
  json["camera_angle_x"] =
      2 * std::atan(std::tan(first.fov_y / 2) * first.width / first.height);
  json["frames"] = Json::array();
  for (const PosedImage& posed : dataset.images) {
    if (posed.camera.fov_y != first.fov_y ||
        posed.camera.width * first.height !=
            first.width * posed.camera.height) {
      return absl::InvalidArgumentError(absl::StrCat(
          posed.name, ": the layout has one field of view for all pictures"));
    }
    const std::filesystem::path path =
        std::filesystem::path(folder) / posed.name;
    DG4D_RETURN_IF_ERROR(CreateDirectories(path.parent_path().string()));
    DG4D_RETURN_IF_ERROR(WritePng(path.string(), posed.image));
    const auto m = ZUp(posed.camera.world_from_camera);
    Json matrix = Json::array();
    for (int row = 0; row < 4; ++row) {
      matrix.push_back(
          {m[4 * row], m[4 * row + 1], m[4 * row + 2], m[4 * row + 3]});
    }
    json["frames"].push_back(
        {{"file_path",
          absl::StrCat("./", absl::StripSuffix(posed.name, ".png"))},
         {"time", posed.time},
         {"transform_matrix", matrix}});
  }
  DG4D_RETURN_IF_ERROR(CreateDirectories(folder));
  return WriteFileAtomically(TransformsPath(folder, split),
                             json.dump(1) + "\n");
}

WorldPlacement PlaceAround(const std::vector<Camera>& cameras, double radius) {
  // The point of least squared distance to all axes solves
  // sum (I - d d') x = sum (I - d d') p. A little of the identity keeps
  // parallel axes solvable: they then meet near the mean position.
  double a[3][3] = {}, b[3] = {};
  Vector mean = {0, 0, 0};
  for (const Camera& camera : cameras) {
    for (int i = 0; i < 3; ++i)
      mean[i] += camera.position()[i] / cameras.size();
  }
  for (const Camera& camera : cameras) {
    const Vector p = camera.position();
    Vector d;
    for (int i = 0; i < 3; ++i) d[i] = camera.world_from_camera[4 * i + 2];
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        const double projector = (i == j ? 1.0 : 0.0) - d[i] * d[j];
        a[i][j] += projector + (i == j ? 1e-9 : 0.0);
        b[i] += projector * (p[j] - mean[j]);
      }
    }
  }
  const auto minor = [&](int i, int j, int k, int l) {
    return a[i][j] * a[k][l] - a[i][l] * a[k][j];
  };
  const double determinant = a[0][0] * minor(1, 1, 2, 2) -
                             a[0][1] * minor(1, 0, 2, 2) +
                             a[0][2] * minor(1, 0, 2, 1);
  WorldPlacement placement;
  for (int column = 0; column < 3; ++column) {
    double m[3][3];
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) m[i][j] = j == column ? b[i] : a[i][j];
    }
    const double replaced = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                            m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                            m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    placement.center[column] = mean[column] + replaced / determinant;
  }
  double distance = 0;
  for (const Camera& camera : cameras) {
    const Vector p = camera.position();
    distance +=
        std::hypot(p[0] - placement.center[0], p[1] - placement.center[1],
                   p[2] - placement.center[2]) /
        cameras.size();
  }
  if (distance > 0) placement.scale = radius / distance;
  return placement;
}

Camera Place(const Camera& camera, const WorldPlacement& placement) {
  Camera placed = camera;
  for (int i = 0; i < 3; ++i) {
    placed.world_from_camera[4 * i + 3] =
        (camera.world_from_camera[4 * i + 3] - placement.center[i]) *
        placement.scale;
  }
  return placed;
}

}  // namespace dg4d
