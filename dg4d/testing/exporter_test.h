#ifndef DG4D_TESTING_EXPORTER_TEST_H_
#define DG4D_TESTING_EXPORTER_TEST_H_

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "gtest/gtest.h"

namespace dg4d {

// A fixture for tests of one exporter, which writes to path().
class ExporterTest : public testing::Test {
 protected:
  // `file_name` is that of a file or a folder, whatever the exporter writes.
  ExporterTest(const std::string& exporter, const std::string& file_name)
      : exporter_(exporter), path_(testing::TempDir() + "/" + file_name) {
    std::filesystem::remove_all(path_);
  }

  const std::string& path() const { return path_; }
  void set_path(const std::string& path) { path_ = path; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

  // An option of the exporters that Export makes from then on.
  void Set(const std::string& option, const std::string& value) {
    options_[option] = ConfigNode::Scalar(value);
  }

  absl::Status Export(const Scene& scene,
                      RunContext::Settings settings = {}) const {
    const auto exporter = Registry<Exporter>::Create(exporter_, options_);
    if (!exporter.ok()) return exporter.status();
    RunContext context(std::move(settings));
    return (*exporter)->Export(scene, path_, context);
  }

  // What lies in the folder path().
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

 private:
  const std::string exporter_;
  std::string path_;
  ConfigNode options_;
};

}  // namespace dg4d

#endif  // DG4D_TESTING_EXPORTER_TEST_H_
