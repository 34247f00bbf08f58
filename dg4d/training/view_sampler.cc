#include "dg4d/training/view_sampler.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"

namespace dg4d {
namespace {

constexpr double kMaxElevationDegrees = 80;

at::Tensor GreyBackgrounds(const std::vector<float>& greys) {
  return at::tensor(greys)
      .view({static_cast<int64_t>(greys.size()), 1})
      .repeat({1, 3});
}

// In [low, high); whole numbers only if `integer`.
double DrawDegrees(double low, double high, bool integer,
                   at::Generator& generator) {
  if (!integer) return UniformNumber(low, high, generator);
  return static_cast<double>(
      UniformInteger(static_cast<int64_t>(std::floor(low)),
                     static_cast<int64_t>(std::floor(high)), generator));
}

}  // namespace

absl::Status ViewOptions::Validate() const {
  if (count < 1) return absl::InvalidArgumentError("count must be at least 1");
  if (min_elevation_degrees > max_elevation_degrees) {
    return absl::InvalidArgumentError(
        "min_elevation_degrees is above max_elevation_degrees");
  }
  if (radius_jitter < 0) {
    return absl::InvalidArgumentError("radius_jitter must not be negative");
  }
  if (black_background_probability < 0 || black_background_probability > 1) {
    return absl::InvalidArgumentError(
        "black_background_probability must be from 0 to 1");
  }
  if (sizes.empty() || *std::min_element(sizes.begin(), sizes.end()) < 1) {
    return absl::InvalidArgumentError("sizes must be one or more, positive");
  }
  if (size_changes.size() + 1 != sizes.size() ||
      !std::is_sorted(size_changes.begin(), size_changes.end())) {
    return absl::InvalidArgumentError(
        absl::StrCat("size_changes must be ", sizes.size() - 1,
                     " increasing numbers, one between each two sizes"));
  }
  if (max_views_per_batch < 0) {
    return absl::InvalidArgumentError(
        "max_views_per_batch must not be negative");
  }
  return absl::OkStatus();
}

ViewSampler::ViewSampler(ViewOptions options, const Camera& reference_camera)
    : options_(std::move(options)),
      reference_camera_(reference_camera),
      reference_(OrbitOf(reference_camera)) {}

int ViewSampler::SizeAt(double progress) const {
  size_t index = 0;
  while (index < options_.size_changes.size() &&
         progress >= options_.size_changes[index]) {
    ++index;
  }
  return options_.sizes[index];
}

float ViewSampler::DrawBackground(at::Generator& generator) const {
  return UniformNumber(0, 1, generator) < options_.black_background_probability
             ? 0.0f
             : 1.0f;
}

ViewSampler::Direction ViewSampler::DrawDirection(
    at::Generator& generator) const {
  // The range holds both what the options say around the reference camera and
  // what they say around the horizon.
  const double reference = reference_.elevation_degrees;
  const double low =
      std::max(std::min(options_.min_elevation_degrees,
                        options_.min_elevation_degrees - reference),
               -kMaxElevationDegrees - reference);
  const double high =
      std::min(std::max(options_.max_elevation_degrees,
                        options_.max_elevation_degrees - reference),
               kMaxElevationDegrees - reference);
  Direction direction;
  direction.orbit = reference_;
  direction.orbit.elevation_degrees +=
      DrawDegrees(low, high, options_.integer_angles, generator);
  direction.orbit.azimuth_degrees +=
      DrawDegrees(-180, 180, options_.integer_angles, generator);
  if (options_.radius_jitter > 0) {
    direction.orbit.radius += UniformNumber(-options_.radius_jitter,
                                            options_.radius_jitter, generator);
  }
  direction.background = DrawBackground(generator);
  return direction;
}

Views ViewSampler::Sample(ViewPattern pattern, absl::Span<const double> frames,
                          double progress, at::Generator& generator) const {
  const int height = SizeAt(progress);
  const int width =
      std::max(1, static_cast<int>(std::lround(static_cast<double>(height) *
                                               reference_camera_.width /
                                               reference_camera_.height)));
  const Camera intrinsics = reference_camera_.WithSize(height, width);

  Views views;
  std::vector<float> backgrounds;
  const auto add = [&](const Direction& direction, double turn, double frame) {
    Orbit orbit = direction.orbit;
    orbit.azimuth_degrees += turn;
    views.cameras.push_back(OrbitCamera(orbit, intrinsics));
    views.frames.push_back(frame);
    backgrounds.push_back(direction.background);
  };
  for (int group = 0; group < options_.count; ++group) {
    if (pattern == ViewPattern::kClips) {
      const Direction direction = DrawDirection(generator);
      for (const double frame : frames) {
        add(direction, options_.clip_azimuth_step_degrees * frame, frame);
      }
      continue;
    }
    for (const double frame : frames) {
      const Direction direction = DrawDirection(generator);
      const int turns = pattern == ViewPattern::kFourAround ? 4 : 1;
      for (int turn = 0; turn < turns; ++turn) {
        add(direction, 90.0 * turn, frame);
      }
    }
  }
  views.frames_per_clip =
      pattern == ViewPattern::kFourAround ? 1 : static_cast<int>(frames.size());
  views.background = GreyBackgrounds(backgrounds);
  views.reference_camera = reference_camera_;
  return views;
}

Views ViewSampler::Own(const OwnViews& own, at::Generator& generator) const {
  Views views;
  views.cameras = own.cameras;
  views.frames = own.frames;
  std::vector<float> backgrounds;
  for (size_t i = 0; i < own.cameras.size(); ++i) {
    backgrounds.push_back(DrawBackground(generator));
  }
  views.background = GreyBackgrounds(backgrounds);
  views.reference_camera = reference_camera_;
  return views;
}

std::vector<Views> SplitViews(const Views& views, int group, int max_views) {
  const int step = max_views <= 0 ? views.size()
                                  : std::max(group, max_views / group * group);
  std::vector<Views> parts;
  for (int begin = 0; begin < views.size(); begin += step) {
    const int end = std::min(views.size(), begin + step);
    Views& part = parts.emplace_back();
    part.cameras.assign(views.cameras.begin() + begin,
                        views.cameras.begin() + end);
    part.frames.assign(views.frames.begin() + begin,
                       views.frames.begin() + end);
    part.background = views.background.slice(0, begin, end);
    part.frames_per_clip = views.frames_per_clip;
    part.reference_camera = views.reference_camera;
  }
  return parts;
}

}  // namespace dg4d
