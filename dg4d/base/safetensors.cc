#include "dg4d/base/safetensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<const char*, at::ScalarType>, 10> kTypes = {{
    {"F64", at::kDouble},
    {"F32", at::kFloat},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
}};

absl::StatusOr<const char*> NameOf(at::ScalarType type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return name;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("safetensors cannot hold ", at::toString(type)));
}

std::optional<at::ScalarType> TypeOf(const std::string& name) {
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  return std::nullopt;
}

// One entry of the header.
struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin;
  uint64_t end;
};

absl::Status Broken(const std::string& file, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(file, " is no sound safetensors file: ", what));
}

absl::StatusOr<Entry> ParseEntry(const std::string& name, const json& value,
                                 const std::string& file) {
  const absl::Status malformed =
      Broken(file, absl::StrCat("the entry of '", name, "' is malformed"));
  if (!value.is_object() || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    return malformed;
  }
  const json& dtype = value["dtype"];
  const json& shape = value["shape"];
  const json& offsets = value["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || !offsets.is_array() ||
      offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return malformed;
  }
  const auto type = TypeOf(dtype.get<std::string>());
  if (!type) {
    return Broken(file, absl::StrCat("'", name, "' has the unknown type ",
                                     dtype.get<std::string>()));
  }
  Entry entry{.name = name,
              .type = *type,
              .begin = offsets[0].get<uint64_t>(),
              .end = offsets[1].get<uint64_t>()};
  uint64_t bytes = c10::elementSize(*type);
  for (const json& size : shape) {
    if (!size.is_number_unsigned()) return malformed;
    const uint64_t extent = size.get<uint64_t>();
    if (extent > std::numeric_limits<int64_t>::max() ||
        __builtin_mul_overflow(bytes, extent, &bytes)) {
      return Broken(file, absl::StrCat("'", name, "' is impossibly large"));
    }
    entry.shape.push_back(static_cast<int64_t>(extent));
  }
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    return Broken(file,
                  absl::StrCat("'", name, "' has ", entry.end - entry.begin,
                               " bytes where its shape needs ", bytes));
  }
  return entry;
}

// Data must be covered exactly once: neither overlaps nor holes.
absl::Status CheckCoverage(std::vector<Entry> entries, uint64_t data_size,
                           const std::string& file) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != covered) {
      return Broken(file, absl::StrCat("the data of '", entry.name,
                                       entry.begin < covered
                                           ? "' overlaps another tensor's"
                                           : "' follows a hole"));
    }
    covered = entry.end;
  }
  if (covered != data_size) {
    return Broken(
        file, absl::StrCat("it has ", data_size,
                           " bytes of data where its header names ", covered,
                           covered > data_size ? " (truncated?)" : ""));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(
    const json& value, const std::string& file) {
  std::map<std::string, std::string> metadata;
  if (!value.is_object()) return Broken(file, "its metadata is no map");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return Broken(file, "its metadata is not all text");
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

}  // namespace

absl::Status WriteSafeTensors(const SafeTensors& content,
                              const std::string& path) {
  json header = json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::vector<at::Tensor> data;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : content.tensors) {
    DG4D_ASSIGN_OR_RETURN(const char* type, NameOf(tensor.scalar_type()));
    data.push_back(tensor.detach().cpu().contiguous());
    header[name] = {{"dtype", type},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // aligns the data

  const uint64_t size = text.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes.reserve(sizeof(size) + text.size() + offset);
  bytes += text;
  for (const at::Tensor& tensor : data) {
    bytes.append(static_cast<const char*>(tensor.const_data_ptr()),
                 tensor.nbytes());
  }
  return WriteFileAtomically(path, bytes);
}

absl::StatusOr<SafeTensors> ParseSafeTensors(absl::string_view bytes,
                                             const std::string& name) {
  uint64_t header_size;
  if (bytes.size() < sizeof(header_size)) {
    return Broken(name, "it is shorter than eight bytes");
  }
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  bytes.remove_prefix(sizeof(header_size));
  if (header_size > bytes.size()) {
    return Broken(name, "its header is longer than the file (truncated?)");
  }
  const absl::string_view text = bytes.substr(0, header_size);
  const absl::string_view data = bytes.substr(header_size);
  // Bounds the depth: the parser recurses.
  const json header = json::parse(
      text.begin(), text.end(),
      [](int depth, json::parse_event_t, json&) { return depth <= 4; },
      /*allow_exceptions=*/false);
  if (!header.is_object()) return Broken(name, "its header is no JSON map");

  SafeTensors content;
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      DG4D_ASSIGN_OR_RETURN(content.metadata, ParseMetadata(value, name));
      continue;
    }
    DG4D_ASSIGN_OR_RETURN(Entry entry, ParseEntry(key, value, name));
    entries.push_back(std::move(entry));
  }
  DG4D_RETURN_IF_ERROR(CheckCoverage(entries, data.size(), name));
  for (const Entry& entry : entries) {
    at::Tensor tensor = at::empty(entry.shape, entry.type);
    if (entry.end > entry.begin) {
      std::memcpy(tensor.data_ptr(), data.data() + entry.begin,
                  entry.end - entry.begin);
    }
    content.tensors.emplace(entry.name, std::move(tensor));
  }
  return content;
}

absl::StatusOr<SafeTensors> ReadSafeTensors(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParseSafeTensors(bytes, path);
}

}  // namespace dg4d
