// How long exporters take on the result of a run, how many bytes they write,
// and how long dg4d takes to read those again:
//
//   exporters_benchmark [--benchmark_...] RUN
//
// Whole calls, files included: name a memory file system as TMPDIR to leave out
// the disk. MB/s are those of the files.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/formats/import_scene.h"
#include "dg4d/scene/scene.h"
#include "tools/run_folder.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string exporter;
  std::string option;
  bool is_read;  // by ImportScene
};

const std::vector<Case>& Cases() {
  static const auto& cases = *new std::vector<Case>{
      {"gltf", "", true},
      {"gltf", "quantize=true", true},
      {"gltf", "texture=jpeg", true},
      {"obj", "", true},
      {"usda", "", false},
      {"ply", "", true},
      {"gltf_splats", "", true},
      {"spz", "version=3", true},
      {"spz", "version=4", true},
      {"html", "", false},
      {"video", "", false},
  };
  return cases;
}

int64_t Bytes(const fs::path& path) {
  if (fs::is_regular_file(path)) return fs::file_size(path);
  int64_t sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

absl::Status Write(const Case& what, const Scene& scene, const fs::path& path) {
  ConfigNode options = ConfigNode::Map();
  if (!what.option.empty()) {
    const absl::Status set = ApplyOverride(what.option, options);
    if (!set.ok()) return set;
  }
  auto exporter = Registry<Exporter>::Create(what.exporter, options);
  if (!exporter.ok()) return exporter.status();
  RunContext context;
  return (*exporter)->Export(scene, path.string(), context);
}

void Register(const Case& what, const Scene& scene, const fs::path& folder) {
  const std::string name =
      absl::StrCat(what.exporter, what.option.empty() ? "" : "/", what.option);
  const fs::path path =
      folder / what.exporter /
      fs::path(Registry<Exporter>::Create(what.exporter, ConfigNode::Map())
                   .value()
                   ->DefaultPath())
          .filename();
  const auto time = [path](benchmark::State& state, auto&& work) {
    for (auto _ : state) {
      const absl::Status status = work();
      if (!status.ok()) {
        state.SkipWithError(status.ToString().c_str());
        return;
      }
    }
    const int64_t bytes = Bytes(path);
    state.SetBytesProcessed(state.iterations() * bytes);
    state.counters["bytes"] = static_cast<double>(bytes);
  };
  const auto write = [=, &scene] {
    fs::remove_all(path.parent_path());
    return Write(what, scene, path);
  };
  benchmark::RegisterBenchmark(
      ("write/" + name).c_str(),
      [=](benchmark::State& state) { time(state, write); })
      ->UseRealTime();
  if (!what.is_read) return;
  benchmark::RegisterBenchmark(("read/" + name).c_str(), [=](benchmark::State&
                                                                 state) {
    const absl::Status written = write();
    if (!written.ok()) {
      state.SkipWithError(written.ToString().c_str());
      return;
    }
    time(state, [&] { return ImportScene(path.string(), {}).status(); });
  })->UseRealTime();
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s RUN\n", argv[0]);
    return 2;
  }
  const auto scene = dg4d::LoadRun(argv[1]);
  if (!scene.ok()) {
    std::fprintf(stderr, "%s\n", scene.status().ToString().c_str());
    return 1;
  }
  std::string folder =
      (std::filesystem::temp_directory_path() / "exporters_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    std::perror(folder.c_str());
    return 1;
  }
  for (const dg4d::Case& what : dg4d::Cases()) {
    dg4d::Register(what, *scene, folder);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  std::filesystem::remove_all(folder);
  return 0;
}
