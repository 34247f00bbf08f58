#include "dg4d/base/cuda_stream.h"

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

namespace dg4d {

void* CurrentCudaStream(c10::Device device) {
  TORCH_CHECK(device.is_cuda(), device, " is no CUDA device");
  return c10::impl::VirtualGuardImpl(device.type())
      .getStream(device)
      .native_handle();
}

}  // namespace dg4d
