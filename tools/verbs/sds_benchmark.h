#ifndef TOOLS_VERBS_SDS_BENCHMARK_H_
#define TOOLS_VERBS_SDS_BENCHMARK_H_

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dg4d {

struct SdsBenchmarkOptions {
  // Folders of weights in the diffusers layout; an empty one is left out.
  std::string zero123;
  std::string svd;
  c10::Device device = c10::kCPU;
  // Zero123: views of a step (of the static and of the dynamic stage as
  // DreamGaussian4D has them: 14 frames from 4 sides), the side that they are
  // rendered at, and the one that the networks see.
  std::vector<int> views = {16, 56};
  int render_size = 512;
  int view_size = 256;
  // Stable Video Diffusion.
  int frames = 14;
  int frame_size = 512;
};

// Registers with Google Benchmark what a step of the diffusion guidances
// consists of. For each number of views: the autoencoder of Zero123 forward and
// backward, its denoising network (both halves of classifier-free guidance),
// the whole guidance with all views at once, with what is beside the three as
// `rest`, and in micro-batches of 8. Of Stable Video Diffusion: its
// encoder, a step of its sampler, its decoder, and the repainting of a clip as
// the texture stage has it. Counters: images (or frames) a second, TFLOP/s, and
// peak memory in MiB: on a device what the part takes beyond what is
// loaded, on the CPU the process's. Loads the networks.
absl::Status RegisterSdsBenchmarks(const SdsBenchmarkOptions& options);

}  // namespace dg4d

#endif  // TOOLS_VERBS_SDS_BENCHMARK_H_
