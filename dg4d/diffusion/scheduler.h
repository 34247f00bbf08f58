#ifndef DG4D_DIFFUSION_SCHEDULER_H_
#define DG4D_DIFFUSION_SCHEDULER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"

namespace dg4d::diffusion {

// Schedulers give numbers, not tensors: every rule of theirs is a sum
//
//   sample * x + output * m + noise * e
//
// of the noisy x, the network's output m and fresh noise e. The caller keeps
// the tensors, on whatever device, in whatever type.
struct Blend {
  double sample = 0;
  double output = 0;
  double noise = 0;
};

// What the network was trained to predict: the noise, the clean sample, or
// v = sqrt(a) noise - sqrt(1 - a) sample (Salimans and Ho 2022).
enum class Prediction { kNoise, kSample, kVelocity };

// The training process x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e and the DDIM
// sampler (Song et al. 2021): diffusers' DDIMScheduler.
class DdimScheduler {
 public:
  struct Config {
    int train_steps = 1000;
    double beta_start = 0.0001;
    double beta_end = 0.02;
    bool scaled_linear = false;  // sqrt(beta) grows linearly, instead of beta
    bool final_alpha_is_one = true;
    int steps_offset = 0;
    std::string spacing = "leading";  // linspace, trailing
    Prediction prediction = Prediction::kNoise;

    static absl::StatusOr<Config> Parse(JsonConfig json);
  };

  explicit DdimScheduler(const Config& config);

  const Config& config() const { return config_; }

  // a_t, the share of the signal: t in [0, train_steps).
  double SignalShare(int t) const { return signal_share_[t]; }

  // x_t of x_0 (`sample`) and noise.
  Blend AddNoise(int t) const;

  // Estimates of x_0 and of the noise from x_t and the network's output.
  Blend Clean(int t) const;
  Blend Noise(int t) const;

  // `count` time steps from noise to image.
  std::vector<int> Timesteps(int count) const;

  // x at the next of `count` time steps. eta = 0 is deterministic, 1 as noisy
  // as DDPM.
  Blend Step(int t, int count, double eta = 0) const;

 private:
  Config config_;
  std::vector<float> signal_share_;
};

// The sampler of Karras et al. 2022 by Euler's method, as Stable Video
// Diffusion uses it: diffusers' EulerDiscreteScheduler with Karras' sigmas and
// continuous time steps. x = x_0 + sigma e.
class EulerScheduler {
 public:
  struct Config {
    double sigma_min = 0.002;
    double sigma_max = 700;
    Prediction prediction = Prediction::kVelocity;

    static absl::StatusOr<Config> Parse(JsonConfig json);
  };

  EulerScheduler(const Config& config, int count);

  int count() const { return static_cast<int>(sigmas_.size()) - 1; }

  // Of step i = 0 .. count; the last one is 0.
  float Sigma(int i) const { return sigmas_[i]; }

  // What the network is told of step i: ln(sigma) / 4.
  float Timestep(int i) const;

  // Pure noise of unit variance times this is where sampling starts.
  double InitialScale() const;

  // The network sees x times this.
  double InputScale(int i) const;

  // x_i of x_0 (`sample`) and noise.
  Blend AddNoise(int i) const { return {.sample = 1, .noise = Sigma(i)}; }

  // Estimate of x_0 from x_i and the network's output.
  Blend Clean(int i) const;

  // x_(i + 1).
  Blend Step(int i) const;

 private:
  Config config_;
  std::vector<float> sigmas_;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_SCHEDULER_H_
