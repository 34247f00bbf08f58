#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_RIGIDITY_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_RIGIDITY_H_

#include <ATen/core/Tensor.h>

#include "dg4d/core/renderer.h"
#include "dg4d/core/state_archive.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d::dynamic_gaussians {

// Keeps what is near together while it moves, as rigidly as may be (Sorkine &
// Alexa 2007; for Gaussians Luiten et al. 2024): a Gaussian's nearest
// neighbours at rest should be found, at each time, where its own rotation
// since then takes them. Colours alone do not say where on a plain or repeating
// surface a Gaussian belongs; this does, and it ties rotations to the motion of
// what lies around.
class Rigidity {
 public:
  // Looks for the neighbours of Gaussians that rest at `means` [N, 3]. Writes
  // them in place of those before, where there are as many.
  void FindNeighbours(const at::Tensor& means);

  // To where the Gaussians are: a restored state lies on the CPU.
  void MoveTo(c10::Device device);

  // The mean squared distance of the neighbours of `canonical` in `batch`, its
  // motion, from where they should be, in units of their mean squared distance
  // at rest: 0 for rigid motion, about 0.01 if all is stretched by a tenth.
  // Differentiable in both. `canonical` has the rows that the last call of
  // FindNeighbours had. Scalar.
  at::Tensor operator()(const Gaussians& canonical,
                        const GaussianBatch& batch) const;

  void VisitState(StateArchive& archive) { archive("neighbours", neighbours_); }

 private:
  // Takes `neighbours`, in place where it can.
  void Set(const at::Tensor& neighbours);

  // The rows of `means` [T, N, 3] that are neighbours: [T, N * kNeighbours, 3].
  at::Tensor Gather(const at::Tensor& means) const;

  at::Tensor neighbours_;  // int64 [N * kNeighbours]
  // On a GPU: the entries of neighbours_ in the order of their values, and
  // where those of each value begin, [N + 1] (EntryLists).
  at::Tensor order_, begin_;
};

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_RIGIDITY_H_
