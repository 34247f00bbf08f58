#include "dg4d/core/exporter.h"

#include <ATen/ops/zeros.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

template <Slot kSlot>
class WriterOf final : public Exporter {
 public:
  using Options = NoOptions;
  explicit WriterOf(Options) {}
  std::vector<Slot> Reads() const override { return {kSlot}; }
  std::string DefaultPath() const override { return "file"; }

 protected:
  absl::Status DoExport(const Scene&, const std::string&,
                        RunContext&) override {
    return absl::OkStatus();
  }
};

TEST(Exporter, NamesThoseThatCanWhatItCannot) {
  const ScopedRegistration<Exporter, WriterOf<Slot::kMeshes>> meshes("meshy");
  const ScopedRegistration<Exporter, WriterOf<Slot::kGaussians>> gaussians(
      "splatty");
  const auto exporter = Registry<Exporter>::Create("meshy", {});
  ASSERT_TRUE(exporter.ok());
  RunContext context;
  Scene scene;
  scene.gaussians.means = at::zeros({1, 3});
  const absl::Status status = (*exporter)->Export(scene, "x", context);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), "'meshes'")) << status;
  EXPECT_TRUE(absl::EndsWith(status.message(), "written by splatty")) << status;
  const absl::Status empty = (*exporter)->Export(Scene(), "x", context);
  EXPECT_FALSE(absl::StrContains(empty.message(), "splatty")) << empty;
}

}  // namespace
}  // namespace dg4d
