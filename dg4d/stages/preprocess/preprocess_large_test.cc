// Pictures of 12,000 x 12,000 pixels. A test of its own, so that its memory
// is that of nothing else.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdint>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/image_io.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSide = 12000;
constexpr int kSize = 512;

// An orange disc, `colours` in OpenCV's order.
std::string WriteDisc(const std::string& name, int type,
                      const cv::Scalar& behind, const cv::Point& centre,
                      int radius, const std::vector<int>& parameters) {
  cv::Mat picture(kSide, kSide, type, behind);
  cv::circle(picture, centre, radius, cv::Scalar(26, 102, 230, 255),
             cv::FILLED);
  const std::string path =
      testing::TempDir() + "/preprocess_large_test_" + name;
  EXPECT_TRUE(cv::imwrite(path, picture, parameters));
  return path;
}

absl::StatusOr<Scene> RunOn(const std::string& path) {
  const auto stage = Registry<Stage>::Create("preprocess", ConfigNode::Map());
  if (!stage.ok()) return stage.status();
  RunContext context({.input_image = path});
  Scene scene;
  const absl::Status status = (*stage)->Run(context, scene);
  if (!status.ok()) return status;
  return scene;
}

// That `reference` shows the disc of `radius` about (x, y), and alone.
void ExpectDisc(const Image& reference, double x, double y, double radius) {
  ASSERT_EQ(reference.height(), kSize);
  ASSERT_EQ(reference.width(), kSize);
  const at::Tensor pixels = reference.pixels.contiguous();
  const float* pixel = pixels.data_ptr<float>();
  int both = 0, either = 0;
  double off = 0;
  for (int row = 0; row < kSize; ++row) {
    for (int column = 0; column < kSize; ++column, pixel += 4) {
      const bool wanted = std::hypot(column + 0.5 - x, row + 0.5 - y) < radius;
      const bool found = pixel[3] > 0.5;
      both += wanted && found;
      either += wanted || found;
      if (wanted && found) {
        off += std::abs(pixel[0] - 0.9) + std::abs(pixel[1] - 0.4) +
               std::abs(pixel[2] - 0.1);
      }
    }
  }
  EXPECT_GT(both, 0.99 * either);
  EXPECT_LT(off / both, 0.03);
}

void ExpectMemoryBelow(double gibibytes) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(static_cast<double>(usage.ru_maxrss) / (1 << 20), gibibytes);
}

TEST(PreprocessLarge, TakesAPictureWithAlphaAsItIs) {
  at::set_num_threads(1);
  const absl::StatusOr<Scene> scene =
      RunOn(WriteDisc("alpha.png", CV_8UC4, cv::Scalar(0, 0, 0, 0),
                      {5000, 6500}, 4000, {cv::IMWRITE_PNG_COMPRESSION, 1}));
  ASSERT_TRUE(scene.ok()) << scene.status();
  const double scale = double{kSize} / kSide;
  ExpectDisc(scene->reference, 5000 * scale, 6500 * scale, 4000 * scale);
  ExpectMemoryBelow(4);
}

TEST(PreprocessLarge, CutsTheObjectOutOfAPhotograph) {
  at::set_num_threads(1);
  const absl::StatusOr<Scene> scene = RunOn(WriteDisc(
      "photo.jpg", CV_8UC3, cv::Scalar(235, 235, 235), {5000, 6500}, 4000, {}));
  ASSERT_TRUE(scene.ok()) << scene.status();
  // Recentred: four fifths of the side.
  ExpectDisc(scene->reference, kSize / 2, kSize / 2, 0.4 * kSize);
  ExpectMemoryBelow(4);
}

}  // namespace
}  // namespace dg4d
