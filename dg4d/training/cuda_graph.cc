#include "dg4d/training/cuda_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include <exception>

namespace dg4d {

struct CudaGraph::State {
  c10::Device device;
  at::cuda::CUDAGraph graph;
};

bool CudaGraph::CanRecord(c10::Device device) { return device.is_cuda(); }

CudaGraph::CudaGraph(c10::Device device, absl::FunctionRef<void()> work)
    : state_(new State{
          .device = {c10::kCUDA, device.has_index()
                                     ? device.index()
                                     : c10::cuda::current_device()}}) {
  const c10::DeviceGuard guard(state_->device);
  const c10::DeviceIndex index = state_->device.index();
  const auto pool = at::cuda::graph_pool_handle();
  // Of this thread alone: others may allocate meanwhile.
  state_->graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
  std::exception_ptr thrown;
  try {
    work();
  } catch (...) {
    thrown = std::current_exception();
  }
  try {
    state_->graph.capture_end();
  } catch (const c10::Error&) {
    // Something was not to be recorded. The allocator has not heard of the end.
    cudaGetLastError();
    c10::cuda::CUDACachingAllocator::endAllocateToPool(index, pool);
    c10::cuda::CUDACachingAllocator::releasePool(index, pool);
    if (!thrown) thrown = std::current_exception();
  }
  if (thrown) std::rethrow_exception(thrown);
}

CudaGraph::~CudaGraph() = default;

void CudaGraph::Replay() {
  const c10::DeviceGuard guard(state_->device);
  state_->graph.replay();
}

}  // namespace dg4d
