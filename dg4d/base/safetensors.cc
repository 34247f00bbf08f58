#include "dg4d/base/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
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

using Entry = MappedSafeTensors::Entry;

// Bounds what a hostile header can cost. The largest of the networks that this
// program knows has 190 kB and 1428 tensors.
constexpr uint64_t kMaxHeaderBytes = 64 << 20;
constexpr size_t kMaxRank = 8;

absl::Status Broken(const std::string& file, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(file, " is no sound safetensors file: ", what));
}

absl::StatusOr<Entry> ParseEntry(const std::string& name, const json& value,
                                 const std::string& file) {
  const absl::Status malformed =
      Broken(file, absl::StrCat("the entry of '", name, "' is malformed"));
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    return malformed;
  }
  const json& dtype = value["dtype"];
  const json& shape = value["shape"];
  const json& offsets = value["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || shape.size() > kMaxRank ||
      !offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return malformed;
  }
  const auto type = TypeOf(dtype.get<std::string>());
  if (!type) {
    return Broken(file, absl::StrCat("'", name, "' has the unknown type ",
                                     dtype.get<std::string>()));
  }
  Entry entry{.type = *type,
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
absl::Status CheckCoverage(const std::map<std::string, Entry>& entries,
                           uint64_t data_size, const std::string& file) {
  std::vector<std::pair<const Entry*, const std::string*>> order;
  for (const auto& [name, entry] : entries) order.emplace_back(&entry, &name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->begin, a.first->end) <
           std::pair(b.first->begin, b.first->end);
  });
  uint64_t covered = 0;
  for (const auto& [entry, name] : order) {
    if (entry->begin != covered) {
      return Broken(file, absl::StrCat("the data of '", *name,
                                       entry->begin < covered
                                           ? "' overlaps another tensor's"
                                           : "' follows a hole"));
    }
    covered = entry->end;
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

// The header as JSON. A name that comes twice is an error: readers disagree
// about which one counts.
absl::StatusOr<json> ParseHeader(absl::string_view text,
                                 const std::string& file) {
  std::vector<std::set<std::string>> names(1);
  std::string twice;
  const json header = json::parse(
      text.begin(), text.end(),
      [&](int depth, json::parse_event_t event, json& parsed) {
        if (event == json::parse_event_t::object_start) {
          names.resize(std::min<size_t>(depth + 2, 8));
          names.back().clear();
        } else if (event == json::parse_event_t::key) {
          auto name = parsed.get<std::string>();
          const size_t level = std::min<size_t>(depth, names.size() - 1);
          if (!names[level].insert(name).second) twice = std::move(name);
        }
        return depth <= 4;  // the parser recurses
      },
      /*allow_exceptions=*/false);
  if (!header.is_object()) return Broken(file, "its header is no JSON map");
  if (!twice.empty()) {
    return Broken(file, absl::StrCat("its header names '", twice, "' twice"));
  }
  return header;
}

struct Contents {
  std::map<std::string, Entry> entries;
  std::map<std::string, std::string> metadata;
  absl::string_view data;
};

// Everything but the tensors themselves, fully checked.
absl::StatusOr<Contents> ParseContents(absl::string_view bytes,
                                       const std::string& file) {
  uint64_t header_size;
  if (bytes.size() < sizeof(header_size)) {
    return Broken(file, "it is shorter than eight bytes");
  }
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  bytes.remove_prefix(sizeof(header_size));
  if (header_size > bytes.size()) {
    return Broken(file, "its header is longer than the file (truncated?)");
  }
  if (header_size > kMaxHeaderBytes) {
    return Broken(file, absl::StrCat("its header has ", header_size,
                                     " bytes, more than any network needs"));
  }
  Contents contents;
  contents.data = bytes.substr(header_size);
  DG4D_ASSIGN_OR_RETURN(const json header,
                        ParseHeader(bytes.substr(0, header_size), file));
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      DG4D_ASSIGN_OR_RETURN(contents.metadata, ParseMetadata(value, file));
      continue;
    }
    DG4D_ASSIGN_OR_RETURN(Entry entry, ParseEntry(key, value, file));
    contents.entries.emplace(key, std::move(entry));
  }
  DG4D_RETURN_IF_ERROR(
      CheckCoverage(contents.entries, contents.data.size(), file));
  return contents;
}

at::Tensor CopyOf(const Entry& entry, const char* data) {
  at::Tensor tensor = at::empty(entry.shape, entry.type);
  if (entry.end > entry.begin) {
    std::memcpy(tensor.data_ptr(), data + entry.begin, entry.end - entry.begin);
  }
  return tensor;
}

absl::Status CannotRead(const std::string& path) {
  return absl::Status(
      errno == ENOENT ? absl::StatusCode::kNotFound
                      : absl::StatusCode::kFailedPrecondition,
      absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
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
  DG4D_ASSIGN_OR_RETURN(Contents contents, ParseContents(bytes, name));
  SafeTensors content;
  content.metadata = std::move(contents.metadata);
  for (const auto& [key, entry] : contents.entries) {
    content.tensors.emplace(key, CopyOf(entry, contents.data.data()));
  }
  return content;
}

absl::StatusOr<SafeTensors> ReadSafeTensors(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParseSafeTensors(bytes, path);
}

absl::StatusOr<MappedSafeTensors> MappedSafeTensors::Open(
    const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return CannotRead(path);
  struct stat info;
  // The size is that of the very file that is mapped.
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(file);
    return absl::InvalidArgumentError(absl::StrCat(path, " is no file"));
  }
  const size_t size = info.st_size;
  if (size == 0) {
    close(file);
    return Broken(path, "it is empty");
  }
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  const absl::Status failed =
      start == MAP_FAILED ? CannotRead(path) : absl::OkStatus();
  close(file);
  DG4D_RETURN_IF_ERROR(failed);

  MappedSafeTensors mapped;
  mapped.mapping_ = std::shared_ptr<const void>(
      start, [size](const void* old) { munmap(const_cast<void*>(old), size); });
  DG4D_ASSIGN_OR_RETURN(
      Contents contents,
      ParseContents({static_cast<const char*>(start), size}, path));
  mapped.data_ = contents.data.data();
  mapped.entries_ = std::move(contents.entries);
  mapped.metadata_ = std::move(contents.metadata);
  return mapped;
}

at::Tensor MappedSafeTensors::Get(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  const char* start = data_ + entry.begin;
  const bool aligned =
      reinterpret_cast<uintptr_t>(start) % c10::elementSize(entry.type) == 0;
  if (!aligned || entry.begin == entry.end) return CopyOf(entry, data_);
  return at::from_blob(
      const_cast<char*>(start), entry.shape, [mapping = mapping_](void*) {},
      at::TensorOptions(entry.type));
}

}  // namespace dg4d
