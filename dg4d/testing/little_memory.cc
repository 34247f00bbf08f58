#include "dg4d/testing/little_memory.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <new>

namespace dg4d {
namespace {

LittleMemory* now = nullptr;
int made = 0;

}  // namespace

// Before each block: blocks may outlive the LittleMemory that gave them.
struct alignas(64) LittleMemory::Header {
  size_t bytes;
  int of;  // its `number_`
};

LittleMemory::LittleMemory(size_t bytes) : number_(++made), bytes_(bytes) {
  now = this;
  c10::SetCPUAllocator(this, 1);
}

LittleMemory::~LittleMemory() {
  c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), 1);
  now = nullptr;
}

c10::DataPtr LittleMemory::allocate(size_t bytes) {
  TORCH_CHECK_WITH(OutOfMemoryError, used_ + bytes <= bytes_, "there are ",
                   bytes_, " bytes");
  used_ += bytes;
  most_ = std::max(most_, used_);
  auto* block = new (std::align_val_t(64)) std::byte[sizeof(Header) + bytes];
  *reinterpret_cast<Header*>(block) = {.bytes = bytes, .of = number_};
  std::byte* data = block + sizeof(Header);
  return {data, data, &Free, c10::Device(c10::kCPU)};
}

c10::DeleterFnPtr LittleMemory::raw_deleter() const { return &Free; }

void LittleMemory::copy_data(void* to, const void* from, size_t bytes) const {
  default_copy_data(to, from, bytes);
}

void LittleMemory::Free(void* data) {
  std::byte* block = static_cast<std::byte*>(data) - sizeof(Header);
  const auto& header = *reinterpret_cast<Header*>(block);
  if (now != nullptr && now->number_ == header.of) now->used_ -= header.bytes;
  operator delete[](block, std::align_val_t(64));
}

}  // namespace dg4d
