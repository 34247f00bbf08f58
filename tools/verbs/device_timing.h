#ifndef TOOLS_VERBS_DEVICE_TIMING_H_
#define TOOLS_VERBS_DEVICE_TIMING_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>

#include "benchmark/benchmark.h"

namespace dg4d {

// Waits for all that `device` has to do.
void Synchronize(const c10::Device& device);

// What is allocated on a GPU besides torch's own memory.
class DeviceMemory {
 public:
  explicit DeviceMemory(const c10::Device& device);
  // Bytes by which it has grown since this object was made; 0 on the CPU.
  int64_t Grown() const;

 private:
  int64_t Now() const;

  const c10::Device device_;
  const int64_t before_;
};

// Times `call`, what a user's program does once a step: three calls to warm up,
// then the state's iterations, before each of which `reset` is called and the
// device is idle. On a GPU by events around the call, so that neither the
// host's time nor the device's is left out.
//
// Counters: median_ms; on a GPU also peak_MiB, the most that torch's allocator
// held during the calls, and what others allocated since `others` was made.
void TimeCalls(benchmark::State& state, const c10::Device& device,
               const DeviceMemory& others, const std::function<void()>& reset,
               const std::function<void()>& call);

}  // namespace dg4d

#endif  // TOOLS_VERBS_DEVICE_TIMING_H_
