#include "tools/tests/obj_reader.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/scene/image_io.h"

namespace dg4d {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

absl::StatusOr<Image> ReadTextureOf(const std::string& mtl) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(mtl));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword, name;
    if (words >> keyword >> name && keyword == "map_Kd") {
      return ReadImage(FolderOf(mtl) + name);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(mtl, " has no map_Kd"));
}

template <typename T>
at::Tensor Rows(std::vector<T>& values, int64_t columns, at::ScalarType type) {
  return at::from_blob(values.data(),
                       {static_cast<int64_t>(values.size()) / columns, columns},
                       type)
      .clone();
}

}  // namespace

absl::StatusOr<Mesh> ReadObj(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::vector<float> vertices, uvs;
  std::vector<int32_t> triangles, uv_triangles;
  Mesh mesh;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword;
    words >> keyword;
    float x = 0, y = 0, z = 0;
    if (keyword == "v" && words >> x >> y >> z) {
      vertices.insert(vertices.end(), {x, y, z});
    } else if (keyword == "vt" && words >> x >> y) {
      uvs.insert(uvs.end(), {x, 1 - y});  // v grows upwards in the file
    } else if (keyword == "f") {
      std::string corner;
      int corners = 0, vertex = 0, uv = 0;
      while (words >> corner &&
             std::sscanf(corner.c_str(), "%d/%d", &vertex, &uv) == 2) {
        triangles.push_back(vertex - 1);
        uv_triangles.push_back(uv - 1);
        ++corners;
      }
      if (corners == 3 && words.eof()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": '", line, "' is no textured triangle"));
    } else if (keyword == "mtllib" && words >> keyword) {
      DG4D_ASSIGN_OR_RETURN(mesh.albedo,
                            ReadTextureOf(FolderOf(path) + keyword));
    } else if (keyword != "vn" && keyword != "o" && keyword != "usemtl") {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": what is '", line, "'?"));
    }
  }
  mesh.vertices = Rows(vertices, 3, at::kFloat);
  mesh.triangles = Rows(triangles, 3, at::kInt);
  mesh.uvs = Rows(uvs, 2, at::kFloat);
  mesh.uv_triangles = Rows(uv_triangles, 3, at::kInt);
  DG4D_RETURN_IF_ERROR(Annotate(CheckMesh(mesh), path));
  return mesh;
}

}  // namespace dg4d
