#include "dg4d/testing/sample_scenes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace dg4d {
namespace {

constexpr double kTwoPi = 6.283185307179586;

// A point of the ball, bent so that no two phases and no two axes are alike.
void AppendVertex(double latitude, double longitude, double phase,
                  std::vector<float>& vertices) {
  const double x = 0.5 * std::sin(latitude) * std::sin(longitude);
  const double y = 0.7 * std::cos(latitude) + 0.1 * x;
  const double z = 0.4 * std::sin(latitude) * std::cos(longitude);
  vertices.push_back(x + 0.3 * y * y * std::sin(kTwoPi * phase));
  vertices.push_back(y + 0.1 * (1 - std::cos(kTwoPi * phase)));
  vertices.push_back(z + 0.2 * x * std::sin(kTwoPi * phase));
}

// The vertex at a ring and segment of a ball with one vertex a pole.
int VertexIndex(int ring, int segment, const SampleMeshOptions& options) {
  if (ring == 0) return 0;
  if (ring == options.rings) return 1 + (options.rings - 1) * options.segments;
  return 1 + (ring - 1) * options.segments + segment % options.segments;
}

Image Stripes(double hue) {
  constexpr int kSize = 64;
  const at::Tensor x = at::arange(kSize).to(at::kFloat) / kSize;
  const at::Tensor u = x.view({1, kSize}).expand({kSize, kSize});
  const at::Tensor v = u.t();
  const auto wave = [hue](const at::Tensor& t, double turns) {
    return 0.5 + 0.5 * (kTwoPi * (turns * t + hue)).sin();
  };
  return {at::stack({wave(u, 2), wave(v, 3), 0.2 + 0.6 * v}, 2).contiguous()};
}

// Numbers in [-1, 1] without pattern.
at::Tensor Numbers(at::IntArrayRef sizes, double seed) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return ((at::arange(count).to(at::kFloat) + seed) * 12.9898)
      .sin()
      .view(sizes)
      .contiguous();
}

Gaussians SampleGaussians() {
  constexpr int kCount = 60;
  return {.means = 0.4 * Numbers({kCount, 3}, 1),
          .quaternions = Numbers({kCount, 4}, 2) + 0.1,
          .log_scales = Numbers({kCount, 3}, 3) * 0.3 - 2.5,
          .opacity_logits = Numbers({kCount, 1}, 4) + 1,
          .sh = Numbers({kCount, 4, 3}, 5)};
}

GaussianFrames SampleGaussianFrames(const Gaussians& still, int frames) {
  GaussianFrames moving;
  std::vector<at::Tensor> means, quaternions, log_scales, opacity_logits;
  for (int t = 0; t < frames; ++t) {
    const double sway = 0.2 * std::sin(kTwoPi * t / frames);
    means.push_back(still.means + sway * still.means.roll({1}, {1}));
    quaternions.push_back(still.quaternions + sway);
    log_scales.push_back(still.log_scales + 0.1 * sway);
    opacity_logits.push_back(still.opacity_logits);
    moving.times.push_back(t);
  }
  moving.means = at::stack(means);
  moving.quaternions = at::stack(quaternions);
  moving.log_scales = at::stack(log_scales);
  moving.opacity_logits = at::stack(opacity_logits);
  return moving;
}

// Everything but meshes and frames of Gaussians.
Scene SceneOfPictures(int frames) {
  Scene scene;
  Image reference = Stripes(0.5);
  const at::Tensor alpha = at::ones({64, 64, 1});
  alpha.narrow(0, 0, 8).zero_();
  scene.reference.pixels =
      at::stack({reference.pixels.select(2, 0), reference.pixels.select(2, 1),
                 reference.pixels.select(2, 2), alpha.select(2, 0)},
                2)
          .contiguous();
  scene.reference_camera = OrbitCamera({.radius = 2.5}).WithSize(64, 64);
  scene.video = {.frames = std::vector<Image>(frames, scene.reference),
                 .fps = 8};
  scene.gaussians = SampleGaussians();
  scene.provenance = {.version = "0.0.1",
                      .config = "cat's \"4D\" </script>",
                      .config_sha256 = std::string(64, 'c'),
                      .seed = (uint64_t{1} << 63) + 5,
                      .image_sha256 = std::string(64, 'a')};
  return scene;
}

}  // namespace

Mesh SampleMesh(const SampleMeshOptions& options) {
  const int rings = options.rings, segments = options.segments;
  std::vector<float> vertices, uvs;
  std::vector<int> triangles, uv_triangles;
  for (int ring = 0; ring <= rings; ++ring) {
    const bool pole = ring == 0 || ring == rings;
    for (int segment = 0; segment < (pole ? 1 : segments); ++segment) {
      AppendVertex(kTwoPi / 2 * ring / rings, kTwoPi * segment / segments,
                   options.phase, vertices);
    }
    for (int segment = 0; segment <= segments; ++segment) {
      uvs.push_back(static_cast<float>(segment) / segments);
      uvs.push_back(static_cast<float>(ring) / rings);
    }
  }
  const auto add = [&](int ring_a, int segment_a, int ring_b, int segment_b,
                       int ring_c, int segment_c) {
    for (const auto& [ring, segment] :
         {std::pair(ring_a, segment_a), std::pair(ring_b, segment_b),
          std::pair(ring_c, segment_c)}) {
      triangles.push_back(VertexIndex(ring, segment, options));
      uv_triangles.push_back(ring * (segments + 1) + segment);
    }
  };
  // At a pole one of the two triangles of a quad has no area.
  for (int r = 0; r < rings; ++r) {
    for (int s = 0; s < segments; ++s) {
      if (r > 0) add(r, s, r + 1, s, r, s + 1);
      if (r + 1 < rings) add(r, s + 1, r + 1, s, r + 1, s + 1);
    }
  }
  return {.vertices = at::tensor(vertices).view({-1, 3}),
          .triangles = at::tensor(triangles, at::kInt).view({-1, 3}),
          .uvs = at::tensor(uvs).view({-1, 2}),
          .uv_triangles = at::tensor(uv_triangles, at::kInt).view({-1, 3}),
          .albedo = Stripes(options.hue)};
}

Scene StaticScene() {
  Scene scene = SceneOfPictures(1);
  scene.meshes = {SampleMesh()};
  return scene;
}

Scene MovingScene(int frames) {
  Scene scene = SceneOfPictures(frames);
  scene.gaussian_frames = SampleGaussianFrames(scene.gaussians, frames);
  for (int t = 0; t < frames; ++t) {
    scene.meshes.push_back(
        SampleMesh({.phase = static_cast<double>(t) / frames}));
  }
  return scene;
}

Scene ChangingScene(int frames) {
  Scene scene = MovingScene(frames);
  for (int t = 0; t < frames; ++t) {
    const double phase = static_cast<double>(t) / frames;
    scene.meshes[t] = SampleMesh(
        {.rings = 5 + t, .segments = 7 + t, .phase = phase, .hue = phase});
  }
  return scene;
}

void ClearSlot(Slot slot, Scene& scene) {
  switch (slot) {
    case Slot::kReference:
      scene.reference = Image();
      break;
    case Slot::kVideo:
      scene.video = Video();
      break;
    case Slot::kProxy:
      scene.proxy.clear();
      break;
    case Slot::kGaussians:
      scene.gaussians = Gaussians();
      break;
    case Slot::kGaussianFrames:
      scene.gaussian_frames = GaussianFrames();
      break;
    case Slot::kMeshes:
      scene.meshes.clear();
      break;
  }
}

}  // namespace dg4d
