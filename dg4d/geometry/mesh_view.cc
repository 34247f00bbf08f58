#include "dg4d/geometry/mesh_view.h"

#include "dg4d/kernels/mesh_raster.h"

namespace dg4d {
namespace {

std::vector<float> Homogeneous(const Surface& surface,
                               const Projector& projector) {
  std::vector<float> positions;
  positions.reserve(3 * surface.vertices.size());
  for (const Vec3& vertex : surface.vertices) {
    const Vec3 p = projector.Project(vertex);
    positions.push_back(static_cast<float>(p.x * p.z));
    positions.push_back(static_cast<float>(p.y * p.z));
    positions.push_back(static_cast<float>(p.z));
  }
  return positions;
}

}  // namespace

Projector::Projector(const Camera& camera)
    : camera_from_world_(camera.camera_from_world()),
      position_{camera.position()[0], camera.position()[1],
                camera.position()[2]},
      focal_(camera.focal()),
      center_x_(camera.width / 2.0),
      center_y_(camera.height / 2.0) {}

Vec3 Projector::Project(const Vec3& point) const {
  const auto& m = camera_from_world_;
  const double x = m[0] * point.x + m[1] * point.y + m[2] * point.z + m[3];
  const double y = m[4] * point.x + m[5] * point.y + m[6] * point.z + m[7];
  const double z = m[8] * point.x + m[9] * point.y + m[10] * point.z + m[11];
  return {center_x_ - focal_ * x / z, center_y_ + focal_ * y / z, -z};
}

SurfaceView ViewSurface(const Surface& surface, const Camera& camera) {
  const std::vector<float> positions = Homogeneous(surface, Projector(camera));
  SurfaceView view;
  view.width = camera.width;
  view.height = camera.height;
  view.triangles.resize(size_t(camera.width) * camera.height);
  view.depths.resize(view.triangles.size());
  MeshGeometry<float> geometry;
  geometry.images = 1;
  geometry.vertex_count = static_cast<int64_t>(surface.vertices.size());
  geometry.triangle_count = static_cast<int64_t>(surface.triangles.size());
  geometry.width = camera.width;
  geometry.height = camera.height;
  geometry.positions = positions.data();
  geometry.triangles =
      surface.triangles.empty() ? nullptr : surface.triangles[0].data();
  geometry.near = static_cast<float>(camera.near);
  geometry.far = static_cast<float>(camera.far);
  MeshFragments<float> fragments;
  fragments.depth = view.depths.data();
  RasterizeMeshCpu(geometry, view.triangles.data(), fragments);
  return view;
}

TexelMap MapTexels(const Mesh& mesh, int size) {
  const at::Tensor uvs = mesh.uvs.cpu().to(at::kFloat).contiguous();
  const at::Tensor triangles =
      mesh.uv_triangles.cpu().to(at::kInt).contiguous();
  std::vector<float> positions;
  positions.reserve(3 * uvs.size(0));
  for (int64_t i = 0; i < uvs.size(0); ++i) {
    positions.push_back(uvs.data_ptr<float>()[2 * i] * size);
    positions.push_back(uvs.data_ptr<float>()[2 * i + 1] * size);
    positions.push_back(1);
  }
  TexelMap map;
  map.triangles.resize(size_t(size) * size);
  map.barycentrics.resize(2 * map.triangles.size());
  MeshGeometry<float> geometry;
  geometry.images = 1;
  geometry.vertex_count = uvs.size(0);
  geometry.triangle_count = triangles.size(0);
  geometry.width = size;
  geometry.height = size;
  geometry.positions = positions.data();
  geometry.triangles = triangles.data_ptr<int32_t>();
  MeshFragments<float> fragments;
  fragments.barycentrics = map.barycentrics.data();
  RasterizeMeshCpu(geometry, map.triangles.data(), fragments);
  return map;
}

}  // namespace dg4d
