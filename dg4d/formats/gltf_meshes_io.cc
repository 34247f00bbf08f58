#include "dg4d/formats/gltf_meshes_io.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/glb_file.h"
#include "dg4d/formats/gltf_poses.h"
#include "dg4d/formats/image_io.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

absl::Status Wrong(const char* what, int64_t index, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("its ", what, " ", index, " ", why));
}

// The numbers of one morph target, or of the mesh itself: three a vertex.
struct Shape {
  std::vector<float> positions;
  std::vector<float> normals;  // may be empty
};

// A primitive of a mesh, its points joined to vertices.
struct Part {
  Shape base;
  std::vector<Shape> targets;  // differences to `base`
  std::vector<int32_t> triangles;
  std::vector<float> uvs;  // of each point; may be empty
  std::vector<int32_t> uv_triangles;
  int64_t image = -1;  // index; -1: no texture
};

// What frames that show the same parts have in common.
struct Topology {
  at::Tensor triangles;
  at::Tensor uvs;
  at::Tensor uv_triangles;
  int64_t image = -1;
};

// Gives equal triples of floats, told apart by an earlier number, one number.
class TripleNumbers {
 public:
  int32_t Number(int32_t earlier, const float* triple) {
    Key key = {static_cast<uint32_t>(earlier)};
    for (int c = 0; c < 3; ++c) {
      const float value = triple[c] == 0 ? 0.0f : triple[c];  // no -0
      std::memcpy(&key[c + 1], &value, sizeof(value));
    }
    return numbers_.emplace(key, static_cast<int32_t>(numbers_.size()))
        .first->second;
  }
  size_t size() const { return numbers_.size(); }

 private:
  using Key = std::array<uint32_t, 4>;
  struct Hash {
    size_t operator()(const Key& key) const {
      uint64_t hash = 0;
      for (const uint32_t part : key) {
        hash = (hash ^ part) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
      }
      return hash;
    }
  };
  std::unordered_map<Key, int32_t, Hash> numbers_;
};

// Joins the points of `part` that are equal in all shapes; triangles then name
// vertices, and texture coordinates keep the points.
void JoinPoints(Part& part) {
  const size_t points = part.base.positions.size() / 3;
  std::vector<int32_t> vertex_of(points, 0);
  size_t count = 0;
  const auto refine = [&](const std::vector<float>& values) {
    if (values.empty()) return;
    TripleNumbers numbers;
    for (size_t i = 0; i < points; ++i) {
      vertex_of[i] = numbers.Number(vertex_of[i], &values[3 * i]);
    }
    count = numbers.size();
  };
  const auto for_each_shape = [&part](auto visit) {
    visit(part.base.positions);
    visit(part.base.normals);
    for (Shape& target : part.targets) {
      visit(target.positions);
      visit(target.normals);
    }
  };
  for_each_shape(refine);
  for_each_shape([&](std::vector<float>& values) {
    if (values.empty()) return;
    std::vector<float> joined(3 * count);
    for (size_t i = points; i-- > 0;) {
      std::copy_n(&values[3 * i], 3, &joined[3 * vertex_of[i]]);
    }
    values = std::move(joined);
  });
  if (!part.uvs.empty()) part.uv_triangles = part.triangles;
  for (int32_t& corner : part.triangles) corner = vertex_of[corner];
}

at::Tensor FloatRows(const std::vector<float>& values, int64_t columns) {
  const at::Tensor tensor =
      at::empty({static_cast<int64_t>(values.size()) / columns, columns});
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

at::Tensor IndexRows(const std::vector<int32_t>& values) {
  const at::Tensor tensor =
      at::empty({static_cast<int64_t>(values.size()) / 3, 3}, at::kInt);
  std::copy(values.begin(), values.end(), tensor.data_ptr<int32_t>());
  return tensor;
}

// base + the targets by their weights.
std::vector<float> Blend(const std::vector<float>& base,
                         const std::vector<Shape>& targets,
                         std::vector<float> Shape::*member,
                         const std::vector<double>& weights) {
  std::vector<float> blended = base;
  for (size_t t = 0; t < targets.size(); ++t) {
    const std::vector<float>& difference = targets[t].*member;
    if (difference.empty() || weights[t] == 0) continue;
    const float weight = static_cast<float>(weights[t]);
    for (size_t i = 0; i < blended.size(); ++i) {
      blended[i] += weight * difference[i];
    }
  }
  return blended;
}

using Linear = std::array<double, 9>;

Linear LinearPart(const std::array<double, 16>& m) {
  return {m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]};
}

// det(m) times the inverse of the transpose: it turns normals, up to length.
Linear Cofactors(const Linear& m) {
  return {m[4] * m[8] - m[5] * m[7], m[5] * m[6] - m[3] * m[8],
          m[3] * m[7] - m[4] * m[6], m[2] * m[7] - m[1] * m[8],
          m[0] * m[8] - m[2] * m[6], m[1] * m[6] - m[0] * m[7],
          m[1] * m[5] - m[2] * m[4], m[2] * m[3] - m[0] * m[5],
          m[0] * m[4] - m[1] * m[3]};
}

double Determinant(const Linear& m) {
  const Linear c = Cofactors(m);
  return m[0] * c[0] + m[1] * c[1] + m[2] * c[2];
}

bool IsIdentity(const std::array<double, 16>& m) {
  for (int i = 0; i < 16; ++i) {
    if (m[i] != (i % 5 == 0)) return false;
  }
  return true;
}

void Transform(const Linear& m, const std::array<double, 3>& offset,
               std::vector<float>& triples) {
  for (size_t i = 0; i < triples.size(); i += 3) {
    const std::array<double, 3> v = {triples[i], triples[i + 1],
                                     triples[i + 2]};
    for (int r = 0; r < 3; ++r) {
      triples[i + r] =
          static_cast<float>(m[3 * r] * v[0] + m[3 * r + 1] * v[1] +
                             m[3 * r + 2] * v[2] + offset[r]);
    }
  }
}

// Makes all of unit length; those that are stay as they are, to the bit. False
// if one has no direction.
bool MakeUnit(std::vector<float>& normals) {
  for (size_t i = 0; i < normals.size(); i += 3) {
    double length = 0;
    for (int c = 0; c < 3; ++c)
      length += double{normals[i + c]} * normals[i + c];
    length = std::sqrt(length);
    if (!(length > 1e-12) || !std::isfinite(length)) return false;
    if (std::abs(length - 1) < 1e-4) continue;
    for (int c = 0; c < 3; ++c) {
      normals[i + c] = static_cast<float>(normals[i + c] / length);
    }
  }
  return true;
}

class Reader {
 public:
  Reader(const GlbFile& file, size_t bytes, const GltfMeshesOptions& options)
      : file_(file), options_(options), most_(kSpare + 64 * bytes) {}

  absl::StatusOr<GltfMeshes> Read();

 private:
  // Numbers that a file of any size may grow to; more by its bytes.
  static constexpr int64_t kSpare = 1 << 24;

  absl::Status CheckExtensions() const;
  absl::StatusOr<const std::vector<Part>*> PartsOf(int64_t mesh);
  absl::StatusOr<Part> ReadPart(const Json& primitive);
  absl::StatusOr<Shape> ReadShape(const Json& attributes, int64_t points);
  absl::StatusOr<std::vector<int32_t>> ReadTriangles(const Json& primitive,
                                                     int64_t mode,
                                                     int64_t points);
  absl::Status ReadTexture(const Json& primitive, int64_t points, Part& part);
  absl::StatusOr<const Topology*> TopologyOf(
      const std::vector<GltfInstance>& instances);
  absl::StatusOr<Mesh> MeshOf(const std::vector<GltfInstance>& instances);
  absl::StatusOr<Image> ImageOf(int64_t index);
  // Counts numbers that are about to be made.
  absl::Status Spend(int64_t count);
  void Note(const std::string& note) { notes_.insert(note); }

  const GlbFile& file_;
  const GltfMeshesOptions& options_;
  const int64_t most_;
  int64_t spent_ = 0;
  std::map<int64_t, std::vector<Part>> parts_;  // by mesh
  std::map<std::vector<std::pair<int64_t, bool>>, Topology> topologies_;
  std::map<int64_t, Image> images_;  // by buffer view
  std::set<std::string> notes_;
};

absl::Status Reader::Spend(int64_t count) {
  if (count < 0 || count > most_ - spent_) {
    return absl::InvalidArgumentError(
        "it would make far more numbers than it has bytes");
  }
  spent_ += count;
  return absl::OkStatus();
}

absl::Status Reader::CheckExtensions() const {
  static const auto& known = *new std::set<std::string>{
      "KHR_mesh_quantization", "KHR_texture_transform", "KHR_materials_unlit",
      "EXT_texture_webp"};
  const Json* required = JsonMember(file_.json(), "extensionsRequired");
  if (required == nullptr || !required->is_array()) return absl::OkStatus();
  for (const Json& name : *required) {
    if (!name.is_string() || known.count(name.get<std::string>())) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "it needs the extension ", name.get<std::string>().substr(0, 64),
        ", which is not read: save it without (without compression)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Shape> Reader::ReadShape(const Json& attributes,
                                        int64_t points) {
  Shape shape;
  for (const auto& [key, values] : {std::pair{"POSITION", &shape.positions},
                                    std::pair{"NORMAL", &shape.normals}}) {
    if (JsonMember(attributes, key) == nullptr) continue;
    const int64_t index = JsonIndex(attributes, key);
    DG4D_ASSIGN_OR_RETURN(const int64_t count, file_.Count(index));
    if (points >= 0 && count != points) {
      return Wrong("accessor", index, "has not one vector for each vertex");
    }
    if (count > INT32_MAX / 4) return Wrong("accessor", index, "is too long");
    DG4D_RETURN_IF_ERROR(Spend(3 * count));
    DG4D_ASSIGN_OR_RETURN(*values, file_.Floats(index, 3, count));
    points = count;
  }
  return shape;
}

absl::StatusOr<std::vector<int32_t>> Reader::ReadTriangles(
    const Json& primitive, int64_t mode, int64_t points) {
  std::vector<uint32_t> indices;
  if (JsonMember(primitive, "indices") != nullptr) {
    const int64_t index = JsonIndex(primitive, "indices");
    DG4D_ASSIGN_OR_RETURN(const int64_t count, file_.Count(index));
    DG4D_RETURN_IF_ERROR(Spend(3 * count));
    DG4D_ASSIGN_OR_RETURN(indices, file_.Integers(index));
    for (const uint32_t i : indices) {
      if (i >= points) {
        return Wrong("accessor", index,
                     absl::StrCat("names vertex ", i, " of ", points));
      }
    }
  } else {
    DG4D_RETURN_IF_ERROR(Spend(3 * points));
    for (int64_t i = 0; i < points; ++i) indices.push_back(i);
  }
  std::vector<int32_t> corners;
  constexpr int64_t kStrip = 5, kFan = 6;
  if (mode == kStrip || mode == kFan) {
    for (size_t i = 2; i < indices.size(); ++i) {
      const bool odd = mode == kStrip && i % 2 == 1;
      const uint32_t first = mode == kFan ? indices[0] : indices[i - 2];
      corners.insert(corners.end(),
                     {static_cast<int32_t>(odd ? indices[i - 1] : first),
                      static_cast<int32_t>(odd ? first : indices[i - 1]),
                      static_cast<int32_t>(indices[i])});
    }
  } else {
    corners.assign(indices.begin(), indices.end() - indices.size() % 3);
  }
  return corners;
}

absl::Status Reader::ReadTexture(const Json& primitive, int64_t points,
                                 Part& part) {
  const Json* material =
      JsonEntry(file_.json(), "materials", JsonIndex(primitive, "material"));
  const Json* surface = material == nullptr
                            ? nullptr
                            : JsonMember(*material, "pbrMetallicRoughness");
  if (surface == nullptr) return absl::OkStatus();
  if (const Json* factor = JsonMember(*surface, "baseColorFactor");
      factor != nullptr && *factor != Json({1, 1, 1, 1})) {
    Note("its materials have colours (baseColorFactor), which are left out");
  }
  const Json* use = JsonMember(*surface, "baseColorTexture");
  const Json* texture = use == nullptr ? nullptr
                                       : JsonEntry(file_.json(), "textures",
                                                   JsonIndex(*use, "index"));
  if (texture == nullptr) return absl::OkStatus();
  part.image = JsonIndex(*texture, "source");
  const auto extension = [](const Json& object,
                            const char* name) -> const Json* {
    const Json* extensions = JsonMember(object, "extensions");
    return extensions == nullptr ? nullptr : JsonMember(*extensions, name);
  };
  if (const Json* webp = extension(*texture, "EXT_texture_webp")) {
    part.image = JsonIndex(*webp, "source", part.image);
  }
  int64_t set = JsonIndex(*use, "texCoord", 0);
  const Json* turn = extension(*use, "KHR_texture_transform");
  if (turn != nullptr) set = JsonIndex(*turn, "texCoord", set);
  const Json* attributes = JsonMember(primitive, "attributes");
  const int64_t accessor =
      JsonIndex(*attributes, absl::StrCat("TEXCOORD_", set).c_str());
  if (accessor < 0) {
    Note("it has a texture and no texture coordinates");
    part.image = -1;
    return absl::OkStatus();
  }
  DG4D_ASSIGN_OR_RETURN(const int64_t count, file_.Count(accessor));
  if (count != points) {
    return Wrong("accessor", accessor, "has not one vector for each vertex");
  }
  DG4D_RETURN_IF_ERROR(Spend(2 * count));
  DG4D_ASSIGN_OR_RETURN(part.uvs, file_.Floats(accessor, 2, count));
  if (turn == nullptr) return absl::OkStatus();
  const auto number = [turn](const char* key, size_t i, double otherwise) {
    const Json* value =
        i > 1 ? JsonMember(*turn, key) : JsonEntry(*turn, key, i);
    return value != nullptr && value->is_number() ? value->get<double>()
                                                  : otherwise;
  };
  const double angle = number("rotation", 2, 0);
  const double c = std::cos(angle), s = std::sin(angle);
  for (size_t i = 0; i < part.uvs.size(); i += 2) {
    const double u = part.uvs[i] * number("scale", 0, 1);
    const double v = part.uvs[i + 1] * number("scale", 1, 1);
    part.uvs[i] = static_cast<float>(c * u + s * v + number("offset", 0, 0));
    part.uvs[i + 1] =
        static_cast<float>(-s * u + c * v + number("offset", 1, 0));
  }
  return absl::OkStatus();
}

absl::StatusOr<Part> Reader::ReadPart(const Json& primitive) {
  Part part;
  const int64_t mode = JsonIndex(primitive, "mode", 4);
  const Json* attributes = JsonMember(primitive, "attributes");
  if (attributes == nullptr || mode < 4 || mode > 6) {
    Note("it has points or lines, which are left out");
    return part;
  }
  DG4D_ASSIGN_OR_RETURN(part.base, ReadShape(*attributes, -1));
  if (part.base.positions.empty()) return part;
  const int64_t points = part.base.positions.size() / 3;
  DG4D_ASSIGN_OR_RETURN(part.triangles, ReadTriangles(primitive, mode, points));
  const Json* targets = JsonMember(primitive, "targets");
  if (targets != nullptr && targets->is_array()) {
    for (const Json& target : *targets) {
      DG4D_ASSIGN_OR_RETURN(Shape shape, ReadShape(target, points));
      if (part.base.normals.empty()) shape.normals.clear();
      part.targets.push_back(std::move(shape));
    }
  }
  DG4D_RETURN_IF_ERROR(ReadTexture(primitive, points, part));
  JoinPoints(part);
  return part;
}

absl::StatusOr<const std::vector<Part>*> Reader::PartsOf(int64_t mesh) {
  const auto found = parts_.find(mesh);
  if (found != parts_.end()) return &found->second;
  std::vector<Part>& parts = parts_[mesh];
  const Json* json = JsonEntry(file_.json(), "meshes", mesh);
  const Json* primitives =
      json == nullptr ? nullptr : JsonMember(*json, "primitives");
  if (primitives == nullptr || !primitives->is_array()) {
    return Wrong("mesh", mesh, "has no primitives");
  }
  for (const Json& primitive : *primitives) {
    DG4D_ASSIGN_OR_RETURN(Part part, [&]() -> absl::StatusOr<Part> {
      absl::StatusOr<Part> read = ReadPart(primitive);
      if (read.ok()) return read;
      return Annotate(read.status(), absl::StrCat("mesh ", mesh));
    }());
    if (part.triangles.empty()) continue;
    if (!parts.empty() && part.targets.size() != parts[0].targets.size()) {
      return Wrong("mesh", mesh, "has primitives of different morph targets");
    }
    parts.push_back(std::move(part));
  }
  return &parts;
}

absl::StatusOr<const Topology*> Reader::TopologyOf(
    const std::vector<GltfInstance>& instances) {
  std::vector<std::pair<int64_t, bool>> shown;  // mesh, mirrored
  for (const GltfInstance& instance : instances) {
    shown.emplace_back(instance.mesh,
                       Determinant(LinearPart(instance.world_from_mesh)) < 0);
  }
  const auto found = topologies_.find(shown);
  if (found != topologies_.end()) return &found->second;
  std::vector<int32_t> triangles, uv_triangles;
  std::vector<float> uvs;
  std::set<int64_t> images;
  bool all_have_uvs = true;
  int64_t vertices = 0;
  for (const auto& [mesh, mirrored] : shown) {
    DG4D_ASSIGN_OR_RETURN(const std::vector<Part>* parts, PartsOf(mesh));
    for (const Part& part : *parts) {
      images.insert(part.image);
      all_have_uvs &= !part.uvs.empty();
      DG4D_RETURN_IF_ERROR(Spend(2 * part.triangles.size() + part.uvs.size()));
      const auto append = [mirrored = mirrored](
                              const std::vector<int32_t>& from, int64_t offset,
                              std::vector<int32_t>& to) {
        for (size_t i = 0; i < from.size(); ++i) {
          const int order = mirrored ? 2 - 2 * (i % 3) : 0;
          to.push_back(static_cast<int32_t>(from[i + order] + offset));
        }
      };
      append(part.triangles, vertices, triangles);
      append(part.uv_triangles, uvs.size() / 2, uv_triangles);
      uvs.insert(uvs.end(), part.uvs.begin(), part.uvs.end());
      vertices += part.base.positions.size() / 3;
      if (vertices > INT32_MAX) {
        return absl::InvalidArgumentError("it has more than 2^31 vertices");
      }
    }
  }
  if (images.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "what it shows at once has ", images.size(),
        " textures (or some and none), and a mesh here has one: bake them "
        "into one first"));
  }
  Topology topology;
  topology.triangles = IndexRows(triangles);
  if (all_have_uvs && !uvs.empty()) {
    topology.uvs = FloatRows(uvs, 2);
    topology.uv_triangles = IndexRows(uv_triangles);
    topology.image = *images.begin();
  }
  return &topologies_.emplace(shown, std::move(topology)).first->second;
}

absl::StatusOr<Image> Reader::ImageOf(int64_t index) {
  const Json* json = JsonEntry(file_.json(), "images", index);
  if (json == nullptr) return Wrong("image", index, "is not there");
  const int64_t view = JsonIndex(*json, "bufferView");
  if (view < 0) {
    Note("its texture lies in another file, which is not read");
    return Image();
  }
  const auto found = images_.find(view);
  if (found != images_.end()) return found->second;
  DG4D_ASSIGN_OR_RETURN(const absl::string_view bytes, file_.View(view));
  DG4D_ASSIGN_OR_RETURN(Image image,
                        DecodeImage(bytes, absl::StrCat("its image ", index)));
  image.pixels = image.pixels.narrow(2, 0, 3).contiguous();
  return images_.emplace(view, std::move(image)).first->second;
}

absl::StatusOr<Mesh> Reader::MeshOf(
    const std::vector<GltfInstance>& instances) {
  DG4D_ASSIGN_OR_RETURN(const Topology* topology, TopologyOf(instances));
  std::vector<float> positions, normals;
  bool has_normals = true;
  for (const GltfInstance& instance : instances) {
    DG4D_ASSIGN_OR_RETURN(const std::vector<Part>* parts,
                          PartsOf(instance.mesh));
    const std::array<double, 16>& m = instance.world_from_mesh;
    const Linear linear = LinearPart(m);
    for (const Part& part : *parts) {
      if (part.targets.size() != instance.weights.size()) {
        return Wrong("mesh", instance.mesh,
                     "has primitives of different morph targets");
      }
      DG4D_RETURN_IF_ERROR(
          Spend(part.base.positions.size() + part.base.normals.size()));
      std::vector<float> places = Blend(part.base.positions, part.targets,
                                        &Shape::positions, instance.weights);
      std::vector<float> directions = Blend(part.base.normals, part.targets,
                                            &Shape::normals, instance.weights);
      if (!IsIdentity(m)) {
        Transform(linear, {m[3], m[7], m[11]}, places);
        Linear turn = Cofactors(linear);
        if (Determinant(linear) < 0) {
          for (double& entry : turn) entry = -entry;
        }
        // Their length does not matter, but tiny products must not vanish.
        double most = 0;
        for (const double entry : turn) most = std::max(most, std::abs(entry));
        for (double& entry : turn) entry /= most > 0 ? most : 1;
        Transform(turn, {0, 0, 0}, directions);
      }
      has_normals &= !directions.empty() && MakeUnit(directions);
      positions.insert(positions.end(), places.begin(), places.end());
      normals.insert(normals.end(), directions.begin(), directions.end());
    }
  }
  Mesh mesh = {.vertices = FloatRows(positions, 3),
               .triangles = topology->triangles,
               .uvs = topology->uvs,
               .uv_triangles = topology->uv_triangles};
  if (has_normals && normals.size() == positions.size()) {
    mesh.normals = FloatRows(normals, 3);
  }
  DG4D_RETURN_IF_ERROR(CheckMesh(mesh));
  if (options_.textures && topology->image >= 0) {
    DG4D_ASSIGN_OR_RETURN(mesh.albedo, ImageOf(topology->image));
  }
  return mesh;
}

absl::StatusOr<GltfMeshes> Reader::Read() {
  DG4D_RETURN_IF_ERROR(CheckExtensions());
  DG4D_ASSIGN_OR_RETURN(const GltfPoses poses,
                        GltfPoses::Parse(file_, options_.fps));
  GltfMeshes read = {.fps = poses.fps(), .notes = poses.notes()};
  for (const double seconds : poses.Times()) {
    const std::vector<GltfInstance> instances = poses.At(seconds);
    if (instances.empty()) {
      return absl::InvalidArgumentError(
          poses.Times().size() == 1
              ? "it shows no mesh"
              : absl::StrCat("it shows no mesh at ", seconds, " s"));
    }
    DG4D_ASSIGN_OR_RETURN(Mesh mesh, MeshOf(instances));
    if (!read.meshes.empty() && HaveOneTopology({read.meshes[0], mesh})) {
      mesh.triangles = read.meshes[0].triangles;
      mesh.uvs = read.meshes[0].uvs;
      mesh.uv_triangles = read.meshes[0].uv_triangles;
    }
    read.meshes.push_back(std::move(mesh));
  }
  read.notes.insert(read.notes.end(), notes_.begin(), notes_.end());
  return read;
}

}  // namespace

absl::StatusOr<GltfMeshes> DecodeGltfMeshes(absl::string_view bytes,
                                            const std::string& name,
                                            const GltfMeshesOptions& options) {
  const auto decode = [&]() -> absl::StatusOr<GltfMeshes> {
    DG4D_ASSIGN_OR_RETURN(const GlbFile file, GlbFile::Parse(bytes));
    return Reader(file, bytes.size(), options).Read();
  };
  absl::StatusOr<GltfMeshes> meshes = decode();
  if (meshes.ok()) return meshes;
  return absl::Status(
      meshes.status().code(),
      absl::StrCat(name, " cannot be read: ", meshes.status().message()));
}

}  // namespace dg4d
