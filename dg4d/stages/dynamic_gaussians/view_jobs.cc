#include "dg4d/stages/dynamic_gaussians/view_jobs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <map>
#include <utility>

namespace dg4d::dynamic_gaussians {

std::vector<double> FramesOf(const std::vector<Job>& jobs) {
  std::vector<double> frames;
  for (const Job& job : jobs) {
    frames.insert(frames.end(), job.views->frames.begin(),
                  job.views->frames.end());
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

RepeatedStep::Inputs::Rendered RenderedBy(const std::vector<Job>& jobs,
                                          const std::vector<double>& frames) {
  RepeatedStep::Inputs::Rendered rendered;
  rendered.times = static_cast<int64_t>(frames.size());
  for (const Job& job : jobs) {
    rendered.cameras.insert(rendered.cameras.end(), job.views->cameras.begin(),
                            job.views->cameras.end());
    for (const double frame : job.views->frames) {
      const auto found = std::lower_bound(frames.begin(), frames.end(), frame);
      rendered.time_of_camera.push_back(
          static_cast<int>(found - frames.begin()));
    }
  }
  return rendered;
}

at::Tensor Backgrounds(const std::vector<Job>& jobs) {
  std::vector<at::Tensor> backgrounds;
  for (const Job& job : jobs) backgrounds.push_back(job.views->background);
  return at::cat(backgrounds);
}

at::Tensor Render(const GaussianRenderer& renderer, GaussianBatch batch,
                  const RepeatedStep::Inputs::Rendered& rendered,
                  const std::vector<Job>& jobs, const at::Tensor& background,
                  const at::Tensor& offsets) {
  batch.time_of_camera = rendered.time_of_camera;
  const GaussianRendering rendering =
      renderer.Render(batch, rendered.cameras, background, offsets);
  int64_t first = 0;
  for (const Job& job : jobs) {
    const int64_t count = job.views->size();
    job.views->rgb = rendering.rgb.narrow(0, first, count);
    job.views->alpha = rendering.alpha.narrow(0, first, count);
    job.views->depth = rendering.depth.narrow(0, first, count);
    first += count;
  }
  return rendering.radii;
}

void AddScreenGradients(const at::Tensor& gradients, const at::Tensor& radii,
                        const std::vector<Job>& jobs, ScreenGradients& sums) {
  if (!gradients.defined()) return;
  int64_t first = 0;
  for (const Job& job : jobs) {
    const int64_t count = job.views->size();
    sums.Add(gradients.narrow(0, first, count), radii.narrow(0, first, count),
             job.averaged);
    first += count;
  }
}

std::vector<std::vector<Job>> Group(const std::vector<Job>& jobs,
                                    int max_views) {
  std::vector<std::vector<Job>> groups;
  std::map<std::pair<int, int>, size_t> open;  // by size: the group to add to
  std::vector<int> views;
  for (const Job& job : jobs) {
    const Camera& camera = job.views->cameras.front();
    const auto [entry, fresh] =
        open.try_emplace({camera.height, camera.width}, groups.size());
    const int count = job.views->size();
    if (fresh || (max_views > 0 && views[entry->second] + count > max_views)) {
      entry->second = groups.size();
      groups.emplace_back();
      views.push_back(0);
    }
    groups[entry->second].push_back(job);
    views[entry->second] += count;
  }
  return groups;
}

GaussianBatch Leaves(const GaussianBatch& batch) {
  const auto leaf = [](const at::Tensor& tensor) {
    return tensor.detach().set_requires_grad(tensor.requires_grad());
  };
  return {.means = leaf(batch.means),
          .quaternions = leaf(batch.quaternions),
          .log_scales = leaf(batch.log_scales),
          .opacity_logits = leaf(batch.opacity_logits),
          .sh = leaf(batch.sh)};
}

void Backward(const GaussianBatch& batch, const GaussianBatch& leaves,
              const at::Tensor& regularisation) {
  torch::autograd::variable_list outputs, gradients;
  const auto add = [&](const at::Tensor& output, const at::Tensor& leaf) {
    if (!leaf.requires_grad() || !leaf.grad().defined()) return;
    outputs.push_back(output);
    gradients.push_back(leaf.grad());
  };
  add(batch.means, leaves.means);
  add(batch.quaternions, leaves.quaternions);
  add(batch.log_scales, leaves.log_scales);
  add(batch.opacity_logits, leaves.opacity_logits);
  add(batch.sh, leaves.sh);
  if (regularisation.defined()) {
    outputs.push_back(regularisation);
    gradients.emplace_back(at::ones_like(regularisation));
  }
  if (!outputs.empty()) torch::autograd::backward(outputs, gradients);
}

}  // namespace dg4d::dynamic_gaussians
