#include "dg4d/formats/glb_builder.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "dg4d/base/version.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

// Numbers of the specification.
constexpr int kByte = 5120;
constexpr int kShort = 5122;
constexpr int kUnsignedShort = 5123;
constexpr int kUnsignedInt = 5125;
constexpr int kFloat = 5126;
constexpr int kArrayBuffer = 34962;
constexpr int kElementArrayBuffer = 34963;
constexpr uint32_t kMagic = 0x46546C67;  // "glTF"
constexpr uint32_t kJsonChunk = 0x4E4F534A;
constexpr uint32_t kBinaryChunk = 0x004E4942;

constexpr size_t kAlignment = 4;

template <typename Integer>
constexpr int kComponentType = 0;
template <>
constexpr int kComponentType<int8_t> = kByte;
template <>
constexpr int kComponentType<int16_t> = kShort;
template <>
constexpr int kComponentType<uint16_t> = kUnsignedShort;

void Pad(std::string& bytes, char filler) {
  while (bytes.size() % kAlignment != 0) bytes.push_back(filler);
}

template <typename T>
absl::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(T)};
}

void AppendNumber(uint32_t value, std::string& bytes) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xff));
  }
}

const char* TypeName(int components) {
  constexpr const char* kNames[] = {"SCALAR", "VEC2", "VEC3", "VEC4"};
  return kNames[components - 1];
}

}  // namespace

Json GltfAsset(const Provenance& provenance) {
  Json asset = {{"version", "2.0"},
                {"generator", absl::StrCat("dg4d ", kVersion)}};
  const Json known = ProvenanceJson(provenance);
  if (!known.empty()) asset["extras"]["provenance"] = known;
  return asset;
}

int GlbBuilder::AddView(absl::string_view bytes, int target) {
  views_.push_back({binary_.size(), bytes.size(), target});
  binary_.append(bytes.data(), bytes.size());
  Pad(binary_, '\0');
  return static_cast<int>(views_.size()) - 1;
}

template <typename Number>
int GlbBuilder::AddBounded(Accessor accessor,
                           const std::vector<Number>& values) {
  const int components = accessor.components;
  accessor.count = values.size() / components;
  accessor.least.assign(components, 0.0);
  accessor.most.assign(components, 0.0);
  for (size_t i = 0; i < values.size(); ++i) {
    const int c = static_cast<int>(i % components);
    const double value = values[i];
    const bool first = i < static_cast<size_t>(components);
    accessor.least[c] = first ? value : std::min(accessor.least[c], value);
    accessor.most[c] = first ? value : std::max(accessor.most[c], value);
  }
  accessors_.push_back(std::move(accessor));
  return static_cast<int>(accessors_.size()) - 1;
}

int GlbBuilder::AddFloats(const std::vector<float>& values, int components,
                          int target) {
  return AddBounded({.view = AddView(BytesOf(values), target),
                     .component_type = kFloat,
                     .components = components},
                    values);
}

template <typename Integer>
int GlbBuilder::AddVertexIntegers(const std::vector<Integer>& values,
                                  int components) {
  const size_t size = components * sizeof(Integer);
  const size_t stride = (size + kAlignment - 1) / kAlignment * kAlignment;
  const absl::string_view packed = BytesOf(values);
  std::string bytes;
  bytes.reserve(packed.size() / size * stride);
  for (size_t from = 0; from < packed.size(); from += size) {
    bytes.append(packed.data() + from, size);
    bytes.append(stride - size, '\0');
  }
  const int view = AddView(bytes, kArrayBuffer);
  views_[view].stride = static_cast<int>(stride);
  return AddBounded({.view = view,
                     .component_type = kComponentType<Integer>,
                     .components = components,
                     .normalized = true},
                    values);
}

template int GlbBuilder::AddVertexIntegers(const std::vector<int8_t>&, int);
template int GlbBuilder::AddVertexIntegers(const std::vector<int16_t>&, int);
template int GlbBuilder::AddVertexIntegers(const std::vector<uint16_t>&, int);

int GlbBuilder::AddVertexFloats(const std::vector<float>& values,
                                int components) {
  return AddFloats(values, components, kArrayBuffer);
}

int GlbBuilder::AddAnimationFloats(const std::vector<float>& values,
                                   int components) {
  return AddFloats(values, components, /*target=*/0);
}

int GlbBuilder::AddVertexColors(const std::vector<uint16_t>& rgba) {
  accessors_.push_back({.view = AddView(BytesOf(rgba), kArrayBuffer),
                        .component_type = kUnsignedShort,
                        .components = 4,
                        .count = rgba.size() / 4,
                        .normalized = true});
  return static_cast<int>(accessors_.size()) - 1;
}

template <typename Index>
int GlbBuilder::AddIndicesAs(const std::vector<uint32_t>& indices,
                             int component_type) {
  const std::vector<Index> narrow(indices.begin(), indices.end());
  accessors_.push_back({.view = AddView(BytesOf(narrow), kElementArrayBuffer),
                        .component_type = component_type,
                        .components = 1,
                        .count = indices.size()});
  return static_cast<int>(accessors_.size()) - 1;
}

int GlbBuilder::AddIndices(const std::vector<uint32_t>& indices) {
  const uint32_t most =
      indices.empty() ? 0 : *std::max_element(indices.begin(), indices.end());
  // The greatest number of a type restarts a primitive and is forbidden.
  return most < std::numeric_limits<uint16_t>::max()
             ? AddIndicesAs<uint16_t>(indices, kUnsignedShort)
             : AddIndicesAs<uint32_t>(indices, kUnsignedInt);
}

int GlbBuilder::AddImageBytes(absl::string_view bytes) {
  return AddView(bytes, /*target=*/0);
}

absl::StatusOr<std::string> GlbBuilder::Finish(Json json) const {
  for (const Accessor& accessor : accessors_) {
    Json entry = {{"bufferView", accessor.view},
                  {"componentType", accessor.component_type},
                  {"count", accessor.count},
                  {"type", TypeName(accessor.components)}};
    if (accessor.normalized) entry["normalized"] = true;
    if (!accessor.least.empty()) {
      entry["min"] = accessor.least;
      entry["max"] = accessor.most;
    }
    json["accessors"].push_back(std::move(entry));
  }
  for (const View& view : views_) {
    Json entry = {
        {"buffer", 0}, {"byteOffset", view.offset}, {"byteLength", view.size}};
    if (view.target != 0) entry["target"] = view.target;
    if (view.stride != 0) entry["byteStride"] = view.stride;
    json["bufferViews"].push_back(std::move(entry));
  }
  json["buffers"] = Json::array({{{"byteLength", binary_.size()}}});

  // Names come from users; what is no UTF-8 must not throw.
  std::string text = json.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                               Json::error_handler_t::replace);
  Pad(text, ' ');
  constexpr size_t kHeaders = 12 + 8 + 8;
  const size_t size = kHeaders + text.size() + binary_.size();
  if (size > std::numeric_limits<uint32_t>::max()) {
    return absl::OutOfRangeError(
        "a .glb file holds at most 4 GiB; export in parts, with exporter 'obj' "
        "or 'ply'");
  }
  std::string bytes;
  bytes.reserve(size);
  AppendNumber(kMagic, bytes);
  AppendNumber(/*version*/ 2, bytes);
  AppendNumber(static_cast<uint32_t>(size), bytes);
  AppendNumber(static_cast<uint32_t>(text.size()), bytes);
  AppendNumber(kJsonChunk, bytes);
  bytes += text;
  AppendNumber(static_cast<uint32_t>(binary_.size()), bytes);
  AppendNumber(kBinaryChunk, bytes);
  bytes += binary_;
  return bytes;
}

}  // namespace dg4d
