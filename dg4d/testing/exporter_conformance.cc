// What every Exporter promises. Linked with plugins, tests each of them.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/testing/conformance_options.h"
#include "dg4d/testing/options_conformance.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

// Every file below `folder` with its bytes.
Files ReadAll(const std::string& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[fs::relative(entry.path(), folder).string()] =
        ReadFile(entry.path().string()).value();
  }
  return files;
}

// No file may grow beyond `bytes` while this lives: a full disk, as a program
// sees it, without root.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    signal_before_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_before_);
  }

 private:
  rlimit before_;
  void (*signal_before_)(int);
};

class ExporterConformance : public testing::TestWithParam<std::string> {
 protected:
  ExporterConformance() {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
  }
  ~ExporterConformance() override {
    SetThreads(1);
    fs::remove_all(folder_);
  }

  absl::Status Export(const Scene& scene, const std::string& path) {
    RunContext context;
    return exporter_->Export(scene, path, context);
  }
  std::string DefaultPath() const {
    return folder_ + "/" + exporter_->DefaultPath();
  }

  const std::string folder_ = testing::TempDir() + "/exporter_conformance";
  const std::unique_ptr<Exporter> exporter_ =
      Registry<Exporter>::Create(GetParam(), ConformanceOptions(GetParam()))
          .value();
};

TEST_P(ExporterConformance, WritesItsPathAndNothingBeside) {
  for (const Scene& scene : {StaticScene(), MovingScene(), ChangingScene()}) {
    const absl::Status status = Export(scene, DefaultPath());
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(fs::exists(DefaultPath()));
    const std::string inside = exporter_->DefaultPath();
    for (const auto& [name, bytes] : ReadAll(folder_)) {
      EXPECT_TRUE(name == inside || absl::StartsWith(name, inside + "/"))
          << name;
      EXPECT_FALSE(absl::StrContains(name, ".partial")) << name;
      EXPECT_FALSE(bytes.empty()) << name;
    }
  }
}

TEST_P(ExporterConformance, MakesTheFoldersAboveItsPath) {
  const std::string path = folder_ + "/a/b/" + exporter_->DefaultPath();
  const absl::Status status = Export(StaticScene(), path);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(fs::exists(path));
}

TEST_P(ExporterConformance, RefusesASceneWithoutWhatItReads) {
  for (const Slot slot : exporter_->Reads()) {
    Scene scene = MovingScene();
    ClearSlot(slot, scene);
    const absl::Status status = Export(scene, DefaultPath());
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), SlotName(slot))) << status;
    EXPECT_TRUE(ReadAll(folder_).empty());
  }
}

TEST_P(ExporterConformance, WritesTheSameBytesTwiceAndWithMoreThreads) {
  const Scene scene = MovingScene();
  Files first;
  for (const int threads : {1, 1, 2}) {
    SetThreads(threads);
    const std::string path =
        absl::StrCat(folder_, "/again/", exporter_->DefaultPath());
    ASSERT_TRUE(Export(scene, path).ok());
    const Files files = ReadAll(folder_ + "/again");
    if (first.empty()) first = files;
    EXPECT_TRUE(files == first) << threads;
    fs::remove_all(folder_ + "/again");
  }
}

TEST_P(ExporterConformance, WritesNoPathOfThisMachine) {
  ASSERT_TRUE(Export(MovingScene(), DefaultPath()).ok());
  for (const auto& [name, bytes] : ReadAll(folder_)) {
    EXPECT_FALSE(absl::StrContains(bytes, folder_)) << name;
  }
}

TEST_P(ExporterConformance, LeavesTheSceneAsItIs) {
  Scene scene = MovingScene();
  ASSERT_TRUE(Export(scene, DefaultPath()).ok());
  const Files first = ReadAll(folder_);
  ASSERT_TRUE(Export(scene, DefaultPath()).ok());
  EXPECT_TRUE(ReadAll(folder_) == first);
}

TEST_P(ExporterConformance, ReportsAPathThatCannotBe) {
  const std::string file = folder_ + "/file";
  ASSERT_TRUE(WriteFileAtomically(file, "in the way").ok());
  const absl::Status status =
      Export(MovingScene(), file + "/" + exporter_->DefaultPath());
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), file)) << status;
  EXPECT_EQ(ReadAll(folder_), Files({{"file", "in the way"}}));
}

TEST_P(ExporterConformance, ReportsAFolderThatMayNotBeWritten) {
  chmod(folder_.c_str(), 0500);
  if (access(folder_.c_str(), W_OK) == 0) {
    GTEST_SKIP() << "this user, as root, may write everywhere";
  }
  const absl::Status status = Export(MovingScene(), DefaultPath());
  chmod(folder_.c_str(), 0700);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_TRUE(ReadAll(folder_).empty());
}

TEST_P(ExporterConformance, LeavesNothingBehindOnAFullDisk) {
  absl::Status status;
  {
    const FullDisk full(100);
    status = Export(MovingScene(), DefaultPath());
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_P(ExporterConformance, KeepsTheLastExportOnAFullDisk) {
  ASSERT_TRUE(Export(StaticScene(), DefaultPath()).ok());
  const Files before = ReadAll(folder_);
  absl::Status status;
  {
    const FullDisk full(100);
    status = Export(MovingScene(), DefaultPath());
  }
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(ReadAll(folder_) == before);
}

TEST_P(ExporterConformance, ReadsItsOptionsStrictly) {
  ExpectOptionsConform<Exporter>(GetParam(), ConformanceOptions(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Linked, ExporterConformance,
                         testing::ValuesIn(Registry<Exporter>::Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
