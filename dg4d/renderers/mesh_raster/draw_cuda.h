#ifndef DG4D_RENDERERS_MESH_RASTER_DRAW_CUDA_H_
#define DG4D_RENDERERS_MESH_RASTER_DRAW_CUDA_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/custom_class.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/base/cuda_stream.h"
#include "dg4d/kernels/mesh_picture_cuda.h"
#include "dg4d/kernels/mesh_raster_cuda.h"
#include "dg4d/renderers/mesh_raster/drawing.h"

namespace dg4d::mesh_raster_renderer {

// Private to the plugin: a drawing by the CUDA kernels, on the stream that
// torch works on. Waits for nothing.

inline void CheckCuda(const absl::Status& status) {
  TORCH_CHECK(status.ok(), "mesh_raster: ", status.ToString());
}

inline CUstream_st* StreamOf(c10::Device device) {
  return static_cast<CUstream_st*>(CurrentCudaStream(device));
}

// The triangles beside each of `triangles`, a contiguous CUDA tensor.
inline at::Tensor FindNeighborsOnCuda(const at::Tensor& triangles) {
  const c10::DeviceGuard guard(triangles.device());
  at::Tensor neighbors = at::empty(triangles.sizes(), triangles.options());
  const at::Tensor workspace =
      at::empty({FindMeshNeighborsWorkspaceBytes(triangles.size(0))},
                triangles.options().dtype(at::kByte));
  CheckCuda(FindMeshNeighborsCuda(
      triangles.const_data_ptr<int32_t>(), triangles.size(0),
      neighbors.mutable_data_ptr<int32_t>(), workspace.mutable_data_ptr(),
      StreamOf(triangles.device())));
  // They are kept, and may next be wanted on another stream.
  c10::impl::VirtualGuardImpl(triangles.device().type())
      .getStream(triangles.device())
      .synchronize();
  return neighbors;
}

template <typename Real>
class CudaDrawing final : public Drawing<Real> {
 public:
  using Drawing<Real>::settings;
  using Drawing<Real>::topology;

  Images Draw(const at::Tensor& vertices, const at::Tensor& uvs,
              const at::Tensor& texture,
              const at::Tensor& background) override {
    const c10::DeviceGuard guard(vertices.device());
    CUstream_st* const stream = StreamOf(vertices.device());
    options_ = vertices.options();
    images_ = static_cast<int64_t>(this->mesh_of_image.size());
    Upload();
    positions_ = at::empty({images_, vertices.size(1), 3}, options_);
    CheckCuda(ProjectMeshCuda(Projection(vertices), Write(positions_), stream));

    triangle_ids_ = at::empty({images_, settings.height, settings.width},
                              options_.dtype(at::kInt));
    const MeshGeometry<Real> geometry = Geometry(vertices.size(1));
    {
      const at::Tensor workspace = at::empty(
          {RasterizeMeshWorkspaceBytes(images_, geometry.triangle_count,
                                       settings.width, settings.height)},
          options_.dtype(at::kByte));
      CheckCuda(RasterizeMeshCuda<Real>(
          geometry, triangle_ids_.mutable_data_ptr<int32_t>(), {},
          workspace.mutable_data_ptr(), stream));
    }
    const int64_t channels = texture.size(3);
    if (settings.mip_map) {
      mips_ = at::empty(MipSizes(texture), options_);
      CheckCuda(BuildMeshMipsCuda(Texture(texture), Write(mips_), stream));
    }
    const at::Tensor normal_sums = at::zeros(vertices.sizes(), options_);
    CheckCuda(AddMeshNormalsCuda(
        vertices.size(0), vertices.size(1), geometry.triangle_count,
        Read(vertices), geometry.triangles, Write(normal_sums), stream));

    Images images = {.rgb = Planes(channels),
                     .alpha = Planes(1),
                     .depth = Planes(1),
                     .triangle_ids = triangle_ids_,
                     .uv = Planes(2),
                     .normals = Planes(3)};
    if (settings.antialias) unsmoothed_ = Planes(channels);
    CheckCuda(DrawMeshPictureCuda<Real>(
        Picture(vertices, uvs, texture, background),
        {.sums = Read(normal_sums), .mesh_of_image = MeshesOnDevice()},
        {.rgb = Write(settings.antialias ? unsmoothed_ : images.rgb),
         .alpha = settings.antialias ? nullptr : Write(images.alpha),
         .depth = Write(images.depth),
         .uv = Write(images.uv),
         .normals = Write(images.normals)},
        stream));
    if (settings.antialias) {
      // Not the output itself, which will hold on to what holds this.
      depth_ = images.depth.detach();
      at::Tensor weights =
          at::empty({images_, settings.height, settings.width, 2}, options_);
      CheckCuda(FindMeshSilhouettesCuda(
          Picture(vertices, uvs, texture, background), Write(weights), stream));
      weights_ = weights;
      CheckCuda(SmoothMeshPictureCuda(
          Picture(vertices, uvs, texture, background), Write(images.rgb),
          Write(images.alpha), stream));
    }
    return images;
  }

  void Backward(const at::Tensor& vertices, const at::Tensor& uvs,
                const at::Tensor& texture, const at::Tensor& background,
                const ImageGradients& image_gradients,
                const InputGradients& wanted) const override {
    const c10::DeviceGuard guard(vertices.device());
    CUstream_st* const stream = StreamOf(vertices.device());
    const auto dense = [](const at::Tensor& planes) {
      return planes.defined() ? planes.contiguous() : planes;
    };
    const at::Tensor rgb = dense(image_gradients.rgb);
    const at::Tensor alpha = dense(image_gradients.alpha);
    const at::Tensor depth = dense(image_gradients.depth);
    for (const at::Tensor& gradient :
         {wanted.uvs, wanted.texture, wanted.background}) {
      if (gradient.defined()) gradient.zero_();
    }
    at::Tensor position_gradients, mip_gradients;
    if (wanted.vertices.defined()) {
      position_gradients = at::zeros(positions_.sizes(), options_);
    }
    if (wanted.texture.defined() && settings.mip_map) {
      mip_gradients = at::zeros(MipSizes(texture), options_);
    }
    CheckCuda(DrawMeshPictureVjpCuda<Real>(
        Picture(vertices, uvs, texture, background),
        {.rgb = Read(rgb), .alpha = Read(alpha), .depth = Read(depth)},
        {.positions = Write(position_gradients),
         .uvs = Write(wanted.uvs),
         .texels = Write(wanted.texture),
         .mips = Write(mip_gradients),
         .background = Write(wanted.background)},
        stream));
    if (mip_gradients.defined()) {
      CheckCuda(BuildMeshMipsVjpCuda(Texture(texture), Read(mip_gradients),
                                     Write(wanted.texture), stream));
    }
    if (wanted.vertices.defined()) {
      CheckCuda(ProjectMeshVjpCuda(Projection(vertices),
                                   Read(position_gradients),
                                   Write(wanted.vertices), stream));
    }
  }

 private:
  static const Real* Read(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.const_data_ptr<Real>() : nullptr;
  }
  static Real* Write(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr<Real>() : nullptr;
  }

  at::Tensor Planes(int64_t channels) const {
    return at::empty({images_, channels, settings.height, settings.width},
                     options_);
  }
  static std::vector<int64_t> MipSizes(const at::Tensor& texture) {
    return {texture.size(0), MeshMipTexels(texture.size(1), texture.size(2)),
            texture.size(3)};
  }

  // What describes the images: mesh_of_image, then view_from_world and
  // focal_lengths, in one copy.
  void Upload() {
    const auto bytes_of = [](const auto& values) {
      return static_cast<int64_t>(values.size() * sizeof(values[0]));
    };
    const auto& views = this->view_from_world;
    const auto& focals = this->focal_lengths;
    const auto& meshes = this->mesh_of_image;
    at::Tensor bytes =
        at::empty({bytes_of(meshes) + bytes_of(views) + bytes_of(focals)},
                  at::TensorOptions(at::kByte));
    auto* to = bytes.mutable_data_ptr<uint8_t>();
    std::memcpy(to, meshes.data(), bytes_of(meshes));
    std::memcpy(to += bytes_of(meshes), views.data(), bytes_of(views));
    std::memcpy(to + bytes_of(views), focals.data(), bytes_of(focals));
    cameras_ = bytes.to(options_.device(), /*non_blocking=*/true);
  }
  const int64_t* MeshesOnDevice() const {
    return static_cast<const int64_t*>(cameras_.const_data_ptr());
  }

  MeshProjection<Real> Projection(const at::Tensor& vertices) const {
    const Real* views =
        reinterpret_cast<const Real*>(MeshesOnDevice() + images_);
    return {.meshes = vertices.size(0),
            .vertex_count = vertices.size(1),
            .images = images_,
            .width = settings.width,
            .height = settings.height,
            .vertices = Read(vertices),
            .mesh_of_image = MeshesOnDevice(),
            .view_from_world = views,
            .focal_lengths = views + 12 * images_};
  }

  MeshGeometry<Real> Geometry(int64_t vertex_count) const {
    return {.images = images_,
            .vertex_count = vertex_count,
            .triangle_count = topology.triangles.size(0),
            .width = settings.width,
            .height = settings.height,
            .positions = Read(positions_),
            .triangles = topology.triangles.template const_data_ptr<int32_t>(),
            .near = Real(settings.near),
            .far = Real(settings.far)};
  }

  MeshTexture<Real> Texture(const at::Tensor& texture) const {
    return {.sets = texture.size(0),
            .height = static_cast<int>(texture.size(1)),
            .width = static_cast<int>(texture.size(2)),
            .channels = static_cast<int>(texture.size(3)),
            .texels = Read(texture),
            .mips = Read(mips_),
            .set_of_image = texture.size(0) == 1 ? nullptr : MeshesOnDevice(),
            .wrap = settings.wrap};
  }

  MeshPicture<Real> Picture(const at::Tensor& vertices, const at::Tensor& uvs,
                            const at::Tensor& texture,
                            const at::Tensor& background) const {
    const auto indices = [](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.const_data_ptr<int32_t>() : nullptr;
    };
    return {.geometry = Geometry(vertices.size(1)),
            .triangle_ids = indices(triangle_ids_),
            .uvs = {.sets = 1,
                    .rows = uvs.size(0),
                    .channels = 2,
                    .values = Read(uvs),
                    .triangles = indices(topology.uv_triangles)},
            .texture = Texture(texture),
            .background = Read(background),
            .neighbors = indices(topology.neighbors),
            .unsmoothed = Read(unsmoothed_),
            .weights = Read(weights_),
            .depth = Read(depth_)};
  }

  at::TensorOptions options_;
  int64_t images_ = 0;
  at::Tensor cameras_;       // bytes, see Upload
  at::Tensor positions_;     // [B, V, 3]
  at::Tensor triangle_ids_;  // [B, H, W] int32
  at::Tensor mips_;          // [R, mip texels, C]
  at::Tensor unsmoothed_;    // [B, C, H, W]
  at::Tensor depth_;         // [B, 1, H, W]
  at::Tensor weights_;       // [B, H, W, 2]
};

}  // namespace dg4d::mesh_raster_renderer

#endif  // DG4D_RENDERERS_MESH_RASTER_DRAW_CUDA_H_
