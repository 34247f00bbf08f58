#ifndef DG4D_KERNELS_BENCHMARK_SCENE_H_
#define DG4D_KERNELS_BENCHMARK_SCENE_H_

#include <cstdint>
#include <vector>

namespace dg4d {

// Scenes for benchmarks of rasterisers, the same in any language: every number
// comes from the generator of BenchmarkRandom. Lengths are world units.

// state = state * 6364136223846793005 + 1442695040888963407 (mod 2^64); a draw
// is its upper 24 bits as a fraction.
class BenchmarkRandom {
 public:
  explicit BenchmarkRandom(uint64_t seed) : state_(seed) {}
  // In [0, 1).
  float Draw() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(state_ >> 40) * 0x1p-24f;
  }

 private:
  uint64_t state_;
};

enum class BenchmarkScene {
  kBlob,   // early in an optimisation: faint balls that fill a ball
  kShell,  // a converged object: dense flakes on a sphere
};

// Raw parameters, ready for GaussianRasterInputs; colours of degree 0.
struct BenchmarkGaussians {
  std::vector<float> means;           // [N, 3]
  std::vector<float> quaternions;     // [N, 4], w x y z
  std::vector<float> log_scales;      // [N, 3]
  std::vector<float> opacity_logits;  // [N]
  std::vector<float> sh;              // [N, 1, 3]
};
BenchmarkGaussians MakeBenchmarkGaussians(BenchmarkScene scene, int64_t count);

// `images` square views of `size` pixels from around the origin at distance 2,
// with a vertical field of view of 49.1 degrees.
struct BenchmarkCameras {
  std::vector<float> view_from_world;  // [B, 3, 4], x right, y down, z forward
  std::vector<float> focal_lengths;    // [B, 2], pixels
  std::vector<float> background;       // [B, 3], white
};
BenchmarkCameras MakeBenchmarkCameras(int64_t images, int size);

// Gradients of a loss with respect to the images, in [-1, 1), the same for
// each.
struct BenchmarkGradients {
  std::vector<float> rgb;    // [B, 3, H, W]
  std::vector<float> alpha;  // [B, 1, H, W]
  std::vector<float> depth;  // [B, 1, H, W]
};
BenchmarkGradients MakeBenchmarkGradients(int64_t images, int size);

}  // namespace dg4d

#endif  // DG4D_KERNELS_BENCHMARK_SCENE_H_
