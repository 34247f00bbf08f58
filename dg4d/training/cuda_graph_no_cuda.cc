#include <c10/util/Exception.h>

#include "dg4d/training/cuda_graph.h"

namespace dg4d {

struct CudaGraph::State {};

bool CudaGraph::CanRecord(c10::Device) { return false; }

CudaGraph::CudaGraph(c10::Device device, absl::FunctionRef<void()>) {
  TORCH_CHECK(false, "built without CUDA: cannot record on ", device,
              "; add --config=cuda");
}

CudaGraph::~CudaGraph() = default;

void CudaGraph::Replay() {}

}  // namespace dg4d
