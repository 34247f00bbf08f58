#include "dg4d/formats/ply_io.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

constexpr absl::string_view kPlusYComment = "comment Vertical axis: 0,1,0";
constexpr size_t kMaxHeader = 1 << 16;  // bytes; a degree-3 file has 1.6 kB
constexpr int kMaxShDegree = 3;

enum class Format { kAscii, kLittleEndian, kBigEndian };

struct NumberType {
  char kind;  // 'i', 'u' or 'f'
  int size;   // bytes
};

const std::map<std::string, NumberType>& NumberTypes() {
  static const auto& types = *new std::map<std::string, NumberType>{
      {"char", {'i', 1}},   {"int8", {'i', 1}},    {"uchar", {'u', 1}},
      {"uint8", {'u', 1}},  {"short", {'i', 2}},   {"int16", {'i', 2}},
      {"ushort", {'u', 2}}, {"uint16", {'u', 2}},  {"int", {'i', 4}},
      {"int32", {'i', 4}},  {"uint", {'u', 4}},    {"uint32", {'u', 4}},
      {"float", {'f', 4}},  {"float32", {'f', 4}}, {"double", {'f', 8}},
      {"float64", {'f', 8}}};
  return types;
}

struct Property {
  std::string name;
  NumberType type;
  int offset;  // bytes from the start of the row
};

struct Element {
  std::string name;
  int64_t count = 0;
  std::vector<Property> properties;
  int64_t row_size = 0;   // bytes
  bool has_list = false;  // then rows differ in size
};

struct Header {
  Format format = Format::kAscii;
  std::vector<Element> elements;
  PlyUp up = PlyUp::kMinusY;
  size_t size = 0;  // bytes
};

absl::Status AddElement(const std::vector<std::string>& words, Header& header) {
  Element element;
  if (words.size() != 3 || !absl::SimpleAtoi(words[2], &element.count) ||
      element.count < 0) {
    return absl::InvalidArgumentError("a header line 'element' has no count");
  }
  element.name = words[1];
  header.elements.push_back(std::move(element));
  return absl::OkStatus();
}

absl::Status AddProperty(const std::vector<std::string>& words,
                         Header& header) {
  if (header.elements.empty()) {
    return absl::InvalidArgumentError("a property comes before any element");
  }
  Element& element = header.elements.back();
  if (words.size() == 5 && words[1] == "list") {
    element.has_list = true;
    return absl::OkStatus();
  }
  const auto type =
      NumberTypes().find(words.size() == 3 ? words[1] : std::string());
  if (type == NumberTypes().end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header line '", absl::StrJoin(words, " "), "' names no type"));
  }
  element.properties.push_back(
      {words[2], type->second, static_cast<int>(element.row_size)});
  element.row_size += type->second.size;
  return absl::OkStatus();
}

absl::Status SetFormat(const std::vector<std::string>& words, Header& header) {
  const std::string format = words.size() == 3 ? words[1] : "";
  if (format == "ascii") {
    header.format = Format::kAscii;
  } else if (format == "binary_little_endian") {
    header.format = Format::kLittleEndian;
  } else if (format == "binary_big_endian") {
    header.format = Format::kBigEndian;
  } else {
    return absl::InvalidArgumentError("it has an unknown 'format'");
  }
  return absl::OkStatus();
}

absl::StatusOr<Header> ParseHeader(absl::string_view bytes) {
  Header header;
  bool has_format = false;
  for (int line_number = 0;; ++line_number) {
    const size_t end =
        bytes.substr(header.size, kMaxHeader).find_first_of('\n');
    if (end == absl::string_view::npos || header.size + end > kMaxHeader) {
      return absl::InvalidArgumentError(
          line_number == 0 ? "it is no PLY file" : "its header has no end");
    }
    const absl::string_view line =
        absl::StripSuffix(bytes.substr(header.size, end), "\r");
    header.size += end + 1;
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (line_number == 0) {
      if (line != "ply") return absl::InvalidArgumentError("it is no PLY file");
    } else if (line == kPlusYComment) {
      header.up = PlyUp::kPlusY;
    } else if (words.empty() || words[0] == "comment" ||
               words[0] == "obj_info") {
      continue;
    } else if (words[0] == "format") {
      DG4D_RETURN_IF_ERROR(SetFormat(words, header));
      has_format = true;
    } else if (words[0] == "element") {
      DG4D_RETURN_IF_ERROR(AddElement(words, header));
    } else if (words[0] == "property") {
      DG4D_RETURN_IF_ERROR(AddProperty(words, header));
    } else if (words[0] == "end_header") {
      if (has_format) return header;
      return absl::InvalidArgumentError("its header names no format");
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "its header has the unknown word '", words[0].substr(0, 32), "'"));
    }
  }
}

// Where each number of a Gaussian stands among the properties of a vertex.
struct Columns {
  std::vector<int> of;   // x y z, rot, scale, opacity, f_dc, f_rest
  int coefficients = 1;  // of each colour, K
};

absl::StatusOr<Columns> FindColumns(const Element& vertex) {
  std::map<std::string, int> index;
  for (size_t i = 0; i < vertex.properties.size(); ++i) {
    if (!index.emplace(vertex.properties[i].name, i).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "it has two properties '", vertex.properties[i].name, "'"));
    }
  }
  std::vector<std::string> names = {
      "x",       "y",       "z",       "rot_0",   "rot_1",  "rot_2",  "rot_3",
      "scale_0", "scale_1", "scale_2", "opacity", "f_dc_0", "f_dc_1", "f_dc_2"};
  int rest = 0;
  while (index.count(absl::StrCat("f_rest_", rest))) {
    names.push_back(absl::StrCat("f_rest_", rest++));
  }
  Columns columns;
  for (int degree = 0; degree <= kMaxShDegree; ++degree) {
    const int coefficients = (degree + 1) * (degree + 1);
    if (rest == 3 * (coefficients - 1)) columns.coefficients = coefficients;
  }
  if (rest != 3 * (columns.coefficients - 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("it has ", rest,
                     " properties f_rest_..., which makes no whole degree of "
                     "spherical harmonics (0, 9, 24 or 45)"));
  }
  for (const std::string& name : names) {
    const auto found = index.find(name);
    if (found == index.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("its vertices have no property '", name,
                       "', so that it holds no 3D Gaussians"));
    }
    columns.of.push_back(found->second);
  }
  return columns;
}

double ReadNumber(const char* bytes, NumberType type, bool big_endian) {
  char buffer[8];
  std::memcpy(buffer, bytes, type.size);
  if (big_endian) std::reverse(buffer, buffer + type.size);
  const auto as = [&buffer](auto value) {
    std::memcpy(&value, buffer, sizeof(value));
    return static_cast<double>(value);
  };
  switch (type.kind) {
    case 'f':
      return type.size == 4 ? as(float()) : as(double());
    case 'i':
      return type.size == 1   ? as(int8_t())
             : type.size == 2 ? as(int16_t())
                              : as(int32_t());
    default:
      return type.size == 1   ? as(uint8_t())
             : type.size == 2 ? as(uint16_t())
                              : as(uint32_t());
  }
}

// Gives the numbers of the vertices one row at a time.
class Rows {
 public:
  Rows(absl::string_view body, const Header& header, const Element& vertex)
      : body_(body), format_(header.format), vertex_(vertex) {}

  // Passes over `element`, which comes before the vertices.
  absl::Status Skip(const Element& element) {
    if (element.has_list) {
      return absl::InvalidArgumentError(
          absl::StrCat("its element '", element.name,
                       "' has lists and comes before the vertices"));
    }
    DG4D_RETURN_IF_ERROR(CheckSize(element));
    if (format_ == Format::kAscii && !element.properties.empty()) {
      for (int64_t i = 0; i < element.count; ++i) {
        for (size_t j = 0; j < element.properties.size(); ++j) {
          if (Word().empty()) return CutOff();
        }
      }
    } else if (format_ != Format::kAscii) {
      body_.remove_prefix(element.count * element.row_size);
    }
    return absl::OkStatus();
  }

  // Before anything is allocated: a count that the file cannot hold is a lie.
  absl::Status CheckSize(const Element& element) const {
    const int64_t least = format_ == Format::kAscii
                              ? 2 * element.properties.size() - 1
                              : element.row_size;
    const int64_t size = body_.size();
    return least > 0 && element.count > (size + 1) / least ? CutOff()
                                                           : absl::OkStatus();
  }

  absl::Status Next(std::vector<double>& row) {
    const size_t count = vertex_.properties.size();
    row.resize(count);
    if (format_ == Format::kAscii) {
      for (double& number : row) {
        const absl::string_view word = Word();
        if (word.empty()) return CutOff();
        if (!absl::SimpleAtod(word, &number)) {
          return absl::InvalidArgumentError(absl::StrCat(
              "it has '", word.substr(0, 32), "' where a number is due"));
        }
      }
      return absl::OkStatus();
    }
    if (static_cast<int64_t>(body_.size()) < vertex_.row_size) return CutOff();
    for (size_t i = 0; i < count; ++i) {
      const Property& property = vertex_.properties[i];
      row[i] = ReadNumber(body_.data() + property.offset, property.type,
                          format_ == Format::kBigEndian);
    }
    body_.remove_prefix(vertex_.row_size);
    return absl::OkStatus();
  }

 private:
  absl::Status CutOff() const {
    return absl::InvalidArgumentError(
        "it is cut off: it holds less than its header says");
  }

  absl::string_view Word() {
    body_ = absl::StripLeadingAsciiWhitespace(body_);
    const absl::string_view word =
        body_.substr(0, body_.find_first_of(" \t\r\n"));
    body_.remove_prefix(word.size());
    return word;
  }

  absl::string_view body_;
  const Format format_;
  const Element& vertex_;
};

// Turns one Gaussian half around z, which takes +y up to -y up. The inverse
// differs by the sign of the quaternion, which means the same rotation; `sign`
// keeps it, so that reading undoes writing.
void TurnAboutZ(float* mean, float* quaternion, float* sh, int coefficients,
                float sign) {
  mean[0] = -mean[0];
  mean[1] = -mean[1];
  const float w = quaternion[0], x = quaternion[1], y = quaternion[2],
              z = quaternion[3];
  quaternion[0] = sign * -z;
  quaternion[1] = sign * -y;
  quaternion[2] = sign * x;
  quaternion[3] = sign * w;
  // Harmonics of odd order m change their sign under half a turn about z.
  for (int degree = 1, k = 1; k < coefficients; ++degree) {
    for (int order = -degree; order <= degree; ++order, ++k) {
      if (order % 2 == 0) continue;
      for (int c = 0; c < 3; ++c) sh[3 * k + c] = -sh[3 * k + c];
    }
  }
}

absl::StatusOr<Gaussians> ReadRows(Rows& rows, int64_t count,
                                   const Columns& columns, PlyUp up) {
  const int coefficients = columns.coefficients;
  Gaussians gaussians = UninitializedGaussians(count, coefficients);
  std::vector<double> row;
  std::vector<float> values(columns.of.size());
  for (int64_t i = 0; i < count; ++i) {
    DG4D_RETURN_IF_ERROR(rows.Next(row));
    for (size_t c = 0; c < values.size(); ++c) {
      values[c] = static_cast<float>(row[columns.of[c]]);
      if (!std::isfinite(values[c])) {
        return absl::InvalidArgumentError(
            absl::StrCat("its vertex ", i, " has a value that is not finite"));
      }
    }
    float* mean = gaussians.means.data_ptr<float>() + 3 * i;
    float* quaternion = gaussians.quaternions.data_ptr<float>() + 4 * i;
    float* sh = gaussians.sh.data_ptr<float>() + 3 * coefficients * i;
    std::copy_n(&values[0], 3, mean);
    std::copy_n(&values[3], 4, quaternion);
    std::copy_n(&values[7], 3, gaussians.log_scales.data_ptr<float>() + 3 * i);
    gaussians.opacity_logits.data_ptr<float>()[i] = values[10];
    std::copy_n(&values[11], 3, sh);
    const float* rest = values.data() + 14;
    for (int c = 0; c < 3; ++c) {
      for (int k = 1; k < coefficients; ++k) sh[3 * k + c] = *rest++;
    }
    if (up == PlyUp::kMinusY) {
      TurnAboutZ(mean, quaternion, sh, coefficients, -1);
    }
  }
  return gaussians;
}

absl::StatusOr<Gaussians> Decode(absl::string_view bytes,
                                 std::optional<PlyUp> up) {
  DG4D_ASSIGN_OR_RETURN(const Header header, ParseHeader(bytes));
  const auto vertex = std::find_if(
      header.elements.begin(), header.elements.end(),
      [](const Element& element) { return element.name == "vertex"; });
  if (vertex == header.elements.end()) {
    return absl::InvalidArgumentError("it has no vertices");
  }
  if (vertex->has_list) {
    return absl::InvalidArgumentError("its vertices have lists");
  }
  DG4D_ASSIGN_OR_RETURN(const Columns columns, FindColumns(*vertex));
  Rows rows(bytes.substr(header.size), header, *vertex);
  for (auto before = header.elements.begin(); before != vertex; ++before) {
    DG4D_RETURN_IF_ERROR(rows.Skip(*before));
  }
  DG4D_RETURN_IF_ERROR(rows.CheckSize(*vertex));
  return ReadRows(rows, vertex->count, columns, up.value_or(header.up));
}

std::string EncodeHeader(int64_t count, int coefficients, PlyUp up) {
  std::string header = "ply\nformat binary_little_endian 1.0\n";
  if (up == PlyUp::kPlusY) absl::StrAppend(&header, kPlusYComment, "\n");
  absl::StrAppend(&header, "element vertex ", count, "\n");
  const auto add = [&header](absl::string_view name) {
    absl::StrAppend(&header, "property float ", name, "\n");
  };
  const auto add_numbered = [&add](absl::string_view name, int count) {
    for (int i = 0; i < count; ++i) add(absl::StrCat(name, i));
  };
  for (const char* name : {"x", "y", "z", "nx", "ny", "nz"}) add(name);
  add_numbered("f_dc_", 3);
  add_numbered("f_rest_", 3 * (coefficients - 1));
  add("opacity");
  add_numbered("scale_", 3);
  add_numbered("rot_", 4);
  absl::StrAppend(&header, "end_header\n");
  return header;
}

}  // namespace

std::string EncodeGaussiansPly(const Gaussians& gaussians, PlyUp up) {
  const int64_t count = gaussians.size();
  const int coefficients = static_cast<int>(gaussians.sh.size(1));
  const Gaussians host = OnHost(gaussians);

  std::string bytes = EncodeHeader(count, coefficients, up);
  const size_t row_floats = 14 + 3 * coefficients;
  size_t offset = bytes.size();
  bytes.resize(offset + count * row_floats * sizeof(float));
  std::vector<float> row(row_floats);
  std::vector<float> sh(3 * coefficients);
  for (int64_t i = 0; i < count; ++i) {
    float mean[3], quaternion[4];
    std::copy_n(host.means.data_ptr<float>() + 3 * i, 3, mean);
    std::copy_n(host.quaternions.data_ptr<float>() + 4 * i, 4, quaternion);
    std::copy_n(host.sh.data_ptr<float>() + sh.size() * i, sh.size(),
                sh.begin());
    if (up == PlyUp::kMinusY) {
      TurnAboutZ(mean, quaternion, sh.data(), coefficients, 1);
    }
    float* next = std::copy_n(mean, 3, row.data());
    next = std::fill_n(next, 3, 0.0f);  // normals, which nobody reads
    next = std::copy_n(sh.data(), 3, next);
    for (int c = 0; c < 3; ++c) {
      for (int k = 1; k < coefficients; ++k) *next++ = sh[3 * k + c];
    }
    *next++ = host.opacity_logits.data_ptr<float>()[i];
    next = std::copy_n(host.log_scales.data_ptr<float>() + 3 * i, 3, next);
    std::copy_n(quaternion, 4, next);
    std::memcpy(&bytes[offset], row.data(), row_floats * sizeof(float));
    offset += row_floats * sizeof(float);
  }
  return bytes;
}

absl::Status WriteGaussiansPly(const std::string& path,
                               const Gaussians& gaussians, PlyUp up) {
  return WriteFileAtomically(path, EncodeGaussiansPly(gaussians, up));
}

absl::StatusOr<Gaussians> ReadGaussiansPly(const std::string& path,
                                           std::optional<PlyUp> up) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return DecodeGaussiansPly(bytes, path, up);
}

absl::StatusOr<Gaussians> DecodeGaussiansPly(absl::string_view bytes,
                                             const std::string& name,
                                             std::optional<PlyUp> up) {
  absl::StatusOr<Gaussians> gaussians = Decode(bytes, up);
  if (gaussians.ok()) return gaussians;
  return absl::Status(
      gaussians.status().code(),
      absl::StrCat(name, " cannot be read: ", gaussians.status().message()));
}

}  // namespace dg4d
