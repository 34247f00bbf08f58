// How large files of Gaussians are, and how fast they are written and read, in
// memory:
//
//   splat_formats_benchmark [--benchmark_...] FILE.ply...
//
// Bytes a second are those of the Gaussians' floats, which are the same for
// every format; `bytes` is the size of the file in that format.

#include <ATen/core/Tensor.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "dg4d/formats/gltf_splats_io.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/formats/spz_io.h"

namespace dg4d {
namespace {

using Encode = std::function<absl::StatusOr<std::string>(const Gaussians&)>;
using Decode = std::function<absl::Status(const std::string&)>;

struct Format {
  Encode encode;
  Decode decode;
};

Format Spz(int version) {
  return {[version](const Gaussians& gaussians) {
            return EncodeGaussiansSpz(gaussians, {.version = version});
          },
          [](const std::string& bytes) {
            return DecodeGaussiansSpz(bytes, "spz").status();
          }};
}

std::map<std::string, Format> Formats() {
  return {{"ply",
           {[](const Gaussians& gaussians) {
              return EncodeGaussiansPly(gaussians);
            },
            [](const std::string& bytes) {
              return DecodeGaussiansPly(bytes, "ply").status();
            }}},
          {"spz_3", Spz(3)},
          {"spz_4", Spz(4)},
          {"gltf_splats",
           {[](const Gaussians& gaussians) {
              return EncodeGltfSplats({.frames = {gaussians}}, "splats");
            },
            [](const std::string& bytes) {
              return DecodeGltfSplats(bytes, "glb").status();
            }}}};
}

void Count(benchmark::State& state, const Gaussians& gaussians, size_t bytes) {
  const int64_t floats = gaussians.size() * (11 + 3 * gaussians.sh.size(1));
  state.SetBytesProcessed(state.iterations() * floats * sizeof(float));
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["bytes_each"] =
      static_cast<double>(bytes) / static_cast<double>(gaussians.size());
}

void Register(const std::string& name, const Gaussians& gaussians) {
  for (const auto& [format, functions] : Formats()) {
    const std::string what = absl::StrCat("/", format, "/", name);
    const auto report = [](benchmark::State& state,
                           const absl::Status& status) {
      state.SkipWithError(status.ToString().c_str());
    };
    benchmark::RegisterBenchmark(
        ("encode" + what).c_str(),
        [=, encode = functions.encode](benchmark::State& state) {
          size_t size = 0;
          for (auto _ : state) {
            const auto bytes = encode(gaussians);
            if (!bytes.ok()) return report(state, bytes.status());
            size = bytes->size();
          }
          Count(state, gaussians, size);
        });
    benchmark::RegisterBenchmark(
        ("decode" + what).c_str(),
        [=, functions = functions](benchmark::State& state) {
          const auto bytes = functions.encode(gaussians);
          if (!bytes.ok()) return report(state, bytes.status());
          for (auto _ : state) {
            const absl::Status status = functions.decode(*bytes);
            if (!status.ok()) return report(state, status);
          }
          Count(state, gaussians, bytes->size());
        });
  }
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FILE.ply...\n", argv[0]);
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    const auto gaussians = dg4d::ReadGaussiansPly(argv[i]);
    if (!gaussians.ok()) {
      std::fprintf(stderr, "%s\n", gaussians.status().ToString().c_str());
      return 1;
    }
    dg4d::Register(std::filesystem::path(argv[i]).stem().string(), *gaussians);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
