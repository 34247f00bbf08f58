#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_VIEW_JOBS_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_VIEW_JOBS_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "dg4d/core/guidance.h"
#include "dg4d/core/renderer.h"
#include "dg4d/training/densify.h"
#include "dg4d/training/repeated_step.h"

// How a step of the dynamic stage renders all that it looks at in few calls.
namespace dg4d::dynamic_gaussians {

// Views to render together with what judges them: a guided batch, or the frames
// of the video.
struct Job {
  Views* views;
  // Views that the loss is a mean over.
  double averaged;
  std::function<at::Tensor()> loss;
};

// Every frame that some job shows, once, increasing.
std::vector<double> FramesOf(const std::vector<Job>& jobs);

// Jobs that can be rendered together: of one image size, and at most
// `max_views` views (0: any number) unless one job alone has more.
std::vector<std::vector<Job>> Group(const std::vector<Job>& jobs,
                                    int max_views);

// What Render is to draw for `jobs`, which have one image size, from a batch
// whose times are `frames`; and the backgrounds [views, 3].
RepeatedStep::Inputs::Rendered RenderedBy(const std::vector<Job>& jobs,
                                          const std::vector<double>& frames);
at::Tensor Backgrounds(const std::vector<Job>& jobs);

// Renders `jobs` in one call into their views. `background` lies where the
// batch does; `offsets` [views, N, 2] are the renderer's screen offsets, or
// undefined. Returns the Gaussians' radii [views, N].
at::Tensor Render(const GaussianRenderer& renderer, GaussianBatch batch,
                  const RepeatedStep::Inputs::Rendered& rendered,
                  const std::vector<Job>& jobs, const at::Tensor& background,
                  const at::Tensor& offsets);

// Notes how each job's views pull at the Gaussians on the screen: `gradients`
// are those of the offsets with which `jobs` were rendered; undefined: no pull.
void AddScreenGradients(const at::Tensor& gradients, const at::Tensor& radii,
                        const std::vector<Job>& jobs, ScreenGradients& sums);

// Copies of a batch's tensors that collect gradients, so that each group's
// backward() frees what its rendering kept, and the network's runs once.
GaussianBatch Leaves(const GaussianBatch& batch);

// Hands the gradients that `leaves` collected on to what `batch` came from,
// together with those of `regularisation`, if that is there.
void Backward(const GaussianBatch& batch, const GaussianBatch& leaves,
              const at::Tensor& regularisation);

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_VIEW_JOBS_H_
