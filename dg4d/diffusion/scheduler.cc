#include "dg4d/diffusion/scheduler.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d::diffusion {
namespace {

Prediction ParsePrediction(JsonConfig& json) {
  const std::string name = json.Text("prediction_type", "epsilon");
  json.Only("prediction_type",
            {"\"epsilon\"", "\"sample\"", "\"v_prediction\""});
  return name == "sample"         ? Prediction::kSample
         : name == "v_prediction" ? Prediction::kVelocity
                                  : Prediction::kNoise;
}

// `count` numbers from `first` to `last` in float32, rounded as torch.linspace
// rounds them: each from the nearer end.
std::vector<float> Linspace(float first, float last, int count) {
  std::vector<float> values(count, first);
  const float step = (last - first) / static_cast<float>(count - 1);
  for (int i = 0; i < count; ++i) {
    values[i] = i < count / 2 ? first + step * static_cast<float>(i)
                              : last - step * static_cast<float>(count - 1 - i);
  }
  return values;
}

}  // namespace

absl::StatusOr<DdimScheduler::Config> DdimScheduler::Config::Parse(
    JsonConfig json) {
  Config config;
  config.train_steps =
      static_cast<int>(json.Integer("num_train_timesteps", 1000));
  config.beta_start = json.Number("beta_start", 0.0001);
  config.beta_end = json.Number("beta_end", 0.02);
  const std::string schedule = json.Text("beta_schedule", "linear");
  json.Only("beta_schedule", {"\"linear\"", "\"scaled_linear\""});
  config.scaled_linear = schedule == "scaled_linear";
  config.final_alpha_is_one = json.Flag("set_alpha_to_one", true);
  if (json.Has("steps_offset") && json.Number("steps_offset", 0) != 0) {
    config.steps_offset = static_cast<int>(json.Integer("steps_offset", 1));
  }
  config.spacing = json.Text("timestep_spacing", "leading");
  json.Only("timestep_spacing",
            {"\"leading\"", "\"linspace\"", "\"trailing\""});
  config.prediction = ParsePrediction(json);
  if (json.Flag("clip_sample", true)) {
    json.Complain(
        "'clip_sample' must be there and false: latents have no bounds");
  }
  if (!(config.beta_start > 0 && config.beta_end >= config.beta_start &&
        config.beta_end < 1) ||
      config.train_steps < 2 || config.steps_offset >= config.train_steps) {
    json.Complain(
        "0 < beta_start <= beta_end < 1, at least two time steps, "
        "and a smaller offset are needed");
  }
  json.Only("thresholding", {"false"});
  json.Only("rescale_betas_zero_snr", {"false"});
  // Without clipping and thresholding these are without effect; the last two
  // belong to another scheduler whose configuration is read as DDIM's.
  json.Ignore({"clip_sample_range", "dynamic_thresholding_ratio",
               "sample_max_value", "variance_type", "skip_prk_steps"});
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

DdimScheduler::DdimScheduler(const Config& config) : config_(config) {
  const auto first =
      config.scaled_linear ? std::sqrt(config.beta_start) : config.beta_start;
  const auto last =
      config.scaled_linear ? std::sqrt(config.beta_end) : config.beta_end;
  float product = 1;
  for (const float value :
       Linspace(static_cast<float>(first), static_cast<float>(last),
                config.train_steps)) {
    const float beta = config.scaled_linear ? value * value : value;
    product *= 1 - beta;
    signal_share_.push_back(product);
  }
}

Blend DdimScheduler::AddNoise(int t) const {
  const double a = SignalShare(t);
  return {.sample = std::sqrt(a), .noise = std::sqrt(1 - a)};
}

Blend DdimScheduler::Clean(int t) const {
  const double signal = std::sqrt(SignalShare(t));
  const double noise = std::sqrt(1 - SignalShare(t));
  switch (config_.prediction) {
    case Prediction::kSample:
      return {.sample = 0, .output = 1};
    case Prediction::kVelocity:
      return {.sample = signal, .output = -noise};
    case Prediction::kNoise:
      break;
  }
  return {.sample = 1 / signal, .output = -noise / signal};
}

Blend DdimScheduler::Noise(int t) const {
  const double signal = std::sqrt(SignalShare(t));
  const double noise = std::sqrt(1 - SignalShare(t));
  switch (config_.prediction) {
    case Prediction::kSample:
      return {.sample = 1 / noise, .output = -signal / noise};
    case Prediction::kVelocity:
      return {.sample = noise, .output = signal};
    case Prediction::kNoise:
      break;
  }
  return {.sample = 0, .output = 1};
}

std::vector<int> DdimScheduler::Timesteps(int count) const {
  const int total = config_.train_steps;
  std::vector<int> steps;
  for (int i = count - 1; i >= 0; --i) {
    if (config_.spacing == "linspace") {
      const double step = count > 1 ? double(total - 1) / (count - 1) : 0;
      steps.push_back(static_cast<int>(std::nearbyint(i * step)));
    } else if (config_.spacing == "trailing") {
      const double step = double(total) / count;
      steps.push_back(
          static_cast<int>(std::nearbyint(total - (count - 1 - i) * step)) - 1);
    } else {
      steps.push_back(
          std::min(total / count * i + config_.steps_offset, total - 1));
    }
  }
  return steps;
}

Blend DdimScheduler::Step(int t, int count, double eta) const {
  const int next = t - config_.train_steps / count;
  const double now_share = SignalShare(t);
  const double share = next >= 0                    ? SignalShare(next)
                       : config_.final_alpha_is_one ? 1.0
                                                    : SignalShare(0);
  const double deviation =
      eta * std::sqrt((1 - share) / (1 - now_share) * (1 - now_share / share));
  const double signal = std::sqrt(share);
  const double direction =
      std::sqrt(std::max(0.0, 1 - share - deviation * deviation));
  const Blend clean = Clean(t), noise = Noise(t);
  return {.sample = signal * clean.sample + direction * noise.sample,
          .output = signal * clean.output + direction * noise.output,
          .noise = deviation};
}

absl::StatusOr<EulerScheduler::Config> EulerScheduler::Config::Parse(
    JsonConfig json) {
  Config config;
  json.Require("sigma_min");
  json.Require("sigma_max");
  config.sigma_min = json.Number("sigma_min", 0.002);
  config.sigma_max = json.Number("sigma_max", 700);
  config.prediction = ParsePrediction(json);
  if (!json.Flag("use_karras_sigmas", false) ||
      json.Text("timestep_type", "discrete") != "continuous") {
    json.Complain(
        "only Karras' sigmas with continuous time steps are implemented: "
        "'use_karras_sigmas' true, 'timestep_type' \"continuous\"");
  }
  if (!(config.sigma_min > 0 && config.sigma_max > config.sigma_min)) {
    json.Complain("0 < sigma_min < sigma_max is needed");
  }
  json.Only("timestep_spacing", {"\"leading\"", "\"linspace\""});
  json.Only("final_sigmas_type", {"\"zero\""});
  // About the training process, which Karras' sigmas stand in for.
  json.Ignore({"num_train_timesteps", "beta_start", "beta_end", "beta_schedule",
               "trained_betas", "interpolation_type", "steps_offset",
               "clip_sample", "set_alpha_to_one", "skip_prk_steps"});
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

EulerScheduler::EulerScheduler(const Config& config, int count)
    : config_(config) {
  constexpr double kRho = 7;
  const double largest = std::pow(config.sigma_max, 1 / kRho);
  const double smallest = std::pow(config.sigma_min, 1 / kRho);
  for (int i = 0; i < count; ++i) {
    const double share = count > 1 ? double(i) / (count - 1) : 0;
    sigmas_.push_back(static_cast<float>(
        std::pow(largest + share * (smallest - largest), kRho)));
  }
  sigmas_.push_back(0);
}

float EulerScheduler::Timestep(int i) const {
  return 0.25f * std::log(sigmas_[i]);
}

double EulerScheduler::InitialScale() const {
  return std::hypot(sigmas_[0], 1);
}

double EulerScheduler::InputScale(int i) const {
  return 1 / std::hypot(sigmas_[i], 1);
}

Blend EulerScheduler::Clean(int i) const {
  const double sigma = sigmas_[i];
  switch (config_.prediction) {
    case Prediction::kSample:
      return {.sample = 0, .output = 1};
    case Prediction::kNoise:
      return {.sample = 1, .output = -sigma};
    case Prediction::kVelocity:
      break;
  }
  const double scale = 1 / (sigma * sigma + 1);
  return {.sample = scale, .output = -sigma * std::sqrt(scale)};
}

Blend EulerScheduler::Step(int i) const {
  // x + (x - clean) / sigma (sigma' - sigma)
  const double ratio = sigmas_[i + 1] / double(sigmas_[i]);
  const Blend clean = Clean(i);
  return {.sample = ratio + (1 - ratio) * clean.sample,
          .output = (1 - ratio) * clean.output};
}

}  // namespace dg4d::diffusion
