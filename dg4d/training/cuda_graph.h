#ifndef DG4D_TRAINING_CUDA_GRAPH_H_
#define DG4D_TRAINING_CUDA_GRAPH_H_

#include <c10/core/Device.h>

#include <memory>

#include "absl/functional/function_ref.h"

namespace dg4d {

// Work of a GPU that is recorded once and then started as one launch, however
// many kernels it is.
//
//   CudaGraph graph(device, [&] { output = Work(input); });
//   input.copy_(...);
//   graph.Replay();  // output is what Work makes of the new input
//
// What is recorded are launches and addresses: everything that changes between
// replays must lie in tensors that are written in place, and the host's part of
// the work (numbers, branches, shapes) stays as it was. Memory that the work
// allocates stays the graph's as long as that lives, or a tensor in it does.
class CudaGraph {
 public:
  // Whether this program can record on `device`: not on the CPU and not without
  // --config=cuda.
  static bool CanRecord(c10::Device device);

  // Records `work`, which is not run. The current stream of `device` must not
  // be the one that torch starts with (OwnCudaStream), and the same work must
  // have run before, or libraries would set themselves up while it is recorded.
  // Throws what `work` throws, and c10::Error if it reads something back from
  // the device or does something else that cannot be recorded.
  CudaGraph(c10::Device device, absl::FunctionRef<void()> work);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  // Enqueues what was recorded on the device's current stream; waits for
  // nothing.
  void Replay();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dg4d

#endif  // DG4D_TRAINING_CUDA_GRAPH_H_
