#ifndef DG4D_FORMATS_GLB_FILE_H_
#define DG4D_FORMATS_GLB_FILE_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// A .glb file (glTF 2.0, section 4.4) taken apart; it may be hostile. Nothing
// that it says is believed: every index and size is held against what is there
// before anything is allocated, and what is read is never larger than a few
// times the file. All errors are InvalidArgument and say what is wrong of "it",
// the file.
class GlbFile {
 public:
  // `bytes`, the whole file, must outlive what is made of it.
  static absl::StatusOr<GlbFile> Parse(absl::string_view bytes);

  struct ComponentType {
    int size = 0;  // bytes; 0 for a type that the specification has not
    bool is_float = false;
    bool is_signed = false;
    bool holds_indices() const { return size > 0 && !is_float && !is_signed; }
  };

  const nlohmann::json& json() const { return json_; }

  // How many vectors accessor `index` has.
  absl::StatusOr<int64_t> Count(int64_t index) const;

  // The numbers of accessor `index`, which has `components` of them a vector:
  // floats, or integers, which are divided as `normalized` says. Those that a
  // sparse accessor leaves out are 0; at most `most_zeros` vectors may be,
  // for they take no space in the file.
  absl::StatusOr<std::vector<float>> Floats(int64_t index, int components,
                                            int64_t most_zeros = 0) const;

  // The whole numbers of accessor `index`, as they are: indices of vertices.
  absl::StatusOr<std::vector<uint32_t>> Integers(int64_t index) const;

  // The bytes of a buffer view, for instance of an image.
  absl::StatusOr<absl::string_view> View(int64_t index) const;

 private:
  GlbFile(nlohmann::json json, absl::string_view binary)
      : json_(std::move(json)), binary_(binary) {}

  template <typename Take>
  absl::Status ForEachNumber(const nlohmann::json& object, ComponentType type,
                             int components, int64_t count,
                             const std::string& what, Take take) const;
  absl::Status Overlay(const nlohmann::json& sparse, ComponentType type,
                       int components, bool normalized, const std::string& what,
                       std::vector<float>& values) const;

  nlohmann::json json_;
  absl::string_view binary_;
};

// Entry `index` of the array `key` of `object`, or nullptr.
const nlohmann::json* JsonEntry(const nlohmann::json& object, const char* key,
                                int64_t index);

// Member `key` of `object`, or nullptr, also where `object` is no object.
const nlohmann::json* JsonMember(const nlohmann::json& object, const char* key);

// The whole number `key` of `object`; `otherwise` where there is nothing of
// that name, -1 where it is no whole number in [0, 2^53].
int64_t JsonIndex(const nlohmann::json& object, const char* key,
                  int64_t otherwise = -1);

// The string `key` of `object`, or "".
absl::string_view JsonString(const nlohmann::json& object, const char* key);

}  // namespace dg4d

#endif  // DG4D_FORMATS_GLB_FILE_H_
