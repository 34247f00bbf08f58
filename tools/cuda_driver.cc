#include "tools/cuda_driver.h"

#include <dlfcn.h>

#include <cstddef>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace dg4d {
namespace {

// The driver's interface (cuda.h), as far as it is needed. It never changes:
// newer versions of a function get a new name.
using Result = int;
constexpr Result kSuccess = 0;
constexpr int kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76;

struct Driver {
  void* library = nullptr;
  Result (*init)(unsigned) = nullptr;
  Result (*get_version)(int*) = nullptr;
  Result (*get_count)(int*) = nullptr;
  Result (*get)(int*, int) = nullptr;
  Result (*get_name)(char*, int, int) = nullptr;
  Result (*get_memory)(size_t*, int) = nullptr;
  Result (*get_attribute)(int*, int, int) = nullptr;
  Result (*get_error)(Result, const char**) = nullptr;

  bool Load() {
    library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    bool complete = true;
    const auto find = [&](const char* name, auto& function) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(
          dlsym(library, name));
      complete = complete && function != nullptr;
    };
    find("cuInit", init);
    find("cuDriverGetVersion", get_version);
    find("cuDeviceGetCount", get_count);
    find("cuDeviceGet", get);
    find("cuDeviceGetName", get_name);
    find("cuDeviceTotalMem_v2", get_memory);
    find("cuDeviceGetAttribute", get_attribute);
    find("cuGetErrorString", get_error);
    return complete;
  }

  std::string Error(Result result) const {
    const char* text = nullptr;
    if (get_error(result, &text) != kSuccess || text == nullptr) text = "?";
    return absl::StrCat("error ", result, ", ", text);
  }
};

std::string Version(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

}  // namespace

CudaDriver FindCudaDriver() {
  CudaDriver found;
  Driver driver;
  if (!driver.Load()) {
    found.is_there = driver.library != nullptr;
    found.error = found.is_there
                      ? "libcuda.so.1 is no NVIDIA driver"
                      : "no NVIDIA driver (libcuda.so.1 is not there)";
    return found;
  }
  found.is_there = true;
  driver.get_version(&found.version);
  Result result = driver.init(0);
  int count = 0;
  if (result == kSuccess) result = driver.get_count(&count);
  if (result != kSuccess) {
    found.error = driver.Error(result);
    return found;
  }
  for (int i = 0; i < count; ++i) {
    int handle = 0;
    char name[256] = "";
    size_t bytes = 0;
    CudaDriver::Device device;
    if (driver.get(&handle, i) != kSuccess) continue;
    driver.get_name(name, sizeof(name), handle);
    driver.get_memory(&bytes, handle);
    driver.get_attribute(&device.major, kComputeCapabilityMajor, handle);
    driver.get_attribute(&device.minor, kComputeCapabilityMinor, handle);
    device.name = name;
    device.memory_gib = static_cast<double>(bytes) / (1 << 30);
    found.devices.push_back(device);
  }
  if (found.devices.empty()) found.error = "it offers no device";
  return found;
}

std::string Describe(const CudaDriver& driver) {
  if (!driver.is_there) return driver.error;
  std::string text = driver.version > 0 ? absl::StrCat("driver for CUDA up to ",
                                                       Version(driver.version))
                                        : "an NVIDIA driver";
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (!driver.error.empty()) {
    absl::StrAppend(&text, ", but no device: ", driver.error);
  } else {
    int index = 0;
    absl::StrAppend(
        &text, ", devices: ",
        absl::StrJoin(driver.devices, "; ",
                      [&](std::string* out, const CudaDriver::Device& device) {
                        absl::StrAppendFormat(out, "%d: %s, %.1f GiB (sm_%d%d)",
                                              index++, device.name,
                                              device.memory_gib, device.major,
                                              device.minor);
                      }));
  }
  if (visible != nullptr) {
    absl::StrAppend(&text, "; CUDA_VISIBLE_DEVICES is '", visible, "'");
  }
  return text;
}

}  // namespace dg4d
