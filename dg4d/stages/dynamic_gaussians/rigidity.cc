#include "dg4d/stages/dynamic_gaussians/rigidity.h"

#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_cross.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/sort.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <string>

#include "dg4d/base/cuda_stream.h"
#include "dg4d/kernels/knn.h"
#include "dg4d/kernels/knn_cuda.h"
#include "dg4d/stages/dynamic_gaussians/list_sums_cuda.h"

namespace dg4d::dynamic_gaussians {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

CUstream_st* StreamOf(const at::Tensor& tensor) {
  return static_cast<CUstream_st*>(CurrentCudaStream(tensor.device()));
}

void ThrowIfError(const absl::Status& status) {
  TORCH_CHECK(status.ok(), std::string(status.message()));
}

// Rows `index` of `rows` [T, N, 3] on a GPU. The gradients of a row come
// together in one order, which those of index_select do not.
class GatherFunction : public torch::autograd::Function<GatherFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows,
                            const at::Tensor& index, const at::Tensor& order,
                            const at::Tensor& begin) {
    context->save_for_backward({order, begin});
    return rows.index_select(1, index);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor values = gradients.front().contiguous();
    const c10::DeviceGuard guard(values.device());
    const EntryLists lists = {.lists = saved[1].numel() - 1,
                              .entries = saved[0].numel(),
                              .begin = saved[1].const_data_ptr<int64_t>(),
                              .order = saved[0].const_data_ptr<int64_t>()};
    const int64_t times = values.size(0);
    const at::Tensor sums =
        at::empty({times, lists.lists, 3}, values.options());
    AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "Rigidity", [&] {
      ThrowIfError(ListSumsCuda(lists, times, values.const_data_ptr<scalar_t>(),
                                sums.mutable_data_ptr<scalar_t>(),
                                StreamOf(values)));
    });
    return {sums, {}, {}, {}};
  }
};

}  // namespace

void Rigidity::FindNeighbours(const at::Tensor& means) {
  const c10::DeviceGuard guard(means.device());
  const at::Tensor points = means.detach().to(at::kFloat).contiguous();
  const at::Tensor neighbours = at::empty({points.size(0), kNeighbours},
                                          points.options().dtype(at::kLong));
  const KnnInputs inputs = {.points = points.const_data_ptr<float>(),
                            .count = points.size(0)};
  int64_t* const result = neighbours.mutable_data_ptr<int64_t>();
  if (means.is_cuda()) {
    ThrowIfError(
        NearestNeighboursCuda(inputs, kNeighbours, result, StreamOf(means)));
  } else {
    NearestNeighboursCpu(inputs, kNeighbours, result);
  }
  Set(neighbours.flatten());
}

void Rigidity::MoveTo(c10::Device device) { Set(neighbours_.to(device)); }

void Rigidity::Set(const at::Tensor& neighbours) {
  const auto set = [](at::Tensor& to, const at::Tensor& value) {
    if (to.defined() && to.device() == value.device() &&
        to.sizes() == value.sizes()) {
      to.copy_(value);
    } else {
      to = value;
    }
  };
  set(neighbours_, neighbours);
  if (!neighbours.is_cuda()) return;
  const auto [sorted, order] =
      at::sort(neighbours, /*stable=*/std::optional<bool>(true), /*dim=*/0);
  set(order_, order);
  set(begin_,
      at::searchsorted(sorted, at::arange(neighbours.numel() / kNeighbours + 1,
                                          neighbours.options())));
}

at::Tensor Rigidity::Gather(const at::Tensor& means) const {
  if (!means.is_cuda()) return means.index_select(1, neighbours_);
  return GatherFunction::apply(means, neighbours_, order_, begin_);
}

at::Tensor Rigidity::operator()(const Gaussians& canonical,
                                const GaussianBatch& batch) const {
  const int64_t count = canonical.size();
  const int64_t times = batch.means.size(0);
  // Offsets to the neighbours, at rest [1, N, K, 3] and at each time.
  const auto offsets = [&](const at::Tensor& means, int64_t frames) {
    return Gather(means).view({frames, count, kNeighbours, 3}) -
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
      opacity.flatten().index_select(0, neighbours_).view({count, kNeighbours});
  const at::Tensor stretch = (moved - expected).square().sum(-1) /
                             (squared + squared.mean().clamp_min(1e-12));
  return (stretch * weight).sum() /
         (weight.sum().clamp_min(1e-12) * static_cast<double>(times));
}

}  // namespace dg4d::dynamic_gaussians
