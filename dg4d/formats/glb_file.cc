#include "dg4d/formats/glb_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

constexpr uint32_t kJsonChunk = 0x4E4F534A;
constexpr uint32_t kBinaryChunk = 0x004E4942;
constexpr size_t kHeaderSize = 12;
constexpr size_t kChunkHeaderSize = 8;

GlbFile::ComponentType TypeOf(int64_t number) {
  switch (number) {
    case 5120:
      return {1, false, true};
    case 5121:
      return {1, false, false};
    case 5122:
      return {2, false, true};
    case 5123:
      return {2, false, false};
    case 5125:
      return {4, false, false};
    case 5126:
      return {4, true, true};
    default:
      return {};
  }
}

int ComponentsOf(absl::string_view type) {
  if (type == "SCALAR") return 1;
  if (type.size() == 4 && type.substr(0, 3) == "VEC") return type[3] - '0';
  return 0;
}

uint32_t NumberAt(absl::string_view bytes, size_t offset, int size) {
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= uint32_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  }
  return value;
}

float Convert(uint32_t bits, GlbFile::ComponentType type, bool normalized) {
  if (type.is_float) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  const int unused = 32 - 8 * type.size;
  const double value = type.is_signed
                           ? static_cast<int32_t>(bits << unused) >> unused
                           : static_cast<double>(bits);
  if (!normalized) return static_cast<float>(value);
  const double most = std::ldexp(1.0, 8 * type.size - type.is_signed) - 1;
  return static_cast<float>(std::max(value / most, -1.0));
}

absl::Status Wrong(const char* what, int64_t index, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrCat("its ", what, " ", index, " ", why));
}

}  // namespace

const Json* JsonMember(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

const Json* JsonEntry(const Json& object, const char* key, int64_t index) {
  const Json* array = JsonMember(object, key);
  if (array == nullptr || !array->is_array() || index < 0 ||
      index >= static_cast<int64_t>(array->size())) {
    return nullptr;
  }
  return &(*array)[index];
}

int64_t JsonIndex(const Json& object, const char* key, int64_t otherwise) {
  const Json* member = JsonMember(object, key);
  if (member == nullptr) return otherwise;
  const double value = member->is_number() ? member->get<double>() : -1;
  constexpr double kMost = 9007199254740992.0;  // 2^53
  if (!(value >= 0 && value <= kMost) || value != std::floor(value)) return -1;
  return static_cast<int64_t>(value);
}

absl::string_view JsonString(const Json& object, const char* key) {
  const Json* member = JsonMember(object, key);
  if (member == nullptr || !member->is_string()) return "";
  return member->get_ref<const std::string&>();
}

absl::StatusOr<GlbFile> GlbFile::Parse(absl::string_view bytes) {
  const absl::Status cut_off = absl::InvalidArgumentError(
      "it is cut off or damaged: no .glb ends there");
  if (bytes.size() < kHeaderSize || bytes.substr(0, 4) != "glTF") {
    return absl::InvalidArgumentError("it is no .glb file");
  }
  if (const uint32_t version = NumberAt(bytes, 4, 4); version != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is glTF of version ", version, ", not 2"));
  }
  const size_t size = NumberAt(bytes, 8, 4);
  if (size < kHeaderSize || size > bytes.size()) return cut_off;
  absl::string_view rest = bytes.substr(0, size).substr(kHeaderSize);
  absl::string_view text, binary;
  for (int chunk = 0; !rest.empty(); ++chunk) {
    if (rest.size() < kChunkHeaderSize) return cut_off;
    const size_t chunk_size = NumberAt(rest, 0, 4);
    const uint32_t type = NumberAt(rest, 4, 4);
    rest.remove_prefix(kChunkHeaderSize);
    if (chunk_size > rest.size()) return cut_off;
    if (chunk == 0 && type == kJsonChunk) text = rest.substr(0, chunk_size);
    if (chunk == 1 && type == kBinaryChunk) binary = rest.substr(0, chunk_size);
    rest.remove_prefix(chunk_size);
  }
  Json json = Json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError("it has no JSON that can be read");
  }
  return GlbFile(std::move(json), binary);
}

absl::StatusOr<absl::string_view> GlbFile::View(int64_t index) const {
  const Json* view = JsonEntry(json_, "bufferViews", index);
  if (view == nullptr) return Wrong("bufferView", index, "is not there");
  const Json* buffer = JsonEntry(json_, "buffers", JsonIndex(*view, "buffer"));
  if (buffer == nullptr || JsonIndex(*view, "buffer") != 0 ||
      JsonMember(*buffer, "uri") != nullptr) {
    return Wrong("bufferView", index, "lies in no buffer of the file");
  }
  const int64_t offset = JsonIndex(*view, "byteOffset", 0);
  const int64_t length = JsonIndex(*view, "byteLength");
  const int64_t available = static_cast<int64_t>(binary_.size());
  if (length < 0 || offset < 0 || offset > available ||
      length > available - offset) {
    return Wrong("bufferView", index, "ends beyond the file");
  }
  return binary_.substr(offset, length);
}

absl::StatusOr<int64_t> GlbFile::Count(int64_t index) const {
  const Json* accessor = JsonEntry(json_, "accessors", index);
  if (accessor == nullptr) return Wrong("accessor", index, "is not there");
  return JsonIndex(*accessor, "count", 0);
}

// Calls take(bits) for each number of an accessor, or of the indices or values
// of a sparse one, that `object` describes.
template <typename Take>
absl::Status GlbFile::ForEachNumber(const Json& object, ComponentType type,
                                    int components, int64_t count,
                                    const std::string& what, Take take) const {
  DG4D_ASSIGN_OR_RETURN(const absl::string_view view,
                        View(JsonIndex(object, "bufferView")));
  const int64_t row = int64_t{components} * type.size;
  const int64_t stride = JsonIndex(
      (*JsonMember(json_, "bufferViews"))[JsonIndex(object, "bufferView")],
      "byteStride", row);
  const int64_t offset = JsonIndex(object, "byteOffset", 0);
  const int64_t available = static_cast<int64_t>(view.size()) - offset - row;
  if (count < 1 || stride < row || offset < 0 || available < 0 ||
      count - 1 > available / stride) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", what, " ends beyond its bufferView"));
  }
  for (int64_t i = 0; i < count; ++i) {
    for (int c = 0; c < components; ++c) {
      take(NumberAt(view, offset + i * stride + c * type.size, type.size));
    }
  }
  return absl::OkStatus();
}

absl::Status GlbFile::Overlay(const Json& sparse, ComponentType type,
                              int components, bool normalized,
                              const std::string& what,
                              std::vector<float>& values) const {
  const int64_t count = JsonIndex(sparse, "count");
  const Json* places = JsonMember(sparse, "indices");
  const Json* numbers = JsonMember(sparse, "values");
  const ComponentType place_type =
      places == nullptr ? ComponentType()
                        : TypeOf(JsonIndex(*places, "componentType"));
  if (count < 1 || numbers == nullptr || !place_type.holds_indices()) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", what, " is sparse without indices and values"));
  }
  std::vector<uint32_t> rows;
  DG4D_RETURN_IF_ERROR(
      ForEachNumber(*places, place_type, 1, count, what,
                    [&rows](uint32_t row) { rows.push_back(row); }));
  const size_t vectors = values.size() / components;
  for (const uint32_t row : rows) {
    if (row < vectors) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "its ", what, " is sparse and names vector ", row, " of ", vectors));
  }
  size_t next = 0;
  return ForEachNumber(
      *numbers, type, components, count, what, [&](uint32_t bits) {
        values[rows[next / components] * components + next % components] =
            Convert(bits, type, normalized);
        ++next;
      });
}

absl::StatusOr<std::vector<float>> GlbFile::Floats(int64_t index,
                                                   int components,
                                                   int64_t most_zeros) const {
  const Json* accessor = JsonEntry(json_, "accessors", index);
  if (accessor == nullptr) return Wrong("accessor", index, "is not there");
  const ComponentType type = TypeOf(JsonIndex(*accessor, "componentType"));
  if (type.size == 0 ||
      ComponentsOf(JsonString(*accessor, "type")) != components) {
    return Wrong("accessor", index, "is of another type than is due there");
  }
  const std::string what = absl::StrCat("accessor ", index);
  const int64_t count = JsonIndex(*accessor, "count", 0);
  const Json* flag = JsonMember(*accessor, "normalized");
  const bool normalized =
      flag != nullptr && flag->is_boolean() && flag->get<bool>();
  std::vector<float> values;
  if (JsonMember(*accessor, "bufferView") != nullptr) {
    DG4D_RETURN_IF_ERROR(ForEachNumber(
        *accessor, type, components, count, what, [&](uint32_t bits) {
          values.push_back(Convert(bits, type, normalized));
        }));
  } else if (count < 1 || count > most_zeros) {
    return Wrong("accessor", index, "has no bufferView");
  } else {
    values.resize(count * components);
  }
  const Json* sparse = JsonMember(*accessor, "sparse");
  if (sparse == nullptr) return values;
  DG4D_RETURN_IF_ERROR(
      Overlay(*sparse, type, components, normalized, what, values));
  return values;
}

absl::StatusOr<std::vector<uint32_t>> GlbFile::Integers(int64_t index) const {
  const Json* accessor = JsonEntry(json_, "accessors", index);
  if (accessor == nullptr) return Wrong("accessor", index, "is not there");
  const ComponentType type = TypeOf(JsonIndex(*accessor, "componentType"));
  if (!type.holds_indices() || JsonString(*accessor, "type") != "SCALAR" ||
      JsonMember(*accessor, "sparse") != nullptr) {
    return Wrong("accessor", index, "is of another type than is due there");
  }
  std::vector<uint32_t> values;
  DG4D_RETURN_IF_ERROR(
      ForEachNumber(*accessor, type, 1, JsonIndex(*accessor, "count", 0),
                    absl::StrCat("accessor ", index),
                    [&values](uint32_t value) { values.push_back(value); }));
  return values;
}

}  // namespace dg4d
