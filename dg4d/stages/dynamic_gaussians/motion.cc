#include "dg4d/stages/dynamic_gaussians/motion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace dg4d::dynamic_gaussians {
namespace {

// The box of the Gaussians grows by this share, and is never thinner than
// kThinnest of its longest side: a flat object must not use up its resolution
// on noise.
constexpr double kMargin = 0.05;
constexpr double kThinnest = 0.25;

// `value` [N, ...] at F times, moved by `delta` [F, N, ...] if that is there.
at::Tensor Moved(const at::Tensor& value, const at::Tensor& delta) {
  return delta.defined() ? value.unsqueeze(0) + delta : value.unsqueeze(0);
}

}  // namespace

Motion::Motion(const MotionShape& shape, const Gaussians& canonical,
               at::Generator& generator)
    : shape_([&] {
        MotionShape settled = shape;
        settled.deformation.grid.cyclic_time = shape.loops;
        return settled;
      }()),
      deformation_(shape_.deformation, generator) {
  TORCH_CHECK(shape_.frames >= 1, "a motion of no frames");
  const at::Tensor means = canonical.means.detach();
  // Drawn on the CPU, so that it starts the same everywhere.
  deformation_.VisitParameters([&](const std::string&, at::Tensor& value) {
    value = value.to(means.device());
  });
  deformation_.MoveConstants(means.device());
  if (shape_.half_extent > 0) {
    center_ = at::zeros_like(means[0]);
    half_extent_ = at::full_like(means[0], shape_.half_extent);
    return;
  }
  const at::Tensor low = std::get<0>(means.min(0));
  const at::Tensor high = std::get<0>(means.max(0));
  center_ = (low + high) / 2;
  half_extent_ = (high - low) * (0.5 * (1 + kMargin));
  half_extent_ = half_extent_.clamp_min(
      std::max(1e-6, kThinnest * half_extent_.max().item<double>()));
}

double Motion::TimeOf(double frame) const {
  if (shape_.loops) return frame / shape_.frames;
  return shape_.frames > 1 ? frame / (shape_.frames - 1) : 0;
}

Motion::Times Motion::TimesOf(const std::vector<double>& frames) const {
  std::vector<double> values;
  for (const double frame : frames) values.push_back(TimeOf(frame));
  Times times;
  times.count = static_cast<int64_t>(frames.size());
  // Frame 0 among the frames is its own anchor, to the bit.
  times.anchor = std::find(frames.begin(), frames.end(), 0.0) - frames.begin();
  if (shape_.anchors_first_frame && times.anchor == times.count) {
    values.push_back(TimeOf(0));
  }
  times.values = at::tensor(values, at::kDouble);
  return times;
}

GaussianBatch Motion::At(const Gaussians& canonical,
                         const std::vector<double>& frames) const {
  Times times = TimesOf(frames);
  times.values = times.values.to(canonical.means.device());
  return At(canonical, times);
}

GaussianBatch Motion::At(const Gaussians& canonical, const Times& times) const {
  const at::Tensor points = (canonical.means - center_) / half_extent_;
  Deltas deltas = deformation_(points, times.values);
  for (at::Tensor* delta : {&deltas.means, &deltas.log_scales,
                            &deltas.quaternions, &deltas.opacity_logits}) {
    if (!shape_.anchors_first_frame || !delta->defined()) continue;
    *delta =
        delta->narrow(0, 0, times.count) - delta->narrow(0, times.anchor, 1);
  }
  return {
      .means = Moved(canonical.means, deltas.means),
      .quaternions = Moved(canonical.quaternions, deltas.quaternions),
      .log_scales = Moved(canonical.log_scales, deltas.log_scales),
      .opacity_logits = Moved(canonical.opacity_logits, deltas.opacity_logits),
      .sh = canonical.sh.unsqueeze(0)};
}

std::vector<double> Motion::SampledFrames(int samples_per_frame) const {
  const int count = shape_.loops ? shape_.frames * samples_per_frame
                                 : (shape_.frames - 1) * samples_per_frame + 1;
  std::vector<double> frames;
  for (int i = 0; i < count; ++i) {
    frames.push_back(static_cast<double>(i) / samples_per_frame);
  }
  return frames;
}

GaussianFrames Motion::Bake(const Gaussians& canonical,
                            int samples_per_frame) const {
  const at::NoGradGuard no_grad;
  GaussianFrames baked;
  baked.times = SampledFrames(samples_per_frame);
  const GaussianBatch batch = At(canonical, baked.times);
  const auto all = [&](const at::Tensor& value) {
    std::vector<int64_t> sizes = value.sizes().vec();
    sizes[0] = baked.size();
    return value.expand(sizes).contiguous();
  };
  baked.means = all(batch.means);
  baked.quaternions = all(batch.quaternions);
  baked.log_scales = all(batch.log_scales);
  baked.opacity_logits = all(batch.opacity_logits);
  return baked;
}

bool Loops(const Video& video) {
  if (video.size() < 3) return false;
  constexpr int kSide = 64;
  std::vector<at::Tensor> frames;
  for (const Image& frame : video.frames) {
    frames.push_back(Composite(Resize(frame, kSide, kSide)));
  }
  const auto change = [&](size_t from, size_t to) {
    return (frames[from] - frames[to]).abs().mean().item<double>();
  };
  double largest = 0;
  for (size_t i = 0; i + 1 < frames.size(); ++i) {
    largest = std::max(largest, change(i, i + 1));
  }
  return change(frames.size() - 1, 0) <= 1.2 * largest;
}

}  // namespace dg4d::dynamic_gaussians
