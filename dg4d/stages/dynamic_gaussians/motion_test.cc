#include "dg4d/stages/dynamic_gaussians/motion.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d::dynamic_gaussians {
namespace {

Gaussians SomeGaussians() {
  at::Generator generator = MakeGenerator(1, "gaussians");
  return {.means = Uniform({30, 3}, -0.5, 0.5, generator),
          .quaternions = Uniform({30, 4}, -1, 1, generator),
          .log_scales = Uniform({30, 3}, -4, -2, generator),
          .opacity_logits = Uniform({30, 1}, -1, 1, generator),
          .sh = Uniform({30, 1, 3}, -1, 1, generator)};
}

Motion Make(const MotionShape& shape) {
  at::Generator generator = MakeGenerator(2, "motion");
  return Motion(shape, SomeGaussians(), generator);
}

// A motion that moves.
Motion MakeMoving(const MotionShape& shape) {
  Motion motion = Make(shape);
  at::Generator generator = MakeGenerator(3, "values");
  motion.deformation().VisitParameters(
      [&](const std::string&, at::Tensor& value) {
        value = Uniform(value.sizes(), -0.6, 0.6, generator);
      });
  return motion;
}

MotionShape Shape(int frames, bool loops) {
  return {.deformation = {.move_opacity_logits = true},
          .frames = frames,
          .loops = loops};
}

float Distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<float>();
}

TEST(Motion, StartsAtRest) {
  const Gaussians gaussians = SomeGaussians();
  for (const bool anchors : {false, true}) {
    MotionShape shape = Shape(5, false);
    shape.anchors_first_frame = anchors;
    const GaussianBatch batch = Make(shape).At(gaussians, {0, 2.5, 4});
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::equal(batch.means[i], gaussians.means));
      EXPECT_TRUE(at::equal(batch.quaternions[i], gaussians.quaternions));
      EXPECT_TRUE(at::equal(batch.log_scales[i], gaussians.log_scales));
      EXPECT_TRUE(at::equal(batch.opacity_logits[i], gaussians.opacity_logits));
    }
    EXPECT_TRUE(at::equal(batch.sh[0], gaussians.sh));
  }
}

TEST(Motion, AnchoredFirstFrameStaysWhateverTheFieldSays) {
  const Gaussians gaussians = SomeGaussians();
  const GaussianBatch batch = MakeMoving(Shape(5, true)).At(gaussians, {0, 2});
  EXPECT_TRUE(at::equal(batch.means[0], gaussians.means));
  EXPECT_TRUE(at::equal(batch.opacity_logits[0], gaussians.opacity_logits));
  EXPECT_GT(Distance(batch.means[1], gaussians.means), 0.01f);

  MotionShape free = Shape(5, true);
  free.anchors_first_frame = false;
  EXPECT_GT(
      Distance(MakeMoving(free).At(gaussians, {0}).means[0], gaussians.means),
      0.01f);
}

TEST(Motion, LoopsWithoutAJump) {
  const Gaussians gaussians = SomeGaussians();
  const Motion motion = MakeMoving(Shape(6, true));
  const at::Tensor means = motion.At(gaussians, {0, 6, 5.999, 0.001, 3}).means;
  EXPECT_LT(Distance(means[0], means[1]), 1e-5f);
  EXPECT_LT(Distance(means[2], means[3]), 1e-2f);
  EXPECT_GT(Distance(means[0], means[4]), 1e-2f);
}

TEST(Motion, BakesFramesBetweenThoseOfTheVideo) {
  const Gaussians gaussians = SomeGaussians();
  const Motion open = MakeMoving(Shape(3, false));
  EXPECT_EQ(open.SampledFrames(2), (std::vector<double>{0, 0.5, 1, 1.5, 2}));
  EXPECT_EQ(MakeMoving(Shape(3, true)).SampledFrames(2),
            (std::vector<double>{0, 0.5, 1, 1.5, 2, 2.5}));
  const GaussianFrames baked = open.Bake(gaussians, 2);
  ASSERT_EQ(baked.size(), 5);
  EXPECT_EQ(baked.means.sizes(), (std::vector<int64_t>{5, 30, 3}));
  EXPECT_EQ(baked.opacity_logits.sizes(), (std::vector<int64_t>{5, 30, 1}));
  EXPECT_LT(Distance(baked.means[3], open.At(gaussians, {1.5}).means[0]),
            1e-6f);
  EXPECT_FALSE(baked.means.requires_grad());
}

TEST(Motion, PartsThatDoNotMoveAreBakedToo) {
  MotionShape shape = Shape(3, false);
  shape.deformation.move_opacity_logits = false;
  shape.deformation.move_log_scales = false;
  const Gaussians gaussians = SomeGaussians();
  const GaussianFrames baked = MakeMoving(shape).Bake(gaussians, 1);
  EXPECT_TRUE(at::equal(baked.log_scales[2], gaussians.log_scales));
  EXPECT_TRUE(at::equal(baked.opacity_logits[1], gaussians.opacity_logits));
}

TEST(Motion, OneFrameIsAPicture) {
  EXPECT_EQ(Make(Shape(1, false)).Bake(SomeGaussians(), 1).size(), 1);
}

// A white square that moves along `positions`.
Video Film(const std::vector<int>& positions) {
  Video video;
  for (const int x : positions) {
    Image image;
    image.pixels = at::zeros({64, 64, 3});
    image.pixels.narrow(0, 20, 16).narrow(1, x, 16).fill_(1);
    video.frames.push_back(image);
  }
  return video;
}

TEST(Motion, KnowsWhichVideosLoop) {
  EXPECT_TRUE(Loops(Film({10, 14, 18, 22, 18, 14})));
  EXPECT_FALSE(Loops(Film({10, 14, 18, 22, 26, 30})));
  EXPECT_FALSE(Loops(Film({10, 14})));
}

}  // namespace
}  // namespace dg4d::dynamic_gaussians
