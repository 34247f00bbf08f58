#include <sched.h>
#include <torch/version.h>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "tools/configs.h"
#include "tools/cuda_driver.h"
#include "tools/flags.h"
#include "tools/verb.h"
#include "tools/version.h"

namespace dg4d {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;
// What the built-in image_to_4d line holds at its peak, with room.
constexpr double kNeededGib = 4;

void Row(absl::string_view what, absl::string_view value) {
  std::cout << absl::StrFormat("%-12s %s\n", what, value);
}

std::string CpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown";
}

double AvailableGib() {
  std::ifstream info("/proc/meminfo");
  std::string name;
  for (double kib; info >> name >> kib; info.ignore(64, '\n')) {
    if (name == "MemAvailable:") return kib * 1024 / kGib;
  }
  return 0;
}

absl::Status Diagnose(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    return absl::InvalidArgumentError("dg4d doctor takes no arguments");
  }
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  Row("dg4d", absl::StrCat(kVersion, ", LibTorch ", TORCH_VERSION));
  Row("CPU", absl::StrCat(
                 CpuName(), ", ", CPU_COUNT(&allowed), " threads, ",
                 __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                     ? "AVX2 kernels"
                     : "no AVX2: kernels run unvectorised"));
  const double gib = AvailableGib();
  Row("memory",
      absl::StrFormat("%.1f GiB free; the built-in line needs up to %.0f%s",
                      gib, kNeededGib,
                      gib < kNeededGib ? ": TOO LITTLE, lower "
                                         "stages.preprocess.size"
                                       : ""));
  const auto device = DeviceFromFlag();
  Row("device", !device.ok()        ? std::string(device.status().message())
                : device->is_cuda() ? device->str()
                : BuiltWithCuda()
                    ? "cpu"
                    : "cpu (built without CUDA: add --config=cuda)");
  Row("CUDA", Describe(FindCudaDriver()));
  for (const auto& [name, finding] : CodecFindings()) Row(name, finding);
  Row("plugins",
      absl::StrCat(Registry<Stage>::Names().size(), " stages, ",
                   Registry<Guidance>::Names().size(), " guidances, ",
                   Registry<Renderer>::Names().size(), " renderers, ",
                   Registry<Exporter>::Names().size(), " exporters"));
  for (const auto& [name, yaml] : EmbeddedConfigs()) {
    const auto config = LoadConfig(name);
    const auto pipeline =
        config.ok() ? Pipeline::Create(*config) : config.status();
    Row(absl::StrCat("config"),
        absl::StrCat(
            name, ": ",
            pipeline.ok()
                ? "can run"
                : absl::StrCat("CANNOT run: ", pipeline.status().message())));
  }
  return device.status();
}

}  // namespace

const Verb& DoctorVerb() {
  static const auto& verb = *new Verb{
      .name = "doctor",
      .summary = "Tells what this machine and this binary can run.",
      .usage = "[--device=cuda]",
      .flags = {"device"},
      .notes = "",
      .run = &Diagnose,
  };
  return verb;
}

}  // namespace dg4d
