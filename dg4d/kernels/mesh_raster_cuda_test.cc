// The CUDA twins of the mesh kernels against the CPU.

#include "dg4d/kernels/mesh_raster_cuda.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "dg4d/kernels/mesh_test_shapes.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using mesh_test::Cameras;
using mesh_test::Noise;
using mesh_test::Shape;

// An array in the device's memory; poisoned where it has no values yet.
template <typename T>
class Device {
 public:
  explicit Device(size_t count) : count_(count) {
    EXPECT_EQ(cudaMalloc(&data_, std::max<size_t>(count, 1) * sizeof(T)),
              cudaSuccess);
    cudaMemset(data_, 0xff, count * sizeof(T));
  }
  explicit Device(const std::vector<T>& values) : Device(values.size()) {
    cudaMemcpy(data_, values.data(), count_ * sizeof(T),
               cudaMemcpyHostToDevice);
  }
  Device(const Device&) = delete;
  ~Device() { cudaFree(data_); }

  T* get() const { return data_; }
  std::vector<T> Host() const {
    std::vector<T> values(count_);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, count_ * sizeof(T),
                         cudaMemcpyDeviceToHost),
              cudaSuccess);
    return values;
  }

 private:
  const size_t count_;
  T* data_ = nullptr;
};

// |actual - expected| / |expected|; infinite where a number is not finite.
template <typename Real>
double RelativeError(const std::vector<Real>& actual,
                     const std::vector<Real>& expected) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double d = double(actual[i]) - double(expected[i]);
    difference += d * d;
    norm += double(expected[i]) * double(expected[i]);
  }
  if (!std::isfinite(difference)) return difference;
  return std::sqrt(difference / std::max(norm, 1e-30));
}

template <typename Real>
constexpr double kTolerance = sizeof(Real) == 4 ? 2e-5 : 1e-11;

template <typename Real>
void ExpectSeenAlike(const MeshGeometry<Real>& geometry) {
  const int64_t pixels = geometry.images * geometry.height * geometry.width;
  std::vector<int32_t> ids(pixels);
  std::vector<Real> barycentrics(2 * pixels), slopes(4 * pixels), depth(pixels);
  RasterizeMeshCpu<Real>(geometry, ids.data(),
                         {barycentrics.data(), slopes.data(), depth.data()});
  const Device<Real> positions(std::vector<Real>(
      geometry.positions,
      geometry.positions + 3 * geometry.images * geometry.vertex_count));
  const Device<int32_t> triangles(std::vector<int32_t>(
      geometry.triangles, geometry.triangles + 3 * geometry.triangle_count));
  MeshGeometry<Real> on_device = geometry;
  on_device.positions = positions.get();
  on_device.triangles = triangles.get();
  const Device<char> workspace(
      RasterizeMeshWorkspaceBytes(geometry.images, geometry.triangle_count,
                                  geometry.width, geometry.height));
  const Device<int32_t> device_ids(pixels);
  const Device<Real> device_barycentrics(2 * pixels), device_slopes(4 * pixels),
      device_depth(pixels);
  const absl::Status status = RasterizeMeshCuda<Real>(
      on_device, device_ids.get(),
      {device_barycentrics.get(), device_slopes.get(), device_depth.get()},
      workspace.get(), nullptr);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(device_ids.Host(), ids);
  EXPECT_LT(RelativeError(device_barycentrics.Host(), barycentrics),
            kTolerance<Real>);
  EXPECT_LT(RelativeError(device_slopes.Host(), slopes), kTolerance<Real>);
  EXPECT_LT(RelativeError(device_depth.Host(), depth), kTolerance<Real>);
}

template <typename Real>
class MeshRasterCuda : public CudaTest {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(MeshRasterCuda, Reals);

// Triangles of all sizes, some behind the camera, some through it.
template <typename Real>
void ExpectRandomTrianglesSeenAlike(int width, int height, int count,
                                    double spread) {
  std::vector<Real> positions;
  std::vector<int32_t> triangles;
  const std::vector<double> noise = Noise(12 * count, count);
  for (int t = 0; t < count; ++t) {
    const double* n = noise.data() + 12 * t;
    for (int k = 0; k < 3; ++k) {
      const double z = 1 + 1.5 * n[9] + 0.5 * n[3 * k + 2];
      const double size = spread * std::abs(n[11] * n[11] * n[11]);
      const double x = width * (0.5 + 0.6 * n[10] + size * n[3 * k]);
      const double y = height * (0.5 + 0.6 * n[11] + size * n[3 * k + 1]);
      positions.insert(positions.end(), {Real(x * z), Real(y * z), Real(z)});
      triangles.push_back(3 * t + k);
    }
  }
  ExpectSeenAlike<Real>({.images = 1,
                         .vertex_count = 3 * count,
                         .triangle_count = count,
                         .width = width,
                         .height = height,
                         .positions = positions.data(),
                         .triangles = triangles.data()});
}

TYPED_TEST(MeshRasterCuda, SeesTrianglesOfAllSizesAsTheCpu) {
  ExpectRandomTrianglesSeenAlike<TypeParam>(200, 150, 3000, 1);
  ExpectRandomTrianglesSeenAlike<TypeParam>(33, 65, 2000, 20);
}

TYPED_TEST(MeshRasterCuda, SeesOnePixel) {
  ExpectRandomTrianglesSeenAlike<TypeParam>(1, 1, 300, 3);
}

TYPED_TEST(MeshRasterCuda, SeesLargeImages) {
  ExpectRandomTrianglesSeenAlike<TypeParam>(4096, 4096, 60, 1);
}

TYPED_TEST(MeshRasterCuda, SeesNothingOfEmptyAndBrokenMeshes) {
  using Real = TypeParam;
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  const Real huge = std::numeric_limits<Real>::max();
  const std::vector<Real> positions = {4,   4, 1, 20, 4,  1, 4,    20,   1,
                                       nan, 1, 1, 12, 12, 1, huge, huge, 1};
  const std::vector<int32_t> triangles = {0, 1, 3, 0, 1, 1, 0, 0, 0,
                                          0, 4, 4, 1, 4, 2, 0, 1, 5};
  MeshGeometry<Real> geometry = {.images = 1,
                                 .vertex_count = 6,
                                 .triangle_count = 6,
                                 .width = 24,
                                 .height = 20,
                                 .positions = positions.data(),
                                 .triangles = triangles.data()};
  ExpectSeenAlike<Real>(geometry);
  geometry.triangle_count = 0;
  ExpectSeenAlike<Real>(geometry);
}

TYPED_TEST(MeshRasterCuda, SeesTheFirstOfEqualTrianglesAndEachEdgeOnce) {
  using Real = TypeParam;
  // Edges through pixel centres, each triangle twice.
  std::vector<Real> positions;
  for (int i = 0; i < 9; ++i) {
    for (int j = 0; j < 9; ++j) {
      positions.insert(positions.end(),
                       {Real(4 * j + 0.5), Real(4 * i + 0.5), Real(1)});
    }
  }
  std::vector<int32_t> triangles;
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (int i = 0; i < 8; ++i) {
      for (int j = 0; j < 8; ++j) {
        const int a = 9 * i + j;
        triangles.insert(triangles.end(),
                         {a, a + 9, a + 1, a + 1, a + 9, a + 10});
      }
    }
  }
  ExpectSeenAlike<Real>({.images = 1,
                         .vertex_count = 81,
                         .triangle_count = int64_t(triangles.size()) / 3,
                         .width = 34,
                         .height = 34,
                         .positions = positions.data(),
                         .triangles = triangles.data()});
}

// All steps and their gradients, of two meshes seen by three cameras.
TYPED_TEST(MeshRasterCuda, HasTheStepsAndGradientsOfTheCpu) {
  using Real = TypeParam;
  constexpr int kMeshes = 2, kImages = 3, kSide = 64, kChannels = 3;
  Shape<Real> shape = mesh_test::Sphere<Real>(24, 20, Real(0.6));
  const int64_t rows = shape.vertex_count(), faces = shape.triangle_count();
  const std::vector<Real> jitter = Noise<Real>(6 * rows, 5);
  std::vector<Real> vertices = shape.vertices;
  vertices.insert(vertices.end(), shape.vertices.begin(), shape.vertices.end());
  for (int64_t i = 0; i < 6 * rows; ++i) vertices[i] += Real(0.03) * jitter[i];
  const Cameras<Real> cameras(kImages, 90, 70, Real(2), Real(80), Real(0.7),
                              kMeshes);
  const int64_t pixels = int64_t{kImages} * 90 * 70;
  const int64_t position_size = 3 * rows * kImages;
  const MeshProjection<Real> projection = cameras.Projection(vertices, kMeshes);
  const Device<Real> d_vertices(vertices), d_views(cameras.view_from_world),
      d_focals(cameras.focal_lengths), d_positions(position_size);
  const Device<int64_t> d_meshes(cameras.mesh_of_image);
  MeshProjection<Real> d_projection = projection;
  d_projection.vertices = d_vertices.get();
  d_projection.mesh_of_image = d_meshes.get();
  d_projection.view_from_world = d_views.get();
  d_projection.focal_lengths = d_focals.get();
  const auto ok = [](const absl::Status& s) { ASSERT_TRUE(s.ok()) << s; };
  std::vector<Real> positions = cameras.Project(vertices, kMeshes);
  ok(ProjectMeshCuda(d_projection, d_positions.get(), nullptr));
  EXPECT_LT(RelativeError(d_positions.Host(), positions), kTolerance<Real>);
  // From here on of the same positions, as their last bits decide on pixels.
  cudaMemcpy(d_positions.get(), positions.data(), position_size * sizeof(Real),
             cudaMemcpyHostToDevice);

  const MeshGeometry<Real> geometry =
      cameras.Geometry(positions, shape.triangles);
  const Device<int32_t> d_triangles(shape.triangles),
      d_uv_triangles(shape.uv_triangles);
  MeshGeometry<Real> d_geometry = geometry;
  d_geometry.positions = d_positions.get();
  d_geometry.triangles = d_triangles.get();
  std::vector<int32_t> ids(pixels);
  std::vector<Real> weights2(2 * pixels), slopes(4 * pixels), depth(pixels);
  RasterizeMeshCpu<Real>(geometry, ids.data(),
                         {weights2.data(), slopes.data(), depth.data()});
  ExpectSeenAlike(geometry);
  const Device<int32_t> d_ids(ids);
  const Device<Real> d_weights2(weights2), d_slopes(slopes), d_depth(depth);
  const MeshFragments<const Real> fragments = {weights2.data(), slopes.data(),
                                               depth.data()};
  const MeshFragments<const Real> d_fragments = {d_weights2.get(),
                                                 d_slopes.get(), d_depth.get()};

  const int64_t uv_rows = shape.uvs.size() / 2;
  const Device<Real> d_uvs(shape.uvs);
  const MeshAttributes<Real> uvs = {.sets = 1,
                                    .rows = uv_rows,
                                    .channels = 2,
                                    .values = shape.uvs.data(),
                                    .triangles = shape.uv_triangles.data()};
  MeshAttributes<Real> on_device_uvs = uvs;
  on_device_uvs.values = d_uvs.get();
  on_device_uvs.triangles = d_uv_triangles.get();
  std::vector<Real> uv(2 * pixels), uv_slopes(4 * pixels);
  InterpolateMeshCpu(geometry, ids.data(), fragments, uvs, uv.data(),
                     uv_slopes.data());
  const Device<Real> o_uv(2 * pixels), o_uv_slopes(4 * pixels);
  ok(InterpolateMeshCuda(d_geometry, d_ids.get(), d_fragments, on_device_uvs,
                         o_uv.get(), o_uv_slopes.get(), nullptr));
  EXPECT_LT(RelativeError(o_uv.Host(), uv), kTolerance<Real>);
  EXPECT_LT(RelativeError(o_uv_slopes.Host(), uv_slopes), kTolerance<Real>);

  const std::vector<Real> texels =
      Noise<Real>(kMeshes * kSide * kSide * kChannels, 1);
  const int64_t mip_size = kMeshes * kChannels * MeshMipTexels(kSide, kSide);
  std::vector<Real> mips(mip_size);
  const Device<Real> d_texels(texels), d_uv(uv), d_uv_slopes(uv_slopes);
  MeshTexture<Real> texture = {.sets = kMeshes,
                               .height = kSide,
                               .width = kSide,
                               .channels = kChannels,
                               .texels = texels.data(),
                               .set_of_image = cameras.mesh_of_image.data(),
                               .wrap = true};
  MeshTexture<Real> d_texture = texture;
  d_texture.texels = d_texels.get();
  d_texture.set_of_image = d_meshes.get();
  BuildMeshMipsCpu(texture, mips.data());
  const Device<Real> o_mips(mip_size), d_mips(mips);
  ok(BuildMeshMipsCuda(d_texture, o_mips.get(), nullptr));
  EXPECT_LT(RelativeError(o_mips.Host(), mips), kTolerance<Real>);
  texture.mips = mips.data();
  d_texture.mips = d_mips.get();
  const MeshLookups<Real> lookups = {.images = kImages,
                                     .width = 90,
                                     .height = 70,
                                     .triangle_ids = ids.data(),
                                     .uv = uv.data(),
                                     .uv_derivatives = uv_slopes.data()};
  MeshLookups<Real> d_lookups = lookups;
  d_lookups.triangle_ids = d_ids.get();
  d_lookups.uv = d_uv.get();
  d_lookups.uv_derivatives = d_uv_slopes.get();
  const size_t color_size = kChannels * pixels;
  std::vector<Real> colors(color_size);
  SampleMeshTextureCpu(texture, lookups, colors.data());
  const Device<Real> o_colors(color_size), d_colors(colors);
  ok(SampleMeshTextureCuda(d_texture, d_lookups, o_colors.get(), nullptr));
  EXPECT_LT(RelativeError(o_colors.Host(), colors), 10 * kTolerance<Real>);

  std::vector<int32_t> neighbors(3 * faces);
  FindMeshNeighborsCpu(shape.triangles.data(), faces, rows, neighbors.data());
  const Device<int32_t> o_neighbors(3 * faces);
  const Device<char> table(FindMeshNeighborsWorkspaceBytes(faces));
  ok(FindMeshNeighborsCuda(d_triangles.get(), faces, o_neighbors.get(),
                           table.get(), nullptr));
  EXPECT_EQ(o_neighbors.Host(), neighbors);

  const MeshSilhouettes<Real> silhouettes = {ids.data(), depth.data(),
                                             neighbors.data()};
  const MeshSilhouettes<Real> d_silhouettes = {d_ids.get(), d_depth.get(),
                                               o_neighbors.get()};
  std::vector<Real> weights(2 * pixels), smooth(color_size);
  AntialiasMeshCpu(geometry, silhouettes, kChannels, colors.data(),
                   weights.data(), smooth.data());
  const Device<Real> o_weights(2 * pixels), o_smooth(color_size);
  ok(AntialiasMeshCuda(d_geometry, d_silhouettes, kChannels, d_colors.get(),
                       o_weights.get(), o_smooth.get(), nullptr));
  EXPECT_LT(RelativeError(o_weights.Host(), weights), kTolerance<Real>);
  EXPECT_LT(RelativeError(o_smooth.Host(), smooth), kTolerance<Real>);

  const std::vector<Real> upstream = Noise<Real>(color_size, 3);
  const Device<Real> d_upstream(upstream), o_color_gradients(color_size),
      o_silhouette_gradients(position_size);
  std::vector<Real> color_gradients(color_size),
      silhouette_gradients(position_size);
  AntialiasMeshVjpCpu(geometry, silhouettes, kChannels, colors.data(),
                      weights.data(), upstream.data(), color_gradients.data(),
                      silhouette_gradients.data());
  ok(AntialiasMeshVjpCuda(d_geometry, d_silhouettes, kChannels, d_colors.get(),
                          o_weights.get(), d_upstream.get(),
                          o_color_gradients.get(), o_silhouette_gradients.get(),
                          nullptr));
  EXPECT_LT(RelativeError(o_color_gradients.Host(), color_gradients),
            kTolerance<Real>);
  EXPECT_LT(RelativeError(o_silhouette_gradients.Host(), silhouette_gradients),
            10 * kTolerance<Real>);

  std::vector<Real> texel_gradients(texels.size()), uv_gradients(2 * pixels),
      uv_slope_gradients(4 * pixels);
  SampleMeshTextureVjpCpu(texture, lookups, upstream.data(),
                          texel_gradients.data(), uv_gradients.data(),
                          uv_slope_gradients.data());
  const Device<Real> o_texel_gradients(texels.size()),
      o_uv_gradients(2 * pixels), o_uv_slope_gradients(4 * pixels),
      o_mip_gradients(mip_size);
  ok(SampleMeshTextureVjpCuda(d_texture, d_lookups, d_upstream.get(),
                              o_texel_gradients.get(), o_uv_gradients.get(),
                              o_uv_slope_gradients.get(), o_mip_gradients.get(),
                              nullptr));
  EXPECT_LT(RelativeError(o_texel_gradients.Host(), texel_gradients),
            10 * kTolerance<Real>);
  EXPECT_LT(RelativeError(o_uv_gradients.Host(), uv_gradients),
            10 * kTolerance<Real>);
  EXPECT_LT(RelativeError(o_uv_slope_gradients.Host(), uv_slope_gradients),
            10 * kTolerance<Real>);

  std::vector<Real> attribute_gradients(shape.uvs.size()),
      weight2_gradients(2 * pixels), slope_gradients(4 * pixels);
  InterpolateMeshVjpCpu<Real>(
      geometry, ids.data(), fragments, uvs, uv_gradients.data(),
      uv_slope_gradients.data(), attribute_gradients.data(),
      {weight2_gradients.data(), slope_gradients.data()});
  const Device<Real> d_uv_gradients(uv_gradients),
      d_uv_slope_gradients(uv_slope_gradients),
      o_attribute_gradients(shape.uvs.size()), o_weight2_gradients(2 * pixels),
      o_slope_gradients(4 * pixels);
  ok(InterpolateMeshVjpCuda<Real>(
      d_geometry, d_ids.get(), d_fragments, on_device_uvs, d_uv_gradients.get(),
      d_uv_slope_gradients.get(), o_attribute_gradients.get(),
      {o_weight2_gradients.get(), o_slope_gradients.get()}, nullptr));
  EXPECT_LT(RelativeError(o_attribute_gradients.Host(), attribute_gradients),
            10 * kTolerance<Real>);
  EXPECT_LT(RelativeError(o_weight2_gradients.Host(), weight2_gradients),
            kTolerance<Real>);
  EXPECT_LT(RelativeError(o_slope_gradients.Host(), slope_gradients),
            kTolerance<Real>);

  std::vector<Real> position_gradients(position_size),
      vertex_gradients(vertices.size());
  RasterizeMeshVjpCpu<Real>(geometry, ids.data(),
                            {weight2_gradients.data(), slope_gradients.data()},
                            position_gradients.data());
  ProjectMeshVjpCpu(projection, position_gradients.data(),
                    vertex_gradients.data());
  const Device<Real> d_weight2_gradients(weight2_gradients),
      d_slope_gradients(slope_gradients), o_position_gradients(position_size),
      d_position_gradients(position_gradients),
      o_vertex_gradients(vertices.size());
  ok(RasterizeMeshVjpCuda<Real>(
      d_geometry, d_ids.get(),
      {d_weight2_gradients.get(), d_slope_gradients.get()},
      o_position_gradients.get(), nullptr));
  ok(ProjectMeshVjpCuda(d_projection, d_position_gradients.get(),
                        o_vertex_gradients.get(), nullptr));
  EXPECT_LT(RelativeError(o_position_gradients.Host(), position_gradients),
            10 * kTolerance<Real>);
  EXPECT_LT(RelativeError(o_vertex_gradients.Host(), vertex_gradients),
            10 * kTolerance<Real>);
}

// Alphas are equal: each sample hits what it hits on the CPU.
template <typename Real>
void ExpectCoveredAlike(const MeshCoverageInputs<Real>& inputs, int64_t uv_rows,
                        int64_t sets) {
  const MeshGeometry<Real>& geometry = inputs.geometry;
  const int64_t pixels = geometry.images * geometry.height * geometry.width;
  std::vector<Real> rgba(4 * pixels), depth(pixels);
  RenderMeshCoverageCpu(inputs, rgba.data(), depth.data());

  const auto copy = [](const auto* values, int64_t count) {
    using T = std::remove_cvref_t<decltype(*values)>;
    return values == nullptr ? std::vector<T>()
                             : std::vector<T>(values, values + count);
  };
  const auto or_null = [](const auto* values, const auto& device) {
    return values == nullptr ? nullptr : device.get();
  };
  const int64_t corners = 3 * geometry.triangle_count;
  const Device positions(
      copy(geometry.positions, 3 * geometry.images * geometry.vertex_count));
  const Device triangles(copy(geometry.triangles, corners));
  const Device colors(copy(inputs.corner_colors, 3 * corners));
  const Device uv_triangles(copy(inputs.uv_triangles, corners));
  const Device uvs(copy(inputs.uvs, 2 * uv_rows));
  const Device layer_of_uv(copy(inputs.layer_of_uv, uv_rows));
  const Device layers(
      copy(inputs.layers, sets * inputs.layer_count * inputs.layer_height *
                              inputs.layer_width * 3));
  const Device set_of_image(copy(inputs.set_of_image, geometry.images));
  MeshCoverageInputs<Real> on_device = inputs;
  on_device.geometry.positions = positions.get();
  on_device.geometry.triangles = triangles.get();
  on_device.corner_colors = or_null(inputs.corner_colors, colors);
  on_device.uv_triangles = uv_triangles.get();
  on_device.uvs = uvs.get();
  on_device.layer_of_uv = or_null(inputs.layer_of_uv, layer_of_uv);
  on_device.layers = layers.get();
  on_device.set_of_image = or_null(inputs.set_of_image, set_of_image);
  const Device<char> workspace(RenderMeshCoverageWorkspaceBytes(
      geometry.images, geometry.triangle_count, geometry.width, geometry.height,
      inputs.samples));
  const Device<Real> device_rgba(4 * pixels), device_depth(pixels);
  const absl::Status status =
      RenderMeshCoverageCuda(on_device, device_rgba.get(), device_depth.get(),
                             workspace.get(), nullptr);
  ASSERT_TRUE(status.ok()) << status;
  const std::vector<Real> drawn = device_rgba.Host();
  int64_t covered = 0;
  for (int64_t i = 0; i < pixels; ++i) {
    ASSERT_EQ(drawn[4 * i + 3], rgba[4 * i + 3]) << "pixel " << i;
    covered += rgba[4 * i + 3] > 0;
  }
  EXPECT_GT(covered, 0);
  EXPECT_LT(RelativeError(drawn, rgba), kTolerance<Real>);
  EXPECT_LT(RelativeError(device_depth.Host(), depth), kTolerance<Real>);

  // Without depth, and over the first picture.
  ASSERT_TRUE(RenderMeshCoverageCuda<Real>(on_device, device_rgba.get(),
                                           nullptr, workspace.get(), nullptr)
                  .ok());
  EXPECT_EQ(device_rgba.Host(), drawn);
}

TYPED_TEST(MeshRasterCuda, CoversWhatTheCpuCovers) {
  using Real = TypeParam;
  const Shape<Real> shape = mesh_test::Sphere<Real>(40, 26);
  const int64_t uv_rows = static_cast<int64_t>(shape.uvs.size()) / 2;
  const Cameras<Real> cameras(3, 53, 38, 3.0f, 44.0f);
  const std::vector<Real> positions = cameras.Project(shape.vertices);
  const std::vector<Real> texels = Noise<Real>(2 * 2 * 9 * 7 * 3, 5);
  const std::vector<Real> colors = Noise<Real>(3 * shape.triangles.size(), 6);
  const std::vector<int64_t> set_of_image = {1, 0, 1};
  std::vector<int32_t> layer_of_uv(uv_rows);
  for (int64_t i = 0; i < uv_rows; ++i) layer_of_uv[i] = i / 3 % 2;
  const MeshCoverageInputs<Real> textured = {
      .geometry = cameras.Geometry(positions, shape.triangles),
      .uv_triangles = shape.uv_triangles.data(),
      .uvs = shape.uvs.data(),
      .layers = texels.data(),
      .layer_height = 9,
      .layer_width = 7};
  for (const int samples : {1, 3, 5}) {
    for (const bool closed : {false, true}) {
      MeshCoverageInputs<Real> inputs = textured;
      inputs.samples = samples;
      inputs.closed = closed;
      ExpectCoveredAlike(inputs, uv_rows, 1);
    }
  }
  MeshCoverageInputs<Real> layered = textured;
  layered.layer_count = 2;
  layered.layer_of_uv = layer_of_uv.data();
  layered.set_of_image = set_of_image.data();
  ExpectCoveredAlike(layered, uv_rows, 2);
  MeshCoverageInputs<Real> coloured = textured;
  coloured.corner_colors = colors.data();
  ExpectCoveredAlike(coloured, uv_rows, 1);
  // From so near that triangles fill the picture and pass the camera's plane.
  const Cameras<Real> near(2, 70, 50, 1.02f, 20.0f);
  const std::vector<Real> near_positions = near.Project(shape.vertices);
  MeshCoverageInputs<Real> close = textured;
  close.geometry = near.Geometry(near_positions, shape.triangles);
  ExpectCoveredAlike(close, uv_rows, 1);
}

}  // namespace
}  // namespace dg4d
