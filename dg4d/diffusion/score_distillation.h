#ifndef DG4D_DIFFUSION_SCORE_DISTILLATION_H_
#define DG4D_DIFFUSION_SCORE_DISTILLATION_H_

#include <ATen/core/Tensor.h>

#include "dg4d/diffusion/scheduler.h"

namespace dg4d::diffusion {

// Score distillation (Poole et al. 2023): a network that can denoise pictures
// of the object says how a rendering should change. Noise is added to the
// rendering's latents; what the network takes for noise beyond the noise that
// was added is what it would remove.

// The time step at `progress` in [0, 1]: from the noisiest to the clearest
// (Huang et al. 2023), within [first, last] shares of the training steps.
int AnnealedTimestep(double progress, double first, double last,
                     int train_steps);

// x_t of clean latents.
at::Tensor AddNoise(const at::Tensor& latents, const at::Tensor& noise, int t,
                    const DdimScheduler& scheduler);

// Classifier-free guidance (Ho and Salimans 2021): 0 is unconditional, 1
// conditional, more exaggerates the condition.
at::Tensor Guide(const at::Tensor& conditional, const at::Tensor& unconditional,
                 double scale);

// (1 - a_t) (noise_hat - noise): the derivative of a loss by the latents, in
// float32; zero where the network gave no number.
at::Tensor DistillationGradient(const at::Tensor& output,
                                const at::Tensor& noisy,
                                const at::Tensor& noise, int t,
                                const DdimScheduler& scheduler);

// A scalar of this value whose derivative by `images` is `gradients`: for
// losses that ran their backward pass already.
at::Tensor LossFromGradient(const at::Tensor& value, const at::Tensor& images,
                            const at::Tensor& gradients);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_SCORE_DISTILLATION_H_
