#include "tools/verbs/device_timing.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace dg4d {
namespace {

// Bytes that torch's allocator has taken from the device.
int64_t ReservedByTorch(const c10::Device& device) {
  return at::accelerator::getDeviceStats(device.index())
      .reserved_bytes[0]
      .current;
}

double Milliseconds(const c10::Device& device,
                    const std::function<void()>& call) {
  if (device.is_cpu()) {
    const absl::Time start = absl::Now();
    call();
    return absl::ToDoubleMilliseconds(absl::Now() - start);
  }
  const c10::Stream stream =
      c10::impl::VirtualGuardImpl(device.type()).getStream(device);
  c10::Event begin(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  c10::Event end(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  begin.record(stream);
  call();
  end.record(stream);
  end.synchronize();
  return begin.elapsedTime(end);
}

}  // namespace

void Synchronize(const c10::Device& device) {
  if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
}

DeviceMemory::DeviceMemory(const c10::Device& device)
    : device_(device), before_(Now()) {}

int64_t DeviceMemory::Now() const {
  if (device_.is_cpu()) return 0;
  Synchronize(device_);
  const auto [free, total] = at::accelerator::getMemoryInfo(device_.index());
  return static_cast<int64_t>(total - free) - ReservedByTorch(device_);
}

int64_t DeviceMemory::Grown() const {
  return std::max<int64_t>(Now() - before_, 0);
}

void TimeCalls(benchmark::State& state, const c10::Device& device,
               const DeviceMemory& others, const std::function<void()>& reset,
               const std::function<void()>& call) {
  constexpr int kWarmUps = 3;
  for (int i = 0; i < kWarmUps; ++i) {
    reset();
    call();
  }
  reset();
  Synchronize(device);
  if (!device.is_cpu()) at::accelerator::resetPeakStats(device.index());
  std::vector<double> times;
  for (auto _ : state) {
    reset();
    Synchronize(device);
    times.push_back(Milliseconds(device, call));
    state.SetIterationTime(times.back() / 1000);
  }
  std::sort(times.begin(), times.end());
  const size_t count = times.size();
  state.counters["median_ms"] = (times[(count - 1) / 2] + times[count / 2]) / 2;
  if (device.is_cpu()) return;
  constexpr double kMiB = 1 << 20;
  const int64_t peak =
      at::accelerator::getDeviceStats(device.index()).allocated_bytes[0].peak;
  state.counters["peak_MiB"] =
      static_cast<double>(peak + others.Grown()) / kMiB;
}

}  // namespace dg4d
