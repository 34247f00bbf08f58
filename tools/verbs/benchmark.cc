#include "benchmark/benchmark.h"

#include <c10/core/DeviceGuard.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/seeded_folder.h"
#include "dg4d/kernels/gaussian_raster_benchmark.h"
#include "dg4d/kernels/mesh_raster_benchmark.h"
#include "gflags/gflags.h"
#include "tools/flags.h"
#include "tools/verb.h"
#include "tools/verbs/gaussian_benchmark.h"
#include "tools/verbs/mesh_benchmark.h"
#include "tools/verbs/sds_benchmark.h"

DEFINE_string(filter, "",
              "Only benchmarks whose name this regular expression "
              "matches.");

DEFINE_string(networks, "tiny",
              "Networks of seeded weights to time where no --weights are "
              "given: tiny, or full, of the published sizes (7 GB in a "
              "temporary folder).");

DEFINE_string(arrays, "",
              "Suite raster on a GPU: folder that the scenes, and the images "
              "and gradients that came of them, are written to as .npy files, "
              "for other rasterisers to be compared.");

namespace dg4d {
namespace {

namespace fs = std::filesystem;

constexpr char kZero123[] = "zero123-xl-diffusers";
constexpr char kSvd[] = "stable-video-diffusion-img2vid";

// A folder for networks of seeded weights that goes when it is done with.
class SeededNetworks {
 public:
  SeededNetworks()
      : folder_((fs::temp_directory_path() /
                 absl::StrCat("dg4d_networks_", getpid()))
                    .string()) {}
  ~SeededNetworks() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  SeededNetworks(const SeededNetworks&) = delete;
  SeededNetworks& operator=(const SeededNetworks&) = delete;

  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

absl::Status RegisterSds(c10::Device device,
                         const std::string& temporary_folder) {
  ApplyThreads();
  SdsBenchmarkOptions options = {.device = device};
  if (!FLAGS_weights.empty()) {
    const RunContext context({.weights = FLAGS_weights});
    DG4D_ASSIGN_OR_RETURN(options.zero123, context.FindWeights(kZero123));
    DG4D_ASSIGN_OR_RETURN(options.svd, context.FindWeights(kSvd));
    return RegisterSdsBenchmarks(options);
  }
  options.zero123 = absl::StrCat(temporary_folder, "/", kZero123);
  options.svd = absl::StrCat(temporary_folder, "/", kSvd);
  const at::ScalarType type = FLAGS_networks == "full" ? at::kHalf : at::kFloat;
  DG4D_RETURN_IF_ERROR(diffusion::WriteSeededPipeline("zero123", FLAGS_networks,
                                                      type, options.zero123));
  DG4D_RETURN_IF_ERROR(
      diffusion::WriteSeededPipeline("svd", FLAGS_networks, type, options.svd));
  if (FLAGS_networks == "tiny") {
    options.views = {2, 3};
    options.render_size = options.view_size = options.frame_size = 64;
    options.frames = 3;
  }
  return RegisterSdsBenchmarks(options);
}

absl::Status RegisterRaster(c10::Device device) {
  if (device.is_cpu()) {
    RegisterGaussianRasterBenchmarks();
    RegisterMeshRasterBenchmarks();
    return absl::OkStatus();
  }
  ApplyThreads();
  RegisterGaussianBenchmarks(device, FLAGS_arrays);
  RegisterMeshBenchmarks(device);
  return absl::OkStatus();
}

absl::Status RunBenchmarks(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    return absl::InvalidArgumentError("dg4d benchmark takes no arguments");
  }
  const std::string suite = FLAGS_suite.empty() ? "raster" : FLAGS_suite;
  DG4D_ASSIGN_OR_RETURN(const c10::Device device, DeviceFromFlag());
  const c10::DeviceGuard guard(device);
  const SeededNetworks seeded;
  if (suite == "raster") {
    DG4D_RETURN_IF_ERROR(RegisterRaster(device));
  } else if (suite == "sds") {
    DG4D_RETURN_IF_ERROR(RegisterSds(device, seeded.folder()));
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("no suite '", suite, "'; there are: raster, sds"));
  }

  std::vector<std::string> words = {"dg4d"};
  if (!FLAGS_filter.empty()) {
    words.push_back(absl::StrCat("--benchmark_filter=", FLAGS_filter));
  }
  if (!FLAGS_output.empty()) {
    DG4D_RETURN_IF_ERROR(CreateDirectories(FLAGS_output));
    words.push_back(
        absl::StrCat("--benchmark_out=", FLAGS_output, "/", suite, ".json"));
    words.push_back("--benchmark_out_format=json");
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("no benchmark matches --filter=", FLAGS_filter));
  }
  return absl::OkStatus();
}

}  // namespace

const Verb& BenchmarkVerb() {
  static const auto& verb = *new Verb{
      .name = "benchmark",
      .summary = "Measures how fast this machine is.",
      .usage = "[--suite=raster|sds] [--output=FOLDER]",
      .flags = {"suite", "filter", "output", "device", "weights", "networks",
                "arrays"},
      .notes =
          "Suite raster: the Gaussian and the mesh rasteriser on fixed "
          "scenes, forward and\nbackward: on the CPU the kernels, with 1 and "
          "2 threads, on a GPU through autograd.\n"
          "Suite sds: the diffusion networks, part by part, on --device: those "
          "of --weights, or seeded\nones. Times of tiny networks mean "
          "nothing.\n"
          "With --output, the figures are also written to "
          "FOLDER/SUITE.json.\n",
      .run = &RunBenchmarks,
  };
  return verb;
}

}  // namespace dg4d
