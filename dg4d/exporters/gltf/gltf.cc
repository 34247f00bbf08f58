#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/exporters/gltf/joined_corners.h"
#include "dg4d/exporters/gltf/vertex_encoder.h"
#include "dg4d/formats/glb_builder.h"
#include "dg4d/formats/gltf_turns.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/mesh_sequence.h"

// Writes the meshes of a scene as one .glb file (glTF 2.0), +y up as ours.
//
// Meshes of one topology and texture become one mesh with a morph target for
// each frame but the first, whose weights are 1 in turn. Other sequences become
// one node a frame, all of scale 0 but the one to be seen (section 3.5.3 of the
// specification), because no client plays anything else.
namespace dg4d::gltf {
namespace {

using Json = nlohmann::json;

constexpr int kLinear = 9729;
constexpr int kLinearMipmapLinear = 9987;
constexpr int kClampToEdge = 33071;

// Clients keep one texture layer a target and promise 256.
constexpr int kManyMorphTargets = 128;
constexpr int kMostMorphTargets = 255;

std::vector<float> Gather(const at::Tensor& rows,
                          const std::vector<int32_t>& indices) {
  const at::Tensor values = rows.contiguous();
  const int64_t columns = values.size(1);
  const float* from = values.data_ptr<float>();
  std::vector<float> gathered;
  gathered.reserve(indices.size() * columns);
  for (const int32_t index : indices) {
    gathered.insert(gathered.end(), from + index * columns,
                    from + (index + 1) * columns);
  }
  return gathered;
}

std::string FrameName(size_t frame) {
  return absl::StrFormat("frame_%04d", frame + 1);
}

}  // namespace

class Gltf final : public Exporter {
 public:
  struct Options {
    std::string name = "asset";
    std::string animation = "auto";
    std::string texture = "png";
    bool loop = true;
    bool normals = true;
    bool unlit = false;
    bool quantize = false;

    template <typename V>
    void Visit(V& v) {
      v("name", name, "Name of the object in the file.");
      v("animation", animation, {"auto", "morph", "nodes"},
        "How a sequence is stored: as morph targets of one mesh, which moves "
        "smoothly between frames; as one mesh a frame, shown in turn; or "
        "morph targets wherever topology and texture stay the same.");
      v("texture", texture, {"png", "jpeg"}, "How textures are compressed.");
      v("loop", loop,
        "Whether morph targets lead back to the first frame at the end.");
      v("normals", normals,
        "Whether normals are stored; with morph targets they double the "
        "size, without them programs shade by guessing.");
      v("unlit", unlit,
        "Whether the texture is shown without lighting where programs know "
        "KHR_materials_unlit.");
      v("quantize", quantize,
        "Whether positions are rounded to 16 bits, normals to 8 and texture "
        "coordinates to 16 (KHR_mesh_quantization), which halves the size and "
        "more; the program must know this extension.");
    }
  };

  explicit Gltf(Options options) : options_(std::move(options)) {}

  std::vector<Slot> Reads() const override { return {Slot::kMeshes}; }
  std::string DefaultPath() const override { return "asset.glb"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override;

 private:
  const Options options_;
};

namespace {

// One file in the making.
class Writer {
 public:
  // `morphs` says which of the two below is to come.
  Writer(const Gltf::Options& options, const Scene& scene, bool morphs)
      : options_(options),
        meshes_(scene.meshes),
        fps_(FramesPerSecond(scene)),
        share_corners_(HaveOneTopology(meshes_) &&
                       AreAllTexturedOrNone(meshes_)),
        encoder_(meshes_, options.quantize, morphs, glb_) {
    json_ = {{"asset", GltfAsset(scene.provenance)},
             {"scene", 0},
             {"scenes", {{{"nodes", {0}}}}}};
    if (options.quantize) {
      UseExtension("KHR_mesh_quantization");
      json_["extensionsRequired"].push_back("KHR_mesh_quantization");
    }
    if (options.unlit) UseExtension("KHR_materials_unlit");
  }

  // One mesh with a morph target for each frame but the first.
  absl::StatusOr<std::string> WithMorphTargets() {
    DG4D_ASSIGN_OR_RETURN(const Shape base, AddShape(0));
    DG4D_ASSIGN_OR_RETURN(Json primitive, Primitive(0, base));
    Json mesh = {{"name", options_.name}};
    for (size_t frame = 1; frame < meshes_.size(); ++frame) {
      primitive["targets"].push_back(Target(frame, base));
      mesh["weights"].push_back(0);
      mesh["extras"]["targetNames"].push_back(FrameName(frame));
    }
    mesh["primitives"] = Json::array({std::move(primitive)});
    json_["meshes"] = Json::array({std::move(mesh)});
    json_["nodes"] = Json::array({RootNode()});
    json_["nodes"][0]["mesh"] = 0;
    if (meshes_.size() > 1) AnimateWeights();
    return glb_.Finish(std::move(json_));
  }

  // One node a frame, shown in turn.
  absl::StatusOr<std::string> WithNodes() {
    json_["nodes"] = Json::array({RootNode()});
    Shape shape;
    for (size_t frame = 0; frame < meshes_.size(); ++frame) {
      if (frame == 0 || !share_corners_) {
        DG4D_ASSIGN_OR_RETURN(shape, AddShape(frame));
      } else {
        AddPlaces(frame, shape);
      }
      DG4D_ASSIGN_OR_RETURN(Json primitive, Primitive(frame, shape));
      json_["meshes"].push_back(
          {{"name", FrameName(frame)},
           {"primitives", Json::array({std::move(primitive)})}});
      json_["nodes"].push_back({{"name", FrameName(frame)}, {"mesh", frame}});
      json_["nodes"][0]["children"].push_back(frame + 1);
    }
    ShowNodesInTurn(1, meshes_.size(), fps_, options_.name, glb_, json_);
    return glb_.Finish(std::move(json_));
  }

 private:
  // Accessors of one mesh, and what its targets are measured from.
  struct Shape {
    JoinedCorners joined;
    std::vector<float> positions;
    std::vector<float> normals;
    int indices = 0;
    int position_accessor = 0;
    int normal_accessor = 0;
    int uv_accessor = 0;
  };

  void UseExtension(const char* name) {
    json_["extensionsUsed"].push_back(name);
  }

  // The node that shows everything at its place and in its size.
  Json RootNode() const {
    Json node = {{"name", options_.name}};
    if (options_.quantize) {
      node["translation"] = encoder_.center();
      node["scale"] = std::vector<double>(3, encoder_.scale());
    }
    return node;
  }

  void AddPlaces(size_t frame, Shape& shape) {
    const Mesh& mesh = meshes_[frame];
    shape.positions = Gather(mesh.vertices, shape.joined.vertex_of_point);
    shape.position_accessor = encoder_.AddPositions(shape.positions);
    if (!options_.normals) return;
    shape.normals = Gather(UnitNormals(mesh), shape.joined.vertex_of_point);
    shape.normal_accessor = encoder_.AddNormals(shape.normals);
  }

  absl::StatusOr<Shape> AddShape(size_t frame) {
    const Mesh& mesh = meshes_[frame];
    Shape shape = {.joined = JoinCorners(mesh)};
    if (shape.joined.vertex_of_point.size() >= UINT32_MAX) {
      return absl::OutOfRangeError("glTF holds at most 2^32 - 2 vertices");
    }
    shape.indices = glb_.AddIndices(shape.joined.triangles);
    AddPlaces(frame, shape);
    if (mesh.textured()) {
      shape.uv_accessor =
          encoder_.AddUvs(Gather(mesh.uvs, shape.joined.uv_of_point));
    }
    return shape;
  }

  absl::StatusOr<Json> Primitive(size_t frame, const Shape& shape) {
    Json primitive = {{"indices", shape.indices},
                      {"attributes", {{"POSITION", shape.position_accessor}}}};
    Json& attributes = primitive["attributes"];
    if (options_.normals) attributes["NORMAL"] = shape.normal_accessor;
    if (meshes_[frame].textured()) attributes["TEXCOORD_0"] = shape.uv_accessor;
    DG4D_ASSIGN_OR_RETURN(primitive["material"], Material(frame));
    return primitive;
  }

  Json Target(size_t frame, const Shape& base) {
    const Mesh& mesh = meshes_[frame];
    const auto& points = base.joined.vertex_of_point;
    Json target = {
        {"POSITION", encoder_.AddPositionTarget(
                         base.positions, Gather(mesh.vertices, points))}};
    if (options_.normals) {
      target["NORMAL"] = encoder_.AddNormalTarget(
          base.normals, Gather(UnitNormals(mesh), points));
    }
    return target;
  }

  // The index of the material of `frame`, which may be that of the frame
  // before.
  absl::StatusOr<int> Material(size_t frame) {
    const Mesh& mesh = meshes_[frame];
    // Programs hide the backs of triangles that are single-sided: only a closed
    // surface can afford that.
    const bool double_sided = !AnalyzeTopology(mesh).closed_manifold();
    const int count =
        json_.contains("materials") ? json_["materials"].size() : 0;
    if (frame > 0 && double_sided == double_sided_ &&
        HaveOneTexture({meshes_[frame - 1], mesh})) {
      return count - 1;
    }
    double_sided_ = double_sided;
    Json surface = {{"metallicFactor", 0}, {"roughnessFactor", 1}};
    if (mesh.textured()) {
      DG4D_ASSIGN_OR_RETURN(const int texture, Texture(frame));
      surface["baseColorTexture"] = {{"index", texture}};
    }
    Json material = {
        {"name", meshes_.size() == 1 ? options_.name : FrameName(frame)},
        {"pbrMetallicRoughness", std::move(surface)}};
    if (double_sided) material["doubleSided"] = true;
    if (options_.unlit) {
      material["extensions"]["KHR_materials_unlit"] = Json::object();
    }
    json_["materials"].push_back(std::move(material));
    return count;
  }

  absl::StatusOr<int> Texture(size_t frame) {
    const Image& albedo = meshes_[frame].albedo;
    const bool png = options_.texture == "png";
    DG4D_ASSIGN_OR_RETURN(const std::string bytes,
                          png ? EncodePng(albedo) : EncodeJpeg(albedo));
    const int index = json_.contains("textures") ? json_["textures"].size() : 0;
    json_["images"].push_back({{"name", FrameName(frame)},
                               {"mimeType", png ? "image/png" : "image/jpeg"},
                               {"bufferView", glb_.AddImageBytes(bytes)}});
    json_["samplers"] = {{{"magFilter", kLinear},
                          {"minFilter", kLinearMipmapLinear},
                          {"wrapS", kClampToEdge},
                          {"wrapT", kClampToEdge}}};
    json_["textures"].push_back({{"source", index}, {"sampler", 0}});
    return index;
  }

  void AnimateWeights() {
    const size_t targets = meshes_.size() - 1;
    const size_t keys = meshes_.size() + (options_.loop ? 1 : 0);
    std::vector<float> weights(keys * targets);
    for (size_t i = 0; i < targets; ++i) weights[(i + 1) * targets + i] = 1;
    Json animation = {{"name", options_.name}};
    animation["samplers"] = {{{"input", AddFrameTimes(keys, fps_, glb_)},
                              {"output", glb_.AddAnimationFloats(weights, 1)},
                              {"interpolation", "LINEAR"}}};
    animation["channels"] = {
        {{"sampler", 0}, {"target", {{"node", 0}, {"path", "weights"}}}}};
    json_["animations"] = Json::array({std::move(animation)});
  }

  const Gltf::Options& options_;
  const std::vector<Mesh>& meshes_;
  const double fps_;
  // Whether all frames have the indices and texture coordinates of the first.
  const bool share_corners_;
  bool double_sided_ = false;
  GlbBuilder glb_;
  VertexEncoder encoder_;
  Json json_;
};

// Whether to write morph targets, or why that cannot be.
absl::StatusOr<bool> Morphs(const std::string& animation,
                            const std::vector<Mesh>& meshes,
                            RunContext& context) {
  const bool fits = HaveOneTopology(meshes) && HaveOneTexture(meshes);
  if (meshes.size() == 1) return true;
  if (animation == "nodes" || (animation == "auto" && !fits)) return false;
  if (!fits) {
    return absl::FailedPreconditionError(
        "animation 'morph' needs meshes of one topology and one texture; "
        "extract them with topology 'constant', or export with animation "
        "'nodes'");
  }
  const int targets = static_cast<int>(meshes.size()) - 1;
  if (targets > kMostMorphTargets) {
    return absl::OutOfRangeError(absl::StrCat(
        meshes.size(), " frames make ", targets,
        " morph targets, and programs "
        "show at most ",
        kMostMorphTargets,
        "; bake fewer samples a frame, or export with animation 'nodes'"));
  }
  if (targets > kManyMorphTargets) {
    context.Warn(absl::StrCat(targets,
                              " morph targets are more than some "
                              "phones show"));
  }
  return true;
}

}  // namespace

absl::Status Gltf::DoExport(const Scene& scene, const std::string& path,
                            RunContext& context) {
  DG4D_RETURN_IF_ERROR(CheckMeshSequence(scene.meshes, FramesPerSecond(scene)));
  DG4D_ASSIGN_OR_RETURN(const bool morphs,
                        Morphs(options_.animation, scene.meshes, context));
  Writer writer(options_, scene, morphs);
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, morphs
                                                     ? writer.WithMorphTargets()
                                                     : writer.WithNodes());
  return WriteFileAtomically(path, bytes);
}

DG4D_REGISTER(Exporter, Gltf, "gltf",
              "One animated, textured .glb file of the meshes.");

}  // namespace dg4d::gltf
