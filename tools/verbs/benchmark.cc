#include "benchmark/benchmark.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/kernels/gaussian_raster_benchmark.h"
#include "dg4d/kernels/mesh_raster_benchmark.h"
#include "gflags/gflags.h"
#include "tools/flags.h"
#include "tools/verb.h"

DEFINE_string(filter, "",
              "Only benchmarks whose name this regular expression "
              "matches.");

namespace dg4d {
namespace {

absl::Status RunBenchmarks(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    return absl::InvalidArgumentError("dg4d benchmark takes no arguments");
  }
  if (!FLAGS_suite.empty() && FLAGS_suite != "raster") {
    return absl::InvalidArgumentError(
        absl::StrCat("no suite '", FLAGS_suite, "'; there is: raster"));
  }
  RegisterGaussianRasterBenchmarks();
  RegisterMeshRasterBenchmarks();

  std::vector<std::string> words = {"dg4d"};
  if (!FLAGS_filter.empty()) {
    words.push_back(absl::StrCat("--benchmark_filter=", FLAGS_filter));
  }
  if (!FLAGS_output.empty()) {
    DG4D_RETURN_IF_ERROR(CreateDirectories(FLAGS_output));
    words.push_back(
        absl::StrCat("--benchmark_out=", FLAGS_output, "/raster.json"));
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
      .summary = "Measures how fast the kernels are on this machine.",
      .usage = "[--suite=raster] [--output=FOLDER]",
      .flags = {"suite", "filter", "output"},
      .notes =
          "Suite raster: the Gaussian and the mesh rasteriser on fixed "
          "scenes, forward and backward, with 1 and 2 threads.\n"
          "With --output, the figures are also written to "
          "FOLDER/raster.json.\n",
      .run = &RunBenchmarks,
  };
  return verb;
}

}  // namespace dg4d
