#ifndef TOOLS_VERBS_SDS_BENCHMARK_H_
#define TOOLS_VERBS_SDS_BENCHMARK_H_

#include <c10/core/Device.h>

#include <string>

#include "absl/status/status.h"

namespace dg4d {

struct SdsBenchmarkOptions {
  // Folders of weights in the diffusers layout; an empty one is left out.
  std::string zero123;
  std::string svd;
  c10::Device device = c10::kCPU;
  // Zero123: views of a step, the side that they are rendered at, and the one
  // that the networks see.
  int views = 16;
  int render_size = 512;
  int view_size = 256;
  // Stable Video Diffusion.
  int frames = 14;
  int frame_size = 512;
};

// Registers with Google Benchmark what a step of the diffusion guidances
// consists of: the autoencoder of Zero123 forward and backward, its denoising
// network (both halves of classifier-free guidance), the whole guidance, with
// what is beside the three as `rest`; a step of Stable Video Diffusion's
// sampler, its encoder and its decoder. Counters: images (or frames) a second,
// TFLOP/s, and peak memory of the device in MiB (on the CPU the process's).
// Loads the networks.
absl::Status RegisterSdsBenchmarks(const SdsBenchmarkOptions& options);

}  // namespace dg4d

#endif  // TOOLS_VERBS_SDS_BENCHMARK_H_
