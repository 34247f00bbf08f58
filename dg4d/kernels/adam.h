#ifndef DG4D_KERNELS_ADAM_H_
#define DG4D_KERNELS_ADAM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dg4d/kernels/adam_math.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d {

// A parameter's entries in the memory of the current device.
struct AdamParameter {
  int64_t count = 0;
  const float* gradient = nullptr;
  float* value = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  const adam::StepConstants* constants = nullptr;
};

// Steps all `parameters`, in one launch for every 40 of them, on `stream`; each
// block reads its parameter's constants when it runs, so that a recorded launch
// may be repeated with others.
// Entries whose gradient is not finite stay and are added to `*non_finite`, on
// the device. Same bytes every time; waits for nothing.
//
// Unimplemented without --config=cuda.
absl::Status AdamStepCuda(absl::Span<const AdamParameter> parameters,
                          int64_t* non_finite, CUstream_st* stream);

}  // namespace dg4d

#endif  // DG4D_KERNELS_ADAM_H_
