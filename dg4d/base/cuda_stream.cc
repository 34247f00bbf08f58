#include "dg4d/base/cuda_stream.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

namespace dg4d {

void* CurrentCudaStream(c10::Device device) {
  TORCH_CHECK(device.is_cuda(), device, " is no CUDA device");
  return c10::impl::VirtualGuardImpl(device.type())
      .getStream(device)
      .native_handle();
}

namespace {

// Makes `to` the current stream, and what it is given wait for what `from` was.
void Change(const c10::Stream& from, const c10::Stream& to) {
  c10::Event event(from.device_type());
  event.record(from);
  event.block(to);
  c10::impl::VirtualGuardImpl(from.device_type()).exchangeStream(to);
}

}  // namespace

OwnCudaStream::OwnCudaStream(c10::Device device) {
  if (!device.is_cuda()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  before_ = guard.getStream(device);
  Change(*before_, guard.getStreamFromGlobalPool(device));
}

OwnCudaStream::~OwnCudaStream() {
  if (!before_.has_value()) return;
  const c10::impl::VirtualGuardImpl guard(before_->device_type());
  try {
    Change(guard.getStream(before_->device()), *before_);
  } catch (const c10::Error&) {
    // The device has failed, as who used it has been told or will be.
    guard.exchangeStream(*before_);
  }
}

}  // namespace dg4d
