#ifndef DG4D_FORMATS_GLB_BUILDER_H_
#define DG4D_FORMATS_GLB_BUILDER_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/provenance.h"

namespace dg4d {

// The object `asset` of a glTF file: that this program wrote it, and, as
// extras.provenance, what is known of where its content comes from.
nlohmann::json GltfAsset(const Provenance& provenance);

// Puts numbers and pictures into the binary half of a .glb file (glTF 2.0,
// section 4.4), and describes them in its JSON half.
class GlbBuilder {
 public:
  // Each returns the index of the new accessor.
  // One vector of `components` (1 to 4) floats a vertex.
  int AddVertexFloats(const std::vector<float>& values, int components);
  // Red, green, blue and alpha of each vertex, linear, 65535 for 1.
  int AddVertexColors(const std::vector<uint16_t>& rgba);
  // The same of integers that stand for numbers from -1 to 1, or from 0 if they
  // have no sign (KHR_mesh_quantization): int8_t, int16_t or uint16_t. A vertex
  // takes a multiple of 4 bytes, as the format asks.
  template <typename Integer>
  int AddVertexIntegers(const std::vector<Integer>& values, int components);
  // Triangles' indices of vertices, in the fewest bytes that hold them.
  int AddIndices(const std::vector<uint32_t>& indices);
  // Times and values of an animation; `components` is 1 or 3.
  int AddAnimationFloats(const std::vector<float>& values, int components);

  // Returns the index of the new buffer view.
  int AddImageBytes(absl::string_view bytes);

  // The file's bytes: `json`, to which accessors, bufferViews and buffers are
  // added, and the binary chunk. OutOfRange for more than 4 GiB, which the
  // format cannot hold.
  absl::StatusOr<std::string> Finish(nlohmann::json json) const;

 private:
  struct View {
    size_t offset;
    size_t size;
    int target;      // 0: none
    int stride = 0;  // bytes from a vertex to the next; 0: packed
  };
  struct Accessor {
    int view;
    int component_type;
    int components;
    size_t count;
    bool normalized = false;
    std::vector<double> least;
    std::vector<double> most;
  };

  int AddView(absl::string_view bytes, int target);
  int AddFloats(const std::vector<float>& values, int components, int target);
  // `accessor`, with the bounds of `values`.
  template <typename Number>
  int AddBounded(Accessor accessor, const std::vector<Number>& values);
  template <typename Index>
  int AddIndicesAs(const std::vector<uint32_t>& indices, int component_type);

  std::string binary_;
  std::vector<View> views_;
  std::vector<Accessor> accessors_;
};

}  // namespace dg4d

#endif  // DG4D_FORMATS_GLB_BUILDER_H_
