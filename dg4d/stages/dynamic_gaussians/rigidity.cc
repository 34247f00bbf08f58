#include "dg4d/stages/dynamic_gaussians/rigidity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_cross.h>

#include "dg4d/kernels/knn.h"

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int kNeighbours = 6;

// Quaternions are w x y z in the last dimension.
at::Tensor Normalised(const at::Tensor& q) {
  return q / q.square().sum(-1, true).sqrt().clamp_min(1e-12);
}

// a times the conjugate of b: the turn from b to a.
at::Tensor TurnFrom(const at::Tensor& b, const at::Tensor& a) {
  const at::Tensor aw = a.narrow(-1, 0, 1), au = a.narrow(-1, 1, 3);
  const at::Tensor bw = b.narrow(-1, 0, 1);
  const at::Tensor bu = b.narrow(-1, 1, 3).expand_as(au);
  return at::cat({(aw * bw) + (au * bu).sum(-1, true),
                  bw * au - aw * bu - at::linalg_cross(au, bu)},
                 -1);
}

at::Tensor Rotated(const at::Tensor& vectors, const at::Tensor& q) {
  const at::Tensor u = q.narrow(-1, 1, 3).expand_as(vectors);
  const at::Tensor twice = 2 * at::linalg_cross(u, vectors);
  return vectors + q.narrow(-1, 0, 1) * twice + at::linalg_cross(u, twice);
}

}  // namespace

void Rigidity::FindNeighbours(const at::Tensor& means) {
  const at::Tensor points =
      means.detach().to(at::kCPU, at::kFloat).contiguous();
  at::Tensor neighbours = at::empty({points.size(0), kNeighbours}, at::kLong);
  NearestNeighboursCpu(
      {.points = points.const_data_ptr<float>(), .count = points.size(0)},
      kNeighbours, neighbours.mutable_data_ptr<int64_t>());
  neighbours_ = neighbours.flatten().to(means.device());
}

at::Tensor Rigidity::operator()(const Gaussians& canonical,
                                const GaussianBatch& batch) const {
  const int64_t count = canonical.size();
  const int64_t times = batch.means.size(0);
  // A restored state lies on the CPU.
  const at::Tensor neighbours = neighbours_.to(batch.means.device());
  // Offsets to the neighbours, at rest [1, N, K, 3] and at each time.
  const auto offsets = [&](const at::Tensor& means, int64_t frames) {
    return means.index_select(1, neighbours)
               .view({frames, count, kNeighbours, 3}) -
           means.unsqueeze(2);
  };
  const at::Tensor rest = offsets(canonical.means.unsqueeze(0), 1);
  const at::Tensor moved = offsets(batch.means, times);
  const at::Tensor turn = TurnFrom(Normalised(canonical.quaternions),
                                   Normalised(batch.quaternions));
  const at::Tensor expected = Rotated(rest.expand_as(moved), turn.unsqueeze(2));
  // What cannot be seen holds nothing together; what is far from its neighbours
  // counts no more than what is near.
  const at::Tensor squared = rest.detach().square().sum(-1);  // [1, N, K]
  const at::Tensor opacity = canonical.opacity_logits.detach().sigmoid();
  const at::Tensor weight =
      opacity *
      opacity.flatten().index_select(0, neighbours).view({count, kNeighbours});
  const at::Tensor stretch = (moved - expected).square().sum(-1) /
                             (squared + squared.mean().clamp_min(1e-12));
  return (stretch * weight).sum() /
         (weight.sum().clamp_min(1e-12) * static_cast<double>(times));
}

}  // namespace dg4d::dynamic_gaussians
