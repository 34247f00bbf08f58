#include <ATen/core/Tensor.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/renderers/mesh_raster/draw_cpu.h"
#include "dg4d/renderers/mesh_raster/draw_cuda.h"
#include "dg4d/renderers/mesh_raster/topology.h"
#include "dg4d/scene/camera.h"

namespace dg4d::mesh_raster_renderer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The differentiable inputs, in the order of DrawFunction::forward.
enum Input { kVertices, kUvs, kTexture, kBackground, kInputs };

// Outputs rgb, alpha, depth, triangle ids, uv, normals.
template <typename Real>
struct DrawFunction : torch::autograd::Function<DrawFunction<Real>> {
  static variable_list forward(AutogradContext* context, at::Tensor vertices,
                               at::Tensor uvs, at::Tensor texture,
                               at::Tensor background,
                               c10::intrusive_ptr<Drawing<Real>> drawing) {
    vertices = vertices.contiguous();
    uvs = uvs.contiguous();
    texture = texture.contiguous();
    background = background.contiguous();
    const Images images = drawing->Draw(vertices, uvs, texture, background);
    context->save_for_backward({vertices, uvs, texture, background});
    context->saved_data["drawing"] = c10::IValue::make_capsule(drawing);
    context->mark_non_differentiable(
        {images.triangle_ids, images.uv, images.normals});
    return {images.rgb,          images.alpha, images.depth,
            images.triangle_ids, images.uv,    images.normals};
  }

  static variable_list backward(AutogradContext* context,
                                variable_list image_gradients) {
    const auto drawing = c10::static_intrusive_pointer_cast<Drawing<Real>>(
        context->saved_data["drawing"].toCapsule());
    const variable_list inputs = context->get_saved_variables();
    variable_list gradients(kInputs + 1);
    for (int k = 0; k < kInputs; ++k) {
      if (context->needs_input_grad(k)) {
        gradients[k] = at::empty(inputs[k].sizes(), inputs[k].options());
      }
    }
    drawing->Backward(
        inputs[kVertices], inputs[kUvs], inputs[kTexture], inputs[kBackground],
        {image_gradients[0], image_gradients[1], image_gradients[2]},
        {gradients[kVertices], gradients[kUvs], gradients[kTexture],
         gradients[kBackground]});
    return gradients;
  }
};

void CheckFloats(const at::Tensor& tensor, at::IntArrayRef sizes,
                 const at::Tensor& like, const char* name) {
  bool fits = tensor.defined() && tensor.dim() == int64_t(sizes.size());
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    fits = sizes[i] < 0 || tensor.size(i) == sizes[i];
  }
  TORCH_CHECK(fits, name, " must have sizes ", sizes, " (-1: any)",
              tensor.defined() ? ", not " : "",
              tensor.defined() ? c10::str(tensor.sizes()) : std::string());
  TORCH_CHECK(tensor.device() == like.device(), name, " is on ",
              tensor.device(), ", but the vertices are on ", like.device());
  TORCH_CHECK(tensor.scalar_type() == like.scalar_type() &&
                  (tensor.scalar_type() == at::kFloat ||
                   tensor.scalar_type() == at::kDouble),
              name, " must be float or double like the vertices, not ",
              tensor.scalar_type());
}

void Check(const MeshBatch& batch, absl::Span<const Camera> cameras,
           const at::Tensor& background) {
  TORCH_CHECK(!cameras.empty(), "there is no camera to draw from");
  const int64_t images = static_cast<int64_t>(cameras.size());
  CheckFloats(batch.vertices, {-1, -1, 3}, batch.vertices, "vertices");
  CheckFloats(batch.uvs, {-1, 2}, batch.vertices, "uvs");
  CheckFloats(batch.texture, {-1, -1, -1, -1}, batch.vertices, "texture");
  CheckFloats(background, {images, batch.texture.size(3)}, batch.vertices,
              "background");
  const int64_t meshes = batch.vertices.size(0);
  TORCH_CHECK(batch.texture.size(0) == 1 || batch.texture.size(0) == meshes,
              "texture must have 1 or ", meshes, " sets, not ",
              batch.texture.size(0));
  TORCH_CHECK(batch.texture.size(1) > 0 && batch.texture.size(2) > 0,
              "texture has no texels");
  TORCH_CHECK(batch.triangles.device() == batch.vertices.device(),
              "triangles are on ", batch.triangles.device(),
              ", but the vertices are on ", batch.vertices.device());
  TORCH_CHECK(int64_t(batch.mesh_of_camera.size()) == images,
              "mesh_of_camera has ", batch.mesh_of_camera.size(),
              " entries for ", images, " cameras");
  for (const int mesh : batch.mesh_of_camera) {
    TORCH_CHECK(mesh >= 0 && mesh < meshes, "mesh_of_camera must be in [0, ",
                meshes, "), not ", mesh);
  }
  for (const Camera& camera : cameras) {
    TORCH_CHECK(camera.width == cameras[0].width &&
                    camera.height == cameras[0].height &&
                    camera.near == cameras[0].near &&
                    camera.far == cameras[0].far,
                "the cameras of a batch must agree in size, near and far");
  }
}

}  // namespace

struct Options {
  int samples = 1;
  bool mip_map = true;
  bool antialias = true;
  std::string border = "clamp";

  template <typename V>
  void Visit(V& v) {
    v("samples", samples,
      "Images are drawn this many times as wide and high, then averaged.");
    v("mip_map", mip_map,
      "Whether smaller copies of the texture are used where it is seen from "
      "afar.");
    v("antialias", antialias,
      "Whether silhouettes are smoothed; without, they have no gradients.");
    v("border", border, {"clamp", "wrap"},
      "What is beyond the texture: its border, or itself again.");
  }

  absl::Status Validate() const {
    if (samples < 1 || samples > 16) {
      return absl::InvalidArgumentError("samples must be from 1 to 16");
    }
    return absl::OkStatus();
  }
};

class MeshRaster final : public MeshRenderer {
 public:
  using Options = mesh_raster_renderer::Options;

  explicit MeshRaster(const Options& options) : options_(options) {}

  MeshRendering Render(const MeshBatch& batch, absl::Span<const Camera> cameras,
                       const at::Tensor& background) const override {
    TORCH_CHECK(batch.vertices.is_cpu() || batch.vertices.is_cuda(),
                "mesh_raster draws on CPU and CUDA, but the vertices are on ",
                batch.vertices.device());
    Check(batch, cameras, background);
    const MeshRendering fine = batch.vertices.scalar_type() == at::kFloat
                                   ? Draw<float>(batch, cameras, background)
                                   : Draw<double>(batch, cameras, background);
    const int64_t n = options_.samples;
    if (n == 1) return fine;
    // One sample a pixel, the one at (or next to) its centre.
    const auto centres = [n](const at::Tensor& image) {
      return image.slice(-2, n / 2, {}, n).slice(-1, n / 2, {}, n);
    };
    return {.rgb = at::avg_pool2d(fine.rgb, {n, n}),
            .alpha = at::avg_pool2d(fine.alpha, {n, n}),
            .depth = centres(fine.depth),
            .triangle_ids = centres(fine.triangle_ids),
            .uv = centres(fine.uv),
            .normals = centres(fine.normals)};
  }

 private:
  template <typename Real>
  MeshRendering Draw(const MeshBatch& batch, absl::Span<const Camera> cameras,
                     const at::Tensor& background) const {
    c10::intrusive_ptr<Drawing<Real>> drawing =
        c10::make_intrusive<CpuDrawing<Real>>();
    if (batch.vertices.is_cuda()) {
      drawing = c10::make_intrusive<CudaDrawing<Real>>();
    }
    drawing->settings = {.width = cameras[0].width * options_.samples,
                         .height = cameras[0].height * options_.samples,
                         .near = cameras[0].near,
                         .far = cameras[0].far,
                         .mip_map = options_.mip_map,
                         .antialias = options_.antialias,
                         .wrap = options_.border == "wrap"};
    drawing->mesh_of_image.assign(batch.mesh_of_camera.begin(),
                                  batch.mesh_of_camera.end());
    for (const Camera& camera : cameras) {
      const auto camera_from_world = camera.camera_from_world();
      // From OpenGL's axes to x right, y down, z forward.
      const double signs[3] = {1, -1, -1};
      for (int i = 0; i < 12; ++i) {
        drawing->view_from_world.push_back(
            Real(signs[i / 4] * camera_from_world[i]));
      }
      const Real focal = Real(camera.focal() * options_.samples);
      drawing->focal_lengths.insert(drawing->focal_lengths.end(),
                                    {focal, focal});
    }
    const int64_t rows = batch.vertices.size(1);
    const auto find_neighbors = [rows](const at::Tensor& triangles) {
      return triangles.is_cuda() ? FindNeighborsOnCuda(triangles)
                                 : FindNeighborsOnCpu(triangles, rows);
    };
    using Find = std::function<at::Tensor(const at::Tensor&)>;
    drawing->topology = topologies_.Get(
        batch.triangles, batch.uv_triangles, rows, batch.uvs.size(0),
        options_.antialias ? Find(find_neighbors) : Find());
    const variable_list images = DrawFunction<Real>::apply(
        batch.vertices, batch.uvs, batch.texture, background, drawing);
    return {.rgb = images[0],
            .alpha = images[1],
            .depth = images[2],
            .triangle_ids = images[3],
            .uv = images[4],
            .normals = images[5]};
  }

  const Options options_;
  mutable Topologies topologies_;
};

DG4D_REGISTER(Renderer, MeshRaster, "mesh_raster",
              "Draws textured meshes, with gradients also at silhouettes.");

}  // namespace dg4d::mesh_raster_renderer
