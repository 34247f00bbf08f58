#ifndef DG4D_BASE_CUDA_STREAM_H_
#define DG4D_BASE_CUDA_STREAM_H_

#include <c10/core/Device.h>

namespace dg4d {

// The cudaStream_t that torch computes on now, on the CUDA device `device`.
// What a kernel of ours does there happens before and after torch's own work as
// the calls stand in the program. Needs no header of CUDA, so that its callers
// compile alike with and without --config=cuda.
//
// Launch under a c10::DeviceGuard for the same device: a stream belongs to one.
void* CurrentCudaStream(c10::Device device);

}  // namespace dg4d

#endif  // DG4D_BASE_CUDA_STREAM_H_
