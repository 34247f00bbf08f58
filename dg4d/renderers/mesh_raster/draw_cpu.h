#ifndef DG4D_RENDERERS_MESH_RASTER_DRAW_CPU_H_
#define DG4D_RENDERERS_MESH_RASTER_DRAW_CPU_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_antialias.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_texture.h"
#include "dg4d/renderers/mesh_raster/drawing.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::mesh_raster_renderer {

// Private to the plugin: the steps of the mesh kernels as one drawing.

inline at::Tensor FindNeighborsOnCpu(const at::Tensor& triangles,
                                     int64_t vertex_count) {
  at::Tensor neighbors = at::empty_like(triangles);
  FindMeshNeighborsCpu(triangles.const_data_ptr<int32_t>(), triangles.size(0),
                       vertex_count, neighbors.mutable_data_ptr<int32_t>());
  return neighbors;
}

// Pixels are rows here: [B, H, W, channels].
template <typename Real>
class CpuDrawing final : public Drawing<Real> {
 public:
  using Drawing<Real>::settings;
  using Drawing<Real>::topology;
  using Drawing<Real>::mesh_of_image;

  Images Draw(const at::Tensor& vertices, const at::Tensor& uvs,
              const at::Tensor& texture,
              const at::Tensor& background) override {
    SetSizes(vertices);
    const auto options = vertices.options();
    positions_ = at::empty({images_, vertex_count_, 3}, options);
    ProjectMeshCpu(Projection(vertices), Write(positions_));

    triangle_ids_ = Pixels({}, options.dtype(at::kInt));
    depth_ = Pixels({}, options);
    barycentrics_ = Pixels({2}, options);
    if (settings.mip_map) slopes_ = Pixels({2, 2}, options);
    RasterizeMeshCpu<Real>(
        Geometry(), triangle_ids_.template mutable_data_ptr<int32_t>(),
        {Write(barycentrics_), Write(slopes_), Write(depth_)});

    uv_ = Pixels({2}, options);
    if (settings.mip_map) uv_slopes_ = Pixels({2, 2}, options);
    InterpolateMeshCpu(Geometry(), Ids(), Fragments(), Uvs(uvs), Write(uv_),
                       Write(uv_slopes_));

    const int64_t channels = texture.size(3);
    if (settings.mip_map) {
      mips_ =
          at::empty({texture.size(0),
                     MeshMipTexels(texture.size(1), texture.size(2)), channels},
                    options);
      BuildMeshMipsCpu(Texture(texture), Write(mips_));
    }
    const at::Tensor colors = Pixels({channels}, options);
    SampleMeshTextureCpu(Texture(texture), Lookups(), Write(colors));
    composite_ = Pixels({channels + 1}, options);
    Composite(Read(colors), Read(background), channels, Write(composite_));
    at::Tensor smooth = composite_;
    if (settings.antialias) {
      weights_ = Pixels({2}, options);
      smooth = Pixels({channels + 1}, options);
      AntialiasMeshCpu(Geometry(), Silhouettes(), channels + 1,
                       Read(composite_), Write(weights_), Write(smooth));
    }
    return {.rgb = ToPlanes(smooth, 0, channels),
            .alpha = ToPlanes(smooth, channels, 1),
            .depth = ToPlanes(depth_.unsqueeze(3), 0, 1),
            .triangle_ids = triangle_ids_,
            .uv = ToPlanes(uv_, 0, 2),
            .normals = Normals(vertices)};
  }

  void Backward(const at::Tensor& vertices, const at::Tensor& uvs,
                const at::Tensor& texture, const at::Tensor&,
                const ImageGradients& images,
                const InputGradients& wanted) const override {
    const auto options = vertices.options();
    const int64_t channels = texture.size(3);
    const bool moves = wanted.vertices.defined();
    at::Tensor composite_gradients = Pixels({channels + 1}, options);
    at::Tensor silhouette_gradients;
    {
      const at::Tensor smooth_gradients = settings.antialias
                                              ? Pixels({channels + 1}, options)
                                              : composite_gradients;
      FromPlanes(images.rgb, smooth_gradients, 0, channels);
      FromPlanes(images.alpha, smooth_gradients, channels, 1);
      if (settings.antialias) {
        if (moves) silhouette_gradients = at::empty_like(positions_);
        AntialiasMeshVjpCpu(Geometry(), Silhouettes(), channels + 1,
                            Read(composite_), Read(weights_),
                            Read(smooth_gradients), Write(composite_gradients),
                            Write(silhouette_gradients));
      }
    }
    const at::Tensor color_gradients = Pixels({channels}, options);
    CompositeVjp(Read(composite_gradients), channels, Write(color_gradients),
                 Write(wanted.background));

    const bool shades = moves || wanted.uvs.defined();
    if (!shades && !wanted.texture.defined()) return;
    at::Tensor uv_gradients, uv_slope_gradients;
    if (shades) {
      uv_gradients = Pixels({2}, options);
      if (settings.mip_map) uv_slope_gradients = Pixels({2, 2}, options);
    }
    SampleMeshTextureVjpCpu(Texture(texture), Lookups(), Read(color_gradients),
                            Write(wanted.texture), Write(uv_gradients),
                            Write(uv_slope_gradients));
    if (!shades) return;
    at::Tensor barycentric_gradients, slope_gradients;
    if (moves) {
      barycentric_gradients = Pixels({2}, options);
      if (settings.mip_map) slope_gradients = Pixels({2, 2}, options);
    }
    InterpolateMeshVjpCpu<Real>(
        Geometry(), Ids(), Fragments(), Uvs(uvs), Read(uv_gradients),
        Read(uv_slope_gradients), Write(wanted.uvs),
        {Write(barycentric_gradients), Write(slope_gradients)});
    if (!moves) return;
    const at::Tensor depth_gradients =
        images.depth.defined() ? images.depth.contiguous() : images.depth;
    const at::Tensor position_gradients = at::empty_like(positions_);
    RasterizeMeshVjpCpu<Real>(Geometry(), Ids(),
                              {Read(barycentric_gradients),
                               Read(slope_gradients), Read(depth_gradients)},
                              Write(position_gradients));
    if (settings.antialias) position_gradients.add_(silhouette_gradients);
    ProjectMeshVjpCpu(Projection(vertices), Read(position_gradients),
                      Write(wanted.vertices));
  }

 private:
  static const Real* Read(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.const_data_ptr<Real>() : nullptr;
  }
  static Real* Write(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr<Real>() : nullptr;
  }

  // Of the smooth surface, [B, 3, H, W].
  at::Tensor Normals(const at::Tensor& vertices) const {
    std::vector<at::Tensor> normals;
    for (int64_t m = 0; m < vertices.size(0); ++m) {
      normals.push_back(VertexNormals(vertices[m], topology.triangles));
    }
    const at::Tensor rows = Interpolate(at::stack(normals));
    Normalize(rows);
    return ToPlanes(rows, 0, 3);
  }

  // Per-vertex `values` [M, V, K] at each pixel [B, H, W, K].
  at::Tensor Interpolate(const at::Tensor& values) const {
    const at::Tensor result = Pixels({values.size(2)}, values.options());
    InterpolateMeshCpu<Real>(Geometry(), Ids(), Fragments(),
                             {.sets = values.size(0),
                              .rows = values.size(1),
                              .channels = values.size(2),
                              .values = Read(values),
                              .triangles = Indices(topology.triangles),
                              .set_of_image = mesh_of_image.data()},
                             Write(result), nullptr);
    return result;
  }

  // Unit vectors along `rows` [B, H, W, 3]; 0 stays 0.
  void Normalize(const at::Tensor& rows) const {
    Real* values = Write(rows);
    ForEachImageRow([&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Real* v = values + 3 * i;
        const Real length = std::hypot(v[0], v[1], v[2]);
        for (int c = 0; length > 0 && c < 3; ++c) v[c] /= length;
      }
    });
  }

  // Channels [first, first + count) of `rows` [B, H, W, K] as planes
  // [B, count, H, W].
  at::Tensor ToPlanes(const at::Tensor& rows, int64_t first,
                      int64_t count) const {
    const int64_t stride = rows.size(3);
    at::Tensor planes = at::empty(
        {images_, count, settings.height, settings.width}, rows.options());
    const Real* in = Read(rows) + first;
    Real* out = Write(planes);
    ForEachImageRow([&](int64_t image, int64_t begin, int64_t end) {
      for (int64_t c = 0; c < count; ++c) {
        Real* plane = out + (image * count + c - image) * plane_size();
        for (int64_t i = begin; i < end; ++i) plane[i] = in[i * stride + c];
      }
    });
    return planes;
  }

  static const int32_t* Indices(const at::Tensor& tensor) {
    return tensor.const_data_ptr<int32_t>();
  }

  void SetSizes(const at::Tensor& vertices) {
    images_ = static_cast<int64_t>(mesh_of_image.size());
    vertex_count_ = vertices.size(1);
  }

  int64_t plane_size() const {
    return int64_t{settings.width} * settings.height;
  }

  at::Tensor Pixels(std::vector<int64_t> channels,
                    const at::TensorOptions& options) const {
    std::vector<int64_t> sizes = {images_, settings.height, settings.width};
    sizes.insert(sizes.end(), channels.begin(), channels.end());
    return at::empty(sizes, options);
  }

  // Calls `body(image, first pixel, end pixel)` for the rows of all images.
  template <typename Body>
  void ForEachImageRow(Body body) const {
    ParallelFor(images_ * settings.height, 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        body(row / settings.height, row * settings.width,
             (row + 1) * settings.width);
      }
    });
  }

  // The inverse of ToPlanes; undefined planes count as zero.
  void FromPlanes(const at::Tensor& planes, const at::Tensor& rows,
                  int64_t first, int64_t count) const {
    const int64_t stride = rows.size(3);
    const at::Tensor dense = planes.defined() ? planes.contiguous() : planes;
    const Real* in = Read(dense);
    Real* out = Write(rows) + first;
    ForEachImageRow([&](int64_t image, int64_t begin, int64_t end) {
      for (int64_t c = 0; c < count; ++c) {
        const int64_t offset = (image * count + c - image) * plane_size();
        for (int64_t i = begin; i < end; ++i) {
          out[i * stride + c] = in == nullptr ? Real(0) : in[offset + i];
        }
      }
    });
  }

  void Composite(const Real* colors, const Real* background, int64_t channels,
                 Real* composite) const {
    const int32_t* ids = Ids();
    ForEachImageRow([&](int64_t image, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const bool hit = ids[i] >= 0;
        const Real* color =
            hit ? colors + i * channels : background + image * channels;
        Real* out = composite + i * (channels + 1);
        std::copy_n(color, channels, out);
        out[channels] = hit ? Real(1) : Real(0);
      }
    });
  }

  void CompositeVjp(const Real* composite_gradients, int64_t channels,
                    Real* color_gradients, Real* background_gradients) const {
    const int32_t* ids = Ids();
    ParallelFor(images_, 1, [&](int64_t first_image, int64_t end_image) {
      for (int64_t image = first_image; image < end_image; ++image) {
        std::vector<double> sums(channels, 0.0);
        const int64_t begin = image * plane_size();
        for (int64_t i = begin; i < begin + plane_size(); ++i) {
          const Real* in = composite_gradients + i * (channels + 1);
          const bool hit = ids[i] >= 0;
          for (int64_t c = 0; c < channels; ++c) {
            color_gradients[i * channels + c] = hit ? in[c] : Real(0);
            if (!hit) sums[c] += in[c];
          }
        }
        if (background_gradients == nullptr) continue;
        std::copy(sums.begin(), sums.end(),
                  background_gradients + image * channels);
      }
    });
  }

  MeshProjection<Real> Projection(const at::Tensor& vertices) const {
    return {.meshes = vertices.size(0),
            .vertex_count = vertex_count_,
            .images = images_,
            .width = settings.width,
            .height = settings.height,
            .vertices = Read(vertices),
            .mesh_of_image = mesh_of_image.data(),
            .view_from_world = this->view_from_world.data(),
            .focal_lengths = this->focal_lengths.data()};
  }

  MeshGeometry<Real> Geometry() const {
    return {.images = images_,
            .vertex_count = vertex_count_,
            .triangle_count = topology.triangles.size(0),
            .width = settings.width,
            .height = settings.height,
            .positions = Read(positions_),
            .triangles = Indices(topology.triangles),
            .near = Real(settings.near),
            .far = Real(settings.far)};
  }

  const int32_t* Ids() const { return Indices(triangle_ids_); }

  MeshFragments<const Real> Fragments() const {
    return {Read(barycentrics_), Read(slopes_), Read(depth_)};
  }

  MeshAttributes<Real> Uvs(const at::Tensor& uvs) const {
    return {.sets = 1,
            .rows = uvs.size(0),
            .channels = 2,
            .values = Read(uvs),
            .triangles = Indices(topology.uv_triangles)};
  }

  MeshTexture<Real> Texture(const at::Tensor& texture) const {
    return {
        .sets = texture.size(0),
        .height = static_cast<int>(texture.size(1)),
        .width = static_cast<int>(texture.size(2)),
        .channels = static_cast<int>(texture.size(3)),
        .texels = Read(texture),
        .mips = Read(mips_),
        .set_of_image = texture.size(0) == 1 ? nullptr : mesh_of_image.data(),
        .wrap = settings.wrap};
  }

  MeshLookups<Real> Lookups() const {
    return {.images = images_,
            .width = settings.width,
            .height = settings.height,
            .triangle_ids = Ids(),
            .uv = Read(uv_),
            .uv_derivatives = Read(uv_slopes_)};
  }

  MeshSilhouettes<Real> Silhouettes() const {
    return {Ids(), Read(depth_), Indices(topology.neighbors)};
  }

  int64_t images_ = 0;
  int64_t vertex_count_ = 0;
  at::Tensor positions_;     // [B, V, 3]
  at::Tensor triangle_ids_;  // [B, H, W] int32
  at::Tensor depth_;         // [B, H, W]
  at::Tensor uv_;            // [B, H, W, 2]
  at::Tensor barycentrics_;  // [B, H, W, 2]
  at::Tensor slopes_;        // [B, H, W, 2, 2], of the barycentrics
  at::Tensor uv_slopes_;     // [B, H, W, 2, 2]
  at::Tensor mips_;          // [R, mip texels, C]
  at::Tensor composite_;     // [B, H, W, C + 1]
  at::Tensor weights_;       // [B, H, W, 2]
};

}  // namespace dg4d::mesh_raster_renderer

#endif  // DG4D_RENDERERS_MESH_RASTER_DRAW_CPU_H_
