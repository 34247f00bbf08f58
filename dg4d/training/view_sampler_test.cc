#include "dg4d/training/view_sampler.h"

#include <ATen/ops/equal.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

const Camera kFront = OrbitCamera({.radius = 2});

std::vector<Orbit> Orbits(const Views& views) {
  std::vector<Orbit> orbits;
  for (const Camera& camera : views.cameras) orbits.push_back(OrbitOf(camera));
  return orbits;
}

TEST(ViewSampler, StaysInTheRangesOfItsOptions) {
  const ViewSampler sampler({.count = 500,
                             .min_elevation_degrees = -20,
                             .max_elevation_degrees = 10,
                             .radius_jitter = 0.5},
                            kFront);
  at::Generator generator = MakeGenerator(0, "views");
  const Views views =
      sampler.Sample(ViewPattern::kIndependent, {0}, 0, generator);
  ASSERT_EQ(views.size(), 500);
  double lowest = 0, highest = 0, left = 0, right = 0, near = 2, far = 2;
  for (const Orbit& orbit : Orbits(views)) {
    lowest = std::min(lowest, orbit.elevation_degrees);
    highest = std::max(highest, orbit.elevation_degrees);
    left = std::min(left, orbit.azimuth_degrees);
    right = std::max(right, orbit.azimuth_degrees);
    near = std::min(near, orbit.radius);
    far = std::max(far, orbit.radius);
  }
  EXPECT_GE(lowest, -20 - 1e-6);
  EXPECT_LT(lowest, -19);
  EXPECT_LE(highest, 10 + 1e-6);
  EXPECT_GT(highest, 9);
  EXPECT_LT(left, -175);
  EXPECT_GT(right, 175);
  EXPECT_GE(near, 1.5);
  EXPECT_LT(near, 1.55);
  EXPECT_GT(far, 2.45);
}

TEST(ViewSampler, CoversReferenceAndHorizonAndStaysBelowEightyDegrees) {
  const ViewSampler sampler(
      {.count = 1000}, OrbitCamera({.elevation_degrees = -60, .radius = 2}));
  at::Generator generator = MakeGenerator(0, "views");
  double lowest = 0, highest = -90;
  for (const Orbit& orbit :
       Orbits(sampler.Sample(ViewPattern::kIndependent, {0}, 0, generator))) {
    lowest = std::min(lowest, orbit.elevation_degrees);
    highest = std::max(highest, orbit.elevation_degrees);
  }
  EXPECT_GE(lowest, -80);
  EXPECT_LT(lowest, -79);
  EXPECT_GT(highest, 29);
  EXPECT_LE(highest, 30);
}

TEST(ViewSampler, DrawsWholeDegreesWhereAsked) {
  const ViewSampler sampler({.count = 50, .integer_angles = true}, kFront);
  at::Generator generator = MakeGenerator(0, "views");
  for (const Orbit& orbit :
       Orbits(sampler.Sample(ViewPattern::kIndependent, {0}, 0, generator))) {
    EXPECT_NEAR(orbit.azimuth_degrees, std::round(orbit.azimuth_degrees), 1e-6);
    EXPECT_NEAR(orbit.elevation_degrees, std::round(orbit.elevation_degrees),
                1e-6);
  }
}

TEST(ViewSampler, ClipsShareOneCameraPathAndGoRound) {
  const ViewSampler sampler({.count = 2, .clip_azimuth_step_degrees = 10},
                            kFront);
  at::Generator generator = MakeGenerator(0, "views");
  const Views views =
      sampler.Sample(ViewPattern::kClips, {0, 1, 3}, 0, generator);
  ASSERT_EQ(views.size(), 6);
  EXPECT_EQ(views.frames_per_clip, 3);
  EXPECT_EQ(views.frames, (std::vector<double>{0, 1, 3, 0, 1, 3}));
  const std::vector<Orbit> orbits = Orbits(views);
  const auto turned = [&](int a, int b) {
    return std::remainder(orbits[b].azimuth_degrees - orbits[a].azimuth_degrees,
                          360);
  };
  EXPECT_NEAR(turned(0, 1), 10, 1e-6);
  EXPECT_NEAR(turned(0, 2), 30, 1e-6);
  EXPECT_NEAR(turned(3, 5), 30, 1e-6);
  EXPECT_NEAR(orbits[0].elevation_degrees, orbits[2].elevation_degrees, 1e-6);
  EXPECT_GT(std::abs(turned(0, 3)), 1e-3);
}

TEST(ViewSampler, FourAroundStandAtRightAngles) {
  const ViewSampler sampler({.count = 1}, kFront);
  at::Generator generator = MakeGenerator(0, "views");
  const Views views =
      sampler.Sample(ViewPattern::kFourAround, {2, 5}, 0, generator);
  ASSERT_EQ(views.size(), 8);
  EXPECT_EQ(views.frames, (std::vector<double>{2, 2, 2, 2, 5, 5, 5, 5}));
  const std::vector<Orbit> orbits = Orbits(views);
  for (int i = 1; i < 4; ++i) {
    EXPECT_NEAR(std::abs(std::remainder(orbits[i].azimuth_degrees -
                                            orbits[0].azimuth_degrees - 90 * i,
                                        360)),
                0, 1e-6);
  }
}

TEST(ViewSampler, SizesGrowWithProgress) {
  const ViewSampler sampler(
      {.sizes = {64, 128, 256}, .size_changes = {0.3, 0.6}}, kFront);
  EXPECT_EQ(sampler.SizeAt(0), 64);
  EXPECT_EQ(sampler.SizeAt(0.299), 64);
  EXPECT_EQ(sampler.SizeAt(0.3), 128);
  EXPECT_EQ(sampler.SizeAt(0.6), 256);
  EXPECT_EQ(sampler.SizeAt(1), 256);
}

TEST(ViewSampler, BackgroundsAreBlackAsOftenAsAsked) {
  at::Generator generator = MakeGenerator(0, "views");
  for (const double probability : {0.0, 0.25, 1.0}) {
    const ViewSampler sampler(
        {.count = 2000, .black_background_probability = probability}, kFront);
    const Views views =
        sampler.Sample(ViewPattern::kIndependent, {0}, 0, generator);
    EXPECT_NEAR(views.background.mean().item<double>(), 1 - probability, 0.04);
  }
}

TEST(ViewSampler, EqualGeneratorsDrawEqualViews) {
  const ViewSampler sampler({.radius_jitter = 0.1}, kFront);
  at::Generator a = MakeGenerator(3, "views"), b = MakeGenerator(3, "views");
  const Views first = sampler.Sample(ViewPattern::kIndependent, {0}, 0, a);
  const Views second = sampler.Sample(ViewPattern::kIndependent, {0}, 0, b);
  for (int i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first.cameras[i].world_from_camera,
              second.cameras[i].world_from_camera);
  }
}

TEST(SplitViews, KeepsGroupsWholeAndViewsInOrder) {
  const ViewSampler sampler({.count = 5}, kFront);
  at::Generator generator = MakeGenerator(0, "views");
  const Views views = sampler.Sample(ViewPattern::kClips, {0, 1}, 0, generator);
  const std::vector<Views> parts = SplitViews(views, 2, 5);
  ASSERT_EQ(parts.size(), 3);
  EXPECT_EQ(parts[0].size(), 4);
  EXPECT_EQ(parts[2].size(), 2);
  EXPECT_EQ(parts[1].cameras[0].world_from_camera,
            views.cameras[4].world_from_camera);
  EXPECT_EQ(parts[1].background.size(0), 4);
  EXPECT_EQ(SplitViews(views, 2, 0).size(), 1);
  EXPECT_EQ(SplitViews(views, 2, 1).size(), 5);
}

TEST(ViewOptions, SaysWhatIsWrong) {
  EXPECT_TRUE(ViewOptions().Validate().ok());
  EXPECT_FALSE(ViewOptions{.count = 0}.Validate().ok());
  EXPECT_FALSE((ViewOptions{.sizes = {64, 128}}.Validate().ok()));
  EXPECT_FALSE(
      ViewOptions{.black_background_probability = 1.5}.Validate().ok());
}

}  // namespace
}  // namespace dg4d
