#include "tools/verbs/gaussian_benchmark.h"

#include "dg4d/base/files.h"
#include "dg4d/core/gaussian_batch.h"
#include "dg4d/core/plugin_spec.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr GaussianBenchmarkCell kSmall = {BenchmarkScene::kShell, 300, 16, 2};

TEST(GaussianBenchmark, SeesFromTheCamerasOfTheFixedScenes) {
  const GaussianBenchmarkInputs inputs =
      MakeGaussianBenchmarkInputs(kSmall, c10::kCPU);
  const BenchmarkCameras expected = MakeBenchmarkCameras(2, 16);
  for (int b = 0; b < 2; ++b) {
    const auto view = ViewFromWorld(inputs.cameras[b]);
    for (int i = 0; i < 12; ++i) {
      EXPECT_NEAR(view[i], expected.view_from_world[12 * b + i], 1e-6);
    }
    EXPECT_NEAR(inputs.cameras[b].focal(), expected.focal_lengths[2 * b], 1e-5);
  }
}

TEST(GaussianBenchmark, RepeatsTheGradientForEachCamera) {
  const GaussianBenchmarkInputs inputs =
      MakeGaussianBenchmarkInputs(kSmall, c10::kCPU);
  EXPECT_EQ(inputs.rgb_gradient.sizes(), at::IntArrayRef({2, 3, 16, 16}));
  EXPECT_TRUE(inputs.rgb_gradient[0].equal(inputs.rgb_gradient[1]));
  EXPECT_FALSE(inputs.rgb_gradient[0][0].equal(inputs.rgb_gradient[0][1]));
}

TEST(GaussianBenchmark, WritesWhatARendererIsGivenAndWhatItMakes) {
  const std::string folder = testing::TempDir() + "/arrays";
  const auto renderer =
      PluginSpec<GaussianRenderer>{"gaussian_splatting", {}}.Create().value();
  ASSERT_TRUE(
      WriteGaussianBenchmarkArrays(kSmall, *renderer, c10::kCPU, folder).ok());
  const auto shape_of = [&](const std::string& name) -> std::string {
    const auto bytes = ReadFile(folder + "/" + name + ".npy");
    if (!bytes.ok()) return bytes.status().ToString();
    const size_t begin = bytes->find("'shape': ");
    return bytes->substr(begin + 9, bytes->find(')') - begin - 8);
  };
  EXPECT_EQ(shape_of("shell_300/means"), "(300, 3)");
  EXPECT_EQ(shape_of("shell_300/sh"), "(300, 1, 3)");
  EXPECT_EQ(shape_of("cameras_2_16/view_from_world"), "(2, 3, 4)");
  EXPECT_EQ(shape_of("gradients_16/depth"), "(1, 16, 16)");
  EXPECT_EQ(shape_of("shell_300_16_2/rgb"), "(2, 3, 16, 16)");
  EXPECT_EQ(shape_of("shell_300_16_2/log_scales_gradient"), "(300, 3)");
}

}  // namespace
}  // namespace dg4d
