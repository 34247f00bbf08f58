#ifndef TOOLS_VERBS_GAUSSIAN_BENCHMARK_H_
#define TOOLS_VERBS_GAUSSIAN_BENCHMARK_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/core/renderer.h"
#include "dg4d/kernels/benchmark_scene.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// One of the fixed scenes (see benchmark_scene.h), from `cameras` square views.
struct GaussianBenchmarkCell {
  BenchmarkScene scene = BenchmarkScene::kBlob;
  int64_t gaussians = 0;
  int size = 0;  // pixels
  int cameras = 0;

  // Such as blob/5000/128/4.
  std::string Name() const;
};

// What a renderer of Gaussians is given, on one device. The batch's parameters
// require gradients.
struct GaussianBenchmarkInputs {
  GaussianBatch batch;
  std::vector<Camera> cameras;
  at::Tensor background;  // white
  // Gradients of a loss with respect to the images, all dense.
  at::Tensor rgb_gradient, alpha_gradient, depth_gradient;
};
GaussianBenchmarkInputs MakeGaussianBenchmarkInputs(
    const GaussianBenchmarkCell& cell, const c10::Device& device);

// Writes into `folder`, as .npy files, what another rasteriser needs in order
// to be given the same:
//   SCENE_N/{means,quaternions,log_scales,opacity_logits,sh}.npy
//   cameras_B_SIZE/{view_from_world,focal_lengths}.npy   [B, 3, 4], [B, 2]
//   gradients_SIZE/{rgb,alpha,depth}.npy   [C, H, W], the same for each camera
// and, of up to a million pixels in all, what `renderer` makes of it:
//   SCENE_N_SIZE_B/{rgb,alpha,depth,means_gradient,...}.npy
absl::Status WriteGaussianBenchmarkArrays(const GaussianBenchmarkCell& cell,
                                          const GaussianRenderer& renderer,
                                          const c10::Device& device,
                                          const std::string& folder);

// Registers with Google Benchmark `gaussian_splatting` on `device`, called as a
// stage calls it, through autograd, for both scenes, 5 to 100 thousand
// Gaussians, 128 to 512 pixels and 1 to 56 cameras: NAME/forward and
// NAME/forward_backward. Counters are those of TimeCalls. `arrays`, unless
// empty, is the folder for the function above.
void RegisterGaussianBenchmarks(const c10::Device& device,
                                const std::string& arrays);

}  // namespace dg4d

#endif  // TOOLS_VERBS_GAUSSIAN_BENCHMARK_H_
