#ifndef DG4D_BASE_CUDA_STREAM_H_
#define DG4D_BASE_CUDA_STREAM_H_

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <optional>

namespace dg4d {

// The cudaStream_t that torch computes on now, on the CUDA device `device`.
// What a kernel of ours does there happens before and after torch's own work as
// the calls stand in the program. Needs no header of CUDA, so that its callers
// compile alike with and without --config=cuda.
//
// Launch under a c10::DeviceGuard for the same device: a stream belongs to one.
void* CurrentCudaStream(c10::Device device);

// While it lives, torch computes on a stream of its own on `device`, in this
// thread and in what backward() does for it: work can be recorded in a CUDA
// graph there, and not on the stream that torch starts with. What was enqueued
// before it comes first, on the device, and what is enqueued after it comes
// last. Does nothing for the CPU.
class OwnCudaStream {
 public:
  explicit OwnCudaStream(c10::Device device);
  ~OwnCudaStream();
  OwnCudaStream(const OwnCudaStream&) = delete;
  OwnCudaStream& operator=(const OwnCudaStream&) = delete;

 private:
  std::optional<c10::Stream> before_;
};

}  // namespace dg4d

#endif  // DG4D_BASE_CUDA_STREAM_H_
