#include <sched.h>
#include <torch/version.h>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/version.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/diffusion/weight_report.h"
#include "gflags/gflags.h"
#include "tools/configs.h"
#include "tools/cuda_driver.h"
#include "tools/flags.h"
#include "tools/verb.h"

DEFINE_string(weights, "",
              "Folder of network weights in the diffusers layout: say what "
              "is there, and nothing else.");
DEFINE_string(variant, "",
              "Which of several weight files: fp16 for NAME.fp16.safetensors.");

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

// What a folder of weights holds; FailedPrecondition when something is amiss.
absl::Status DiagnoseWeights(const std::string& folder) {
  const auto report = diffusion::ReportWeights(folder, FLAGS_variant);
  if (!report.ok()) return report.status();
  int amiss = static_cast<int>(report->missing.size());
  for (const diffusion::ComponentReport& part : report->components) {
    std::string found = part.kind;
    if (part.parameters > 0) {
      absl::StrAppendFormat(&found, ", %d parameters, %s, %d bytes",
                            part.parameters, part.types, part.bytes);
    }
    if (!part.file.empty()) absl::StrAppend(&found, ", ", part.file);
    if (!part.status.ok()) {
      ++amiss;
      absl::StrAppend(&found, found.empty() ? "" : "\n",
                      "CANNOT be loaded: ", part.status.message());
    }
    Row(part.name, found);
  }
  for (const std::string& name : report->missing) Row(name, "MISSING");
  Row("licence", report->licences.empty()
                     ? "no file; look where the weights came from"
                     : absl::StrJoin(report->licences, ", "));
  if (report->components.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " holds no component: no subfolder has a config.json"));
  }
  Row("pipeline", report->pipeline.empty() ? "unknown" : report->pipeline);
  return amiss == 0 ? absl::OkStatus()
                    : absl::FailedPreconditionError(absl::StrCat(
                          folder, ": ", amiss, " components are amiss"));
}

absl::Status Diagnose(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    return absl::InvalidArgumentError("dg4d doctor takes no arguments");
  }
  if (!FLAGS_weights.empty()) return DiagnoseWeights(FLAGS_weights);
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
      .usage = "[--device=cuda] [--weights=FOLDER]",
      .flags = {"device", "weights", "variant"},
      .notes =
          "With --weights, reads headers and configurations of network "
          "weights, and checks\nthat every tensor is there in the right "
          "shape. No stage or guidance uses them yet.",
      .run = &Diagnose,
  };
  return verb;
}

}  // namespace dg4d
