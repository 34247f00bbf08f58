#ifndef DG4D_KERNELS_CUDA_STATUS_H_
#define DG4D_KERNELS_CUDA_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#endif

namespace dg4d {

// What a CUDA kernel's stand-in answers in a build without CUDA.
inline absl::Status BuiltWithoutCuda() {
  return absl::UnimplementedError(
      "this binary was built without CUDA: add --config=cuda");
}

#ifdef __CUDACC__
// OK, or what CUDA has to say about `what`.
inline absl::Status CudaStatus(cudaError_t error, absl::string_view what) {
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", cudaGetErrorName(error),
                                           ": ", cudaGetErrorString(error));
  return error == cudaErrorMemoryAllocation
             ? absl::ResourceExhaustedError(message)
             : absl::InternalError(message);
}

// Whether the launches since the last call were accepted.
inline absl::Status LaunchStatus(absl::string_view what) {
  return CudaStatus(cudaGetLastError(), what);
}
#endif

}  // namespace dg4d

#endif  // DG4D_KERNELS_CUDA_STATUS_H_
