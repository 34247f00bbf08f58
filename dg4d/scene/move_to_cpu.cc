#include "dg4d/scene/move_to_cpu.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace dg4d {

void MoveToCpu(Scene& scene) {
  const auto move = [](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.cpu();
  };
  move(scene.reference.pixels);
  for (Image& frame : scene.video.frames) move(frame.pixels);
  for (std::vector<Mesh>* meshes : {&scene.proxy, &scene.meshes}) {
    for (Mesh& mesh : *meshes) {
      for (at::Tensor* tensor :
           {&mesh.vertices, &mesh.triangles, &mesh.normals, &mesh.uvs,
            &mesh.uv_triangles, &mesh.albedo.pixels}) {
        move(*tensor);
      }
    }
  }
  Gaussians& gaussians = scene.gaussians;
  GaussianFrames& frames = scene.gaussian_frames;
  for (at::Tensor* tensor :
       {&gaussians.means, &gaussians.quaternions, &gaussians.log_scales,
        &gaussians.opacity_logits, &gaussians.sh, &frames.means,
        &frames.quaternions, &frames.log_scales, &frames.opacity_logits}) {
    move(*tensor);
  }
}

}  // namespace dg4d
