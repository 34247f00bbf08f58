#ifndef TOOLS_CUDA_DRIVER_H_
#define TOOLS_CUDA_DRIVER_H_

#include <string>
#include <vector>

namespace dg4d {

// What this machine has of CUDA, asked of the driver itself: so a binary built
// without CUDA can tell too.
struct CudaDriver {
  struct Device {
    std::string name;
    double memory_gib = 0;
    int major = 0, minor = 0;  // compute capability
  };

  bool is_there = false;  // libcuda.so.1 could be loaded
  std::string error;      // why it has no devices to offer; else empty
  int version = 0;        // newest CUDA it knows: 13000 is 13.0
  std::vector<Device> devices;
};

// Starts the driver, which takes some tenths of a second where there is a GPU.
CudaDriver FindCudaDriver();

// "no NVIDIA driver (libcuda.so.1) ...", "driver for CUDA 13.0, devices: 0:
// NVIDIA H100, 79.2 GiB (sm_90)", ...: one line without a full stop.
std::string Describe(const CudaDriver& driver);

}  // namespace dg4d

#endif  // TOOLS_CUDA_DRIVER_H_
