#include "dg4d/formats/obj_io.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/image_io.h"

namespace dg4d {
namespace {

constexpr size_t kMostMaterialFiles = 64;
constexpr size_t kMostShown = 40;  // characters of a word in a message

// Keywords whose lines make no triangles.
const std::set<absl::string_view>& PassedOver() {
  static const auto& words = *new std::set<absl::string_view>{
      "o",         "g",      "s",        "mg",       "vp",
      "lod",       "bevel",  "c_interp", "d_interp", "shadow_obj",
      "trace_obj", "usemap", "maplib"};
  return words;
}
const std::map<absl::string_view, absl::string_view>& LeftOut() {
  static const auto& words =
      *new std::map<absl::string_view, absl::string_view>{
          {"l", "lines"},
          {"p", "points"},
          {"cstype", "free-form curves and surfaces"},
          {"deg", "free-form curves and surfaces"},
          {"bmat", "free-form curves and surfaces"},
          {"step", "free-form curves and surfaces"},
          {"curv", "free-form curves and surfaces"},
          {"curv2", "free-form curves and surfaces"},
          {"surf", "free-form curves and surfaces"},
          {"parm", "free-form curves and surfaces"},
          {"trim", "free-form curves and surfaces"},
          {"hole", "free-form curves and surfaces"},
          {"scrv", "free-form curves and surfaces"},
          {"sp", "free-form curves and surfaces"},
          {"end", "free-form curves and surfaces"},
          {"con", "free-form curves and surfaces"}};
  return words;
}
bool MakesTriangles(absl::string_view word) {
  return word == "v" || word == "vt" || word == "vn" || word == "f" ||
         word == "usemtl" || word == "mtllib";
}

// Takes the next word off `line`; empty at its end.
absl::string_view TakeWord(absl::string_view& line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  const absl::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

// Gives the lines of a text one by one, those that end in '\' joined with the
// next.
class Lines {
 public:
  explicit Lines(absl::string_view text) : text_(text) {}

  // False at the end. `line` is valid until the next call.
  bool Next(absl::string_view& line) {
    number_ += std::exchange(taken_, 0);
    if (text_.empty()) return false;
    line = TakeOne();
    if (!absl::EndsWith(line, "\\")) return true;
    joined_.clear();
    while (absl::ConsumeSuffix(&line, "\\") && !text_.empty()) {
      absl::StrAppend(&joined_, line, " ");
      line = TakeOne();
    }
    absl::StrAppend(&joined_, line);
    line = joined_;
    return true;
  }

  int64_t number() const { return number_; }  // of its first, from 1

 private:
  absl::string_view TakeOne() {
    ++taken_;
    const size_t end = std::min(text_.find('\n'), text_.size());
    const absl::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    return absl::StripSuffix(line, "\r");
  }

  absl::string_view text_;
  std::string joined_;
  int64_t number_ = 1;
  int64_t taken_ = 0;
};

// The pictures that material files name for map_Kd, by material.
using Pictures = std::map<std::string, std::string>;

// The file name at the end of a map's line, after its options.
absl::string_view MapFileName(absl::string_view line) {
  static const auto& most_values = *new std::map<absl::string_view, int>{
      {"-blendu", 1}, {"-blendv", 1}, {"-boost", 1},   {"-mm", 2},
      {"-o", 3},      {"-s", 3},      {"-t", 3},       {"-texres", 1},
      {"-clamp", 1},  {"-bm", 1},     {"-imfchan", 1}, {"-type", 1},
      {"-cc", 1}};
  for (;;) {
    absl::string_view rest = line;
    const auto option = most_values.find(TakeWord(rest));
    if (option == most_values.end()) return absl::StripAsciiWhitespace(line);
    line = rest;
    for (int i = 0; i < option->second; ++i) {
      const absl::string_view word = TakeWord(rest);
      float number;
      const bool is_number =
          std::from_chars(word.data(), word.data() + word.size(), number).ec ==
          std::errc();
      // Numbers at the end may be left out, words not.
      if (i > 0 && !is_number) break;
      line = rest;
    }
  }
}

void AddPictures(absl::string_view text, Pictures& pictures) {
  Lines lines(text);
  std::string* picture = nullptr;
  for (absl::string_view line; lines.Next(line);) {
    const absl::string_view keyword = TakeWord(line);
    if (keyword == "newmtl") {
      picture = &pictures[std::string(absl::StripAsciiWhitespace(line))];
    } else if (absl::EqualsIgnoreCase(keyword, "map_Kd") && picture) {
      *picture = std::string(MapFileName(line));
    }
  }
}

at::Tensor Floats(const std::vector<float>& values, int64_t columns) {
  const at::Tensor tensor =
      at::empty({static_cast<int64_t>(values.size()) / columns, columns});
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

at::Tensor Indices(const std::vector<int32_t>& values) {
  const at::Tensor tensor =
      at::empty({static_cast<int64_t>(values.size()) / 3, 3}, at::kInt);
  std::copy(values.begin(), values.end(), tensor.data_ptr<int32_t>());
  return tensor;
}

// A corner of a face: rows of positions, texture coordinates and normals; -1:
// none.
struct Corner {
  int32_t vertex = -1;
  int32_t uv = -1;
  int32_t normal = -1;
};

class ObjReader {
 public:
  explicit ObjReader(CompanionReader read) : read_(read) {}

  absl::Status Read(absl::string_view text) {
    Lines lines(text);
    for (absl::string_view line; lines.Next(line);) {
      DG4D_RETURN_IF_ERROR(
          Annotate(ReadLine(line), absl::StrCat("line ", lines.number())));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ObjMesh> Finish();

 private:
  absl::Status ReadLine(absl::string_view line);
  absl::Status ReadNumbers(absl::string_view line, int count, int needed,
                           std::vector<float>& numbers);
  absl::Status ReadFace(absl::string_view line);
  absl::StatusOr<Corner> ReadCorner(absl::string_view word) const;
  void ReadMaterials(absl::string_view line);
  void ReadMaterialFile(const std::string& name);
  absl::StatusOr<std::string> PictureInUse() const;
  at::Tensor NormalsOfVertices() const;
  void Note(const std::string& note) { notes_.insert(note); }

  CompanionReader read_;
  std::vector<float> vertices_, uvs_, normals_;
  std::vector<int32_t> triangles_, uv_triangles_, normal_triangles_;
  std::vector<Corner> corners_;  // of the face that is read
  std::set<std::string> material_files_, used_materials_;
  std::string material_;
  bool material_counted_ = false;  // whether it is in used_materials_
  Pictures pictures_;
  std::set<std::string> notes_;
};

absl::Status ObjReader::ReadLine(absl::string_view line) {
  const absl::string_view keyword = TakeWord(line);
  if (keyword.empty() || keyword[0] == '#') return absl::OkStatus();
  if (keyword == "v") return ReadNumbers(line, 3, 3, vertices_);
  if (keyword == "vt") return ReadNumbers(line, 2, 1, uvs_);
  if (keyword == "vn") return ReadNumbers(line, 3, 3, normals_);
  if (keyword == "f" || keyword == "fo") return ReadFace(line);
  if (keyword == "usemtl") {
    material_ = std::string(absl::StripAsciiWhitespace(line));
    material_counted_ = false;
  } else if (keyword == "mtllib") {
    ReadMaterials(absl::StripAsciiWhitespace(line));
  } else if (const auto what = LeftOut().find(keyword);
             what != LeftOut().end()) {
    Note(absl::StrCat("it has ", what->second, ", which are left out"));
  } else if (!PassedOver().count(keyword)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "OBJ has no keyword '", keyword.substr(0, kMostShown), "'"));
  }
  return absl::OkStatus();
}

// Numbers beyond `count` (weights, colours) are passed over; those between
// `needed` and `count` are 0 if absent.
absl::Status ObjReader::ReadNumbers(absl::string_view line, int count,
                                    int needed, std::vector<float>& numbers) {
  if (numbers.size() / count >= std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("it has more than 2^31 of these");
  }
  for (int i = 0; i < count; ++i) {
    absl::string_view word = TakeWord(line);
    if (word.empty() && i >= needed) {
      numbers.push_back(0);
      continue;
    }
    if (word.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected ", needed, " numbers, found ", i));
    }
    const absl::string_view digits = absl::StripPrefix(word, "+");
    float number = 0;
    const auto result =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    // A number too small for a float is 0, as in other readers.
    const bool tiny =
        result.ec == std::errc::result_out_of_range &&
        std::abs(std::strtod(std::string(digits).c_str(), nullptr)) < 1;
    if (tiny) number = 0;
    if ((result.ec != std::errc() && !tiny) ||
        result.ptr != digits.data() + digits.size() || !std::isfinite(number)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", word.substr(0, kMostShown), "' is no finite number"));
    }
    numbers.push_back(number);
  }
  return absl::OkStatus();
}

absl::StatusOr<Corner> ObjReader::ReadCorner(absl::string_view word) const {
  Corner corner;
  const std::pair<int32_t*, size_t> parts[] = {
      {&corner.vertex, vertices_.size() / 3},
      {&corner.uv, uvs_.size() / 2},
      {&corner.normal, normals_.size() / 3}};
  absl::string_view rest = word;
  for (int i = 0; i < 3; ++i) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const absl::string_view digits = rest.substr(0, end);
    if (!digits.empty() || i == 0) {
      const int64_t count = parts[i].second;
      int64_t index = 0;
      const auto result =
          std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (result.ec != std::errc() ||
          result.ptr != digits.data() + digits.size()) {
        break;
      }
      if (index == 0 || index > count || index < -count) {
        return absl::InvalidArgumentError(
            absl::StrCat("'", word.substr(0, kMostShown), "' names number ",
                         index, " of ", count,
                         i == 0   ? " vertices"
                         : i == 1 ? " texture coordinates"
                                  : " normals",
                         " so far"));
      }
      *parts[i].first =
          static_cast<int32_t>(index > 0 ? index - 1 : count + index);
    }
    if (end == rest.size()) return corner;
    rest.remove_prefix(end + 1);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", word.substr(0, kMostShown), "' is no corner of a face"));
}

absl::Status ObjReader::ReadFace(absl::string_view line) {
  corners_.clear();
  for (absl::string_view word = TakeWord(line); !word.empty();
       word = TakeWord(line)) {
    DG4D_ASSIGN_OR_RETURN(const Corner corner, ReadCorner(word));
    corners_.push_back(corner);
  }
  if (corners_.size() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("a face of ", corners_.size(), " corners"));
  }
  for (size_t i = 2; i < corners_.size(); ++i) {
    for (const size_t c : {size_t{0}, i - 1, i}) {
      triangles_.push_back(corners_[c].vertex);
      uv_triangles_.push_back(corners_[c].uv);
      normal_triangles_.push_back(corners_[c].normal);
    }
  }
  const bool has_uvs = uv_triangles_.front() >= 0;
  if (std::any_of(corners_.begin(), corners_.end(), [has_uvs](const Corner& c) {
        return (c.uv >= 0) != has_uvs;
      })) {
    return absl::InvalidArgumentError(
        "some corners have texture coordinates and others have none");
  }
  if (!std::exchange(material_counted_, true)) {
    used_materials_.insert(material_);
  }
  return absl::OkStatus();
}

void ObjReader::ReadMaterialFile(const std::string& name) {
  if (material_files_.size() >= kMostMaterialFiles ||
      !material_files_.insert(name).second) {
    return;
  }
  const absl::StatusOr<std::string> text = read_(name);
  if (text.ok()) {
    AddPictures(*text, pictures_);
  } else {
    Note(absl::StrCat("it has no materials: ", text.status().message()));
  }
}

// `line` is one name, which may have spaces, or several names without.
void ObjReader::ReadMaterials(absl::string_view line) {
  if (absl::EndsWith(line, ".mtl") &&
      absl::StrContains(line.substr(0, line.size() - 4), ".mtl ")) {
    for (const absl::string_view name :
         absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      ReadMaterialFile(std::string(name));
    }
  } else {
    ReadMaterialFile(std::string(line));
  }
}

absl::StatusOr<std::string> ObjReader::PictureInUse() const {
  std::set<std::string> pictures;
  for (const std::string& material : used_materials_) {
    const auto found = pictures_.find(material);
    pictures.insert(found == pictures_.end() ? "" : found->second);
  }
  if (pictures.size() <= 1) {
    return pictures.empty() ? std::string() : *pictures.begin();
  }
  constexpr size_t kMostNamed = 4;
  std::vector<std::string> named;
  for (const std::string& picture : pictures) {
    if (named.size() == kMostNamed) break;
    named.push_back(picture.empty() ? "none" : picture.substr(0, 80));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "its materials have ", pictures.size(), " pictures (",
      absl::StrJoin(named, ", "), pictures.size() > kMostNamed ? ", ..." : "",
      "), and a mesh here has one: bake them into one first"));
}

// [V, 3], or undefined unless every vertex has one normal wherever it is used.
at::Tensor ObjReader::NormalsOfVertices() const {
  const size_t count = vertices_.size() / 3;
  std::vector<int32_t> normal_of(count, -1);
  for (size_t i = 0; i < triangles_.size(); ++i) {
    const int32_t normal = normal_triangles_[i];
    int32_t& known = normal_of[triangles_[i]];
    if (normal < 0) return {};
    if (known < 0) known = normal;
    if (known != normal &&
        !std::equal(&normals_[3 * known], &normals_[3 * known] + 3,
                    &normals_[3 * normal])) {
      return {};
    }
  }
  std::vector<float> values(3 * count);
  for (size_t v = 0; v < count; ++v) {
    float* value = &values[3 * v];
    if (normal_of[v] < 0) {  // no triangle asks for it
      value[2] = 1;
      continue;
    }
    const float* normal = &normals_[3 * normal_of[v]];
    const double length = std::sqrt(double{normal[0]} * normal[0] +
                                    double{normal[1]} * normal[1] +
                                    double{normal[2]} * normal[2]);
    if (!(length > 1e-12)) return {};
    // Those of unit length stay as they are, to the bit.
    const bool is_unit = std::abs(length - 1) < 1e-4;
    for (int c = 0; c < 3; ++c) {
      value[c] = is_unit ? normal[c] : static_cast<float>(normal[c] / length);
    }
  }
  return Floats(values, 3);
}

absl::StatusOr<ObjMesh> ObjReader::Finish() {
  if (triangles_.empty()) {
    return absl::InvalidArgumentError("it has no faces");
  }
  ObjMesh obj;
  DG4D_ASSIGN_OR_RETURN(obj.texture, PictureInUse());
  obj.mesh.vertices = Floats(vertices_, 3);
  obj.mesh.triangles = Indices(triangles_);
  if (uv_triangles_.front() >= 0) {
    for (size_t i = 1; i < uvs_.size(); i += 2) uvs_[i] = 1 - uvs_[i];
    obj.mesh.uvs = Floats(uvs_, 2);
    obj.mesh.uv_triangles = Indices(uv_triangles_);
  } else if (!obj.texture.empty()) {
    Note("it has a picture and no texture coordinates");
    obj.texture.clear();
  }
  obj.mesh.normals = NormalsOfVertices();
  DG4D_RETURN_IF_ERROR(CheckMesh(obj.mesh));
  obj.notes.assign(notes_.begin(), notes_.end());
  return obj;
}

}  // namespace

absl::StatusOr<ObjMesh> DecodeObj(absl::string_view text,
                                  const std::string& name,
                                  CompanionReader read) {
  ObjReader reader(read);
  DG4D_RETURN_IF_ERROR(Annotate(reader.Read(text), name));
  absl::StatusOr<ObjMesh> mesh = reader.Finish();
  if (!mesh.ok()) return Annotate(mesh.status(), name);
  return mesh;
}

absl::StatusOr<std::vector<Mesh>> ReadObjSequence(
    const std::vector<std::string>& paths, std::vector<std::string>& notes) {
  std::vector<Mesh> meshes;
  std::set<std::string> noted;
  const auto note = [&](const std::string& path, const std::string& text) {
    if (noted.insert(text).second) {
      notes.push_back(absl::StrCat(path, ": ", text));
    }
  };
  std::string picture_bytes;
  Image picture;
  for (const std::string& path : paths) {
    const std::string folder =
        std::filesystem::path(path).parent_path().string();
    DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    const auto read =
        [&folder](const std::string& name) -> absl::StatusOr<std::string> {
      DG4D_ASSIGN_OR_RETURN(const std::string file,
                            FindCompanion(folder, name));
      return ReadFile(file);
    };
    DG4D_ASSIGN_OR_RETURN(ObjMesh obj, DecodeObj(text, path, read));
    for (const std::string& of_file : obj.notes) note(path, of_file);
    if (!obj.texture.empty()) {
      const auto file = FindCompanion(folder, obj.texture);
      if (file.ok()) {
        DG4D_ASSIGN_OR_RETURN(std::string bytes, ReadFile(*file));
        if (picture.empty() || bytes != picture_bytes) {
          DG4D_ASSIGN_OR_RETURN(picture, DecodeImage(bytes, *file));
          picture.pixels = picture.pixels.narrow(2, 0, 3).contiguous();
          picture_bytes = std::move(bytes);
        }
        obj.mesh.albedo = picture;
      } else {
        note(path,
             absl::StrCat("it has no texture: ", file.status().message()));
      }
    }
    if (!meshes.empty() && HaveOneTopology({meshes.front(), obj.mesh})) {
      obj.mesh.triangles = meshes.front().triangles;
      obj.mesh.uvs = meshes.front().uvs;
      obj.mesh.uv_triangles = meshes.front().uv_triangles;
    }
    meshes.push_back(std::move(obj.mesh));
  }
  return meshes;
}

bool LooksLikeObj(absl::string_view bytes) {
  constexpr size_t kLookedAt = 1 << 16;
  bytes = bytes.substr(0, kLookedAt);
  if (absl::StrContains(bytes, '\0')) return false;
  Lines lines(bytes);
  for (absl::string_view line; lines.Next(line);) {
    const absl::string_view keyword = TakeWord(line);
    if (keyword.empty() || keyword[0] == '#') continue;
    return MakesTriangles(keyword) || PassedOver().count(keyword) > 0;
  }
  return false;
}

}  // namespace dg4d
