#include "tools/flags.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <sched.h>

#include <opencv2/core/utility.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dg4d/base/parallel.h"
#include "tools/cuda_driver.h"

DEFINE_string(output, "", "Folder that the results are written to.");
DEFINE_string(device, "auto", "Where to compute: auto, cpu, cuda or cuda:N.");
DEFINE_int32(threads, 0,
             "Threads on the CPU; 0 uses all cores. Results do "
             "not depend on it.");
DEFINE_bool(overwrite, false, "Replace the results of an earlier run.");
DEFINE_bool(quiet, false, "Print errors only.");
DEFINE_uint64(seed, 0, "Seed of all randomness.");
DEFINE_double(input_fps, 0,
              "Frames a second of a sequence that is read from files; 0: what "
              "they say, else 7.");
DEFINE_string(input_up, "",
              "Upward axis of PLY files that are read, +y or -y; empty: what "
              "they say, else -y. Those of DreamGaussian4D are +y.");
DEFINE_int32(port, 8080, "Of the viewer's page; 0 takes one that is free.");
DEFINE_string(weights, "",
              "Folder of network weights in the diffusers layout, or of such "
              "folders.");
DEFINE_string(suite, "", "Which suite: see below.");

namespace dg4d {

bool BuiltWithCuda() { return at::Context::hasCUDART(); }

namespace {

// Of those that this binary can use.
int GpuCount() {
  if (!BuiltWithCuda()) return 0;
  try {
    return static_cast<int>(at::detail::getCUDAHooks().getNumGPUs());
  } catch (const c10::Error&) {
    return 0;
  }
}

std::string CudaVersion() {
  const int64_t version = at::Context::versionCUDART();
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

}  // namespace

absl::StatusOr<c10::Device> DeviceFromFlag() {
  const int gpus = GpuCount();
  if (FLAGS_device == "auto") {
    return gpus > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  if (FLAGS_device == "cpu") return c10::Device(c10::kCPU);
  absl::string_view name = FLAGS_device;
  int index = 0;
  if (!absl::ConsumePrefix(&name, "cuda") ||
      !(name.empty() || (absl::ConsumePrefix(&name, ":") &&
                         absl::SimpleAtoi(name, &index) && index >= 0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("flag --device cannot be '", FLAGS_device,
                     "'; it is auto, cpu, cuda or cuda:N"));
  }
  if (index < gpus) {
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "there is no device ", FLAGS_device, ": ",
      BuiltWithCuda()
          ? absl::StrCat("this machine has ", Describe(FindCudaDriver()),
                         "; this binary needs a driver for CUDA ",
                         CudaVersion(), " or newer")
          : "this binary was built without CUDA (add --config=cuda)",
      "; use --device=cpu"));
}

void ApplyThreads() {
  int threads = FLAGS_threads;
  if (threads <= 0) {
    cpu_set_t allowed;
    threads = sched_getaffinity(0, sizeof(allowed), &allowed) == 0
                  ? CPU_COUNT(&allowed)
                  : 1;
  }
  SetThreads(threads);
  at::set_num_threads(1);
  cv::setNumThreads(1);
}

}  // namespace dg4d
