#ifndef DG4D_GEOMETRY_INFLATION_PROXY_RENDERER_H_
#define DG4D_GEOMETRY_INFLATION_PROXY_RENDERER_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <vector>

#include "dg4d/scene/camera.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::inflation {

// Draws proxies: closed textured meshes, one for each frame of a video. The
// colour of a pixel is that at its centre, alpha the share of 3x3 samples that
// hit; where the picture is smaller than the texture, the texture is averaged
// down first. No gradients. On a GPU pictures are those of the CPU but for the
// last bits of their colours.
class ProxyRenderer {
 public:
  // At least one mesh, all textured, of equal texture sizes. Draws on `device`,
  // where the pictures stay.
  explicit ProxyRenderer(std::vector<Mesh> frames,
                         c10::Device device = c10::Device(c10::kCPU));

  int frame_count() const { return static_cast<int>(frames_.size()); }

  // The vertices [V, 3] at a frame number that may be a fraction: between
  // frames they are interpolated, after the last they go back to the first.
  // Frames of different topology cannot be: then those of the nearest frame.
  at::Tensor VerticesAt(double frame) const;

  // [H, W, 4] float32, colour premultiplied by alpha.
  at::Tensor Render(double frame, const Camera& camera) const;

 private:
  // The texture of a frame, averaged down for pictures of this height.
  at::Tensor Texture(int frame, int height) const;
  int NearestFrame(double frame) const;

  const c10::Device device_;
  std::vector<Mesh> frames_;  // but for their textures on the device
  bool one_topology_;
  // For each distinct texture: [H, W, 3], then halved again and again.
  std::vector<std::vector<at::Tensor>> textures_;
  std::vector<int> texture_of_frame_;
  at::Tensor mesh_of_image_;  // [1], 0
};

// `premultiplied` [H, W, 4] as an Image with straight alpha.
Image StraightImage(const at::Tensor& premultiplied);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_PROXY_RENDERER_H_
