#include <sched.h>
#include <torch/version.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "dg4d/base/status.h"
#include "dg4d/base/version.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/diffusion/weight_report.h"
#include "gflags/gflags.h"
#include "tools/configs.h"
#include "tools/cuda_driver.h"
#include "tools/flags.h"
#include "tools/verb.h"

DEFINE_string(variant, "",
              "Which of several weight files: fp16 for NAME.fp16.safetensors.");

namespace dg4d {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;
// A component that need not be there.
constexpr char kFeatureExtractor[] = "feature_extractor";
constexpr char kPublished[] =
    "no preprocessor_config.json: pictures are prepared as for all published "
    "encoders";
// What the built-in image_to_4d line holds at its peak, with room.
constexpr double kNeededGib = 4;

void Row(absl::string_view what, absl::string_view value, int width = 12) {
  std::cout << absl::StrFormat("%-*s %s\n", width, what, value);
}

// Of a folder of weights: as wide as the longest name of a component.
void PartRow(absl::string_view what, absl::string_view value) {
  Row(what, value, 22);
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
absl::Status DiagnosePipeline(const std::string& folder,
                              const diffusion::WeightReport& report) {
  auto amiss = report.missing.size();
  bool sees = false;
  for (const diffusion::ComponentReport& part : report.components) {
    std::vector<std::string> found;
    if (!part.kind.empty()) found.push_back(part.kind);
    if (part.parameters > 0) {
      found.push_back(absl::StrFormat("%d parameters, %s, %d bytes",
                                      part.parameters, part.types, part.bytes));
    }
    if (!part.file.empty()) found.push_back(part.file);
    std::string text = absl::StrJoin(found, ", ");
    if (part.name == kFeatureExtractor) {
      sees = true;
      if (part.file.empty()) text = kPublished;
    }
    if (!part.status.ok()) {
      ++amiss;
      absl::StrAppend(&text, text.empty() ? "" : "\n",
                      "CANNOT be loaded: ", part.status.message());
    }
    PartRow(part.name, text);
  }
  if (!sees && !report.pipeline.empty()) PartRow(kFeatureExtractor, kPublished);
  for (const std::string& name : report.missing) PartRow(name, "MISSING");
  if (!report.unread.empty()) {
    PartRow("not read", absl::StrJoin(report.unread, ", "));
  }
  PartRow("licence", report.licences.empty()
                         ? "no file; look where the weights came from"
                         : absl::StrJoin(report.licences, ", "));
  PartRow("pipeline", report.pipeline.empty() ? "UNKNOWN" : report.pipeline);
  if (amiss > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": ", amiss, " components are amiss"));
  }
  return report.together;
}

// The folders that plugins look for unless told otherwise, each with the names
// of these: those that have an option `path` beside one `variant`.
std::map<std::string, std::vector<std::string>> DefaultFolders() {
  std::map<std::string, std::vector<std::string>> readers;
  const auto add = [&](const auto& plugins) {
    for (const auto& [name, plugin] : plugins) {
      std::string path;
      bool weights = false;
      for (const OptionDescription& option : plugin.describe()) {
        if (option.name == "path") path = option.default_value;
        weights |= option.name == "variant";
      }
      if (weights) readers[path].push_back(name);
    }
  };
  add(Registry<Guidance>::Plugins());
  add(Registry<Stage>::Plugins());
  return readers;
}

// The same of a folder, or of all folders in it.
absl::Status DiagnoseWeights(const std::string& folder) {
  DG4D_ASSIGN_OR_RETURN(const diffusion::WeightReport report,
                        diffusion::ReportWeights(folder, FLAGS_variant));
  if (!report.components.empty()) return DiagnosePipeline(folder, report);
  std::vector<std::string> inside;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_directory()) inside.push_back(entry.path().string());
  }
  std::sort(inside.begin(), inside.end());
  std::map<std::string, std::vector<std::string>> absent = DefaultFolders();
  int pipelines = 0;
  std::vector<std::string> amiss;
  for (const std::string& path : inside) {
    DG4D_ASSIGN_OR_RETURN(const diffusion::WeightReport part,
                          diffusion::ReportWeights(path, FLAGS_variant));
    if (part.components.empty()) continue;
    const std::string name = std::filesystem::path(path).filename().string();
    const auto readers = absent.find(name);
    if (pipelines++ > 0) std::cout << "\n";
    PartRow("folder", readers == absent.end()
                          ? path
                          : absl::StrCat(path, ", of ",
                                         absl::StrJoin(readers->second, ", ")));
    absent.erase(name);
    const absl::Status status = DiagnosePipeline(path, part);
    if (!status.ok()) amiss.emplace_back(status.message());
  }
  if (pipelines == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder,
        " holds no component, nor does a folder in it: no subfolder "
        "is called unet, vae, ..."));
  }
  // Nothing is wrong with having the weights of some plugins only.
  for (const auto& [name, readers] : absent) {
    std::cout << "\n";
    PartRow("folder", absl::StrCat(name, ", of ", absl::StrJoin(readers, ", "),
                                   ": NOT HERE"));
  }
  return amiss.empty()
             ? absl::OkStatus()
             : absl::FailedPreconditionError(absl::StrJoin(amiss, "; "));
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
  const RunContext nothing_given;
  for (const auto& [name, yaml] : EmbeddedConfigs()) {
    const auto config = LoadConfig(name);
    const auto pipeline =
        config.ok() ? Pipeline::Create(*config) : config.status();
    std::string finding = "can run";
    if (!pipeline.ok()) {
      finding = absl::StrCat("CANNOT run: ", pipeline.status().message());
    } else if (const absl::Status ready = pipeline->CheckReady(nothing_given);
               !ready.ok()) {
      const std::vector<absl::string_view> lines =
          absl::StrSplit(ready.message(), absl::MaxSplits('\n', 1));
      finding = absl::StrCat("needs more: ", lines[0]);
    }
    Row("config", absl::StrCat(name, ": ", finding));
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
          "weights (of a folder,\nor of all folders in it), and checks that "
          "every tensor is there in the right shape.",
      .run = &Diagnose,
  };
  return verb;
}

}  // namespace dg4d
