#include "dg4d/geometry/inflation/motion.h"

#include <ATen/core/Tensor.h>

#include <limits>
#include <memory>

#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

constexpr int kFrames = 16;

std::unique_ptr<Inflation> InflateShape(const std::string& name) {
  absl::StatusOr<Inflation> inflation =
      Inflate(NamedShape(name), OrbitCamera({}));
  EXPECT_TRUE(inflation.ok()) << inflation.status();
  return std::make_unique<Inflation>(*std::move(inflation));
}

const Inflation& Star() {
  static const Inflation& star = *InflateShape("star").release();
  return star;
}

Motion Make(const Inflation& inflation, const std::string& name,
            double amplitude = 1) {
  return *Motion::Create(inflation, name, amplitude);
}

double LargestMove(const Motion::Vertices& a, const Motion::Vertices& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double squared = 0;
    for (int c = 0; c < 3; ++c) {
      squared += (a[i][c] - b[i][c]) * (a[i][c] - b[i][c]);
    }
    largest = std::max(largest, std::sqrt(squared));
  }
  return largest;
}

double Volume(const Surface& surface, const Motion::Vertices& vertices) {
  double volume = 0;
  for (const auto& [i, j, k] : surface.triangles) {
    const auto &a = vertices[i], &b = vertices[j], &c = vertices[k];
    volume += (a[0] * (b[1] * c[2] - b[2] * c[1]) +
               a[1] * (b[2] * c[0] - b[0] * c[2]) +
               a[2] * (b[0] * c[1] - b[1] * c[0])) /
              6;
  }
  return volume;
}

class EachMotion : public testing::TestWithParam<std::string> {};

TEST_P(EachMotion, LoopsWithoutAJump) {
  const Motion motion = Make(Star(), GetParam());
  const Motion::Vertices& rest = Star().surface.vertices;
  EXPECT_EQ(motion.At(0), rest);
  EXPECT_EQ(motion.At(1), rest);
  // Continuous where it closes, not only defined so.
  EXPECT_LT(LargestMove(motion.At(1e-7), rest), 1e-6);
  EXPECT_LT(LargestMove(motion.At(1 - 1e-7), rest), 1e-6);
}

TEST_P(EachMotion, MovesVisiblyAndSmoothly) {
  const Motion motion = Make(Star(), GetParam());
  Motion::Vertices previous = motion.At(0);
  double most = 0;
  for (int i = 1; i <= kFrames; ++i) {
    const Motion::Vertices vertices = motion.At(double(i) / kFrames);
    most = std::max(most, LargestMove(vertices, Star().surface.vertices));
    EXPECT_LT(LargestMove(vertices, previous), 0.17 * motion.height());
    previous = vertices;
  }
  EXPECT_GT(most, 0.005 * motion.height());
}

TEST_P(EachMotion, KeepsTheVolumeNearlyConstant) {
  const Motion motion = Make(Star(), GetParam());
  const double rest = Volume(Star().surface, motion.At(0));
  for (int i = 1; i < kFrames; ++i) {
    const double volume =
        Volume(Star().surface, motion.At(double(i) / kFrames));
    EXPECT_NEAR(volume / rest, 1, 0.16);
  }
}

TEST_P(EachMotion, RestsAtAmplitudeZero) {
  if (GetParam() == "hop") return;  // crouches all the same
  const Motion motion = Make(Star(), GetParam(), 0);
  EXPECT_LT(LargestMove(motion.At(0.3), Star().surface.vertices), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, EachMotion, testing::ValuesIn(MotionNames()),
                         [](const auto& info) { return info.param; });

TEST(Motion, FindsFiveLimbsOnAStarOfWhichTwoStand) {
  const Motion motion = Make(Star(), "wave");
  int anchored = 0;
  for (const Limb& limb : motion.limbs()) anchored += limb.anchored;
  EXPECT_EQ(motion.limbs().size(), 5u);
  EXPECT_EQ(anchored, 2);
}

TEST(Motion, LeavesLimbsThatStandWhereTheyAre) {
  const Motion motion = Make(Star(), "wave");
  const Motion::Vertices moved = motion.At(0.25);
  for (const Limb& limb : motion.limbs()) {
    double nearest = 1e9, shift = 0;
    for (size_t i = 0; i < moved.size(); ++i) {
      const auto [x, y] = Star().surface.pixels[i];
      const double d = std::hypot(x - limb.tip[0], y - limb.tip[1]);
      if (d >= nearest) continue;
      nearest = d;
      shift = std::hypot(moved[i][0] - Star().surface.vertices[i][0],
                         moved[i][1] - Star().surface.vertices[i][1]);
    }
    if (limb.anchored) {
      EXPECT_LT(shift, 1e-3);
    } else {
      EXPECT_GT(shift, 0.03);
    }
  }
}

TEST(Motion, ADiscHasNoLimbs) {
  const auto disc = InflateShape("disc");
  EXPECT_TRUE(Make(*disc, "wave").limbs().empty());
}

TEST(Motion, IsLoweredUntilItFitsThePicture) {
  Motion hop = Make(Star(), "hop");
  hop.FitToPicture(kFrames);
  EXPECT_LT(hop.amplitude(), 1);
  double highest = 1e9, rest = 1e9;
  for (int i = 0; i < kFrames; ++i) {
    for (const auto& vertex : hop.At(double(i) / kFrames)) {
      highest = std::min(highest, Star().frame.Project(vertex)[1]);
    }
  }
  for (const auto& vertex : Star().surface.vertices) {
    rest = std::min(rest, Star().frame.Project(vertex)[1]);
  }
  EXPECT_GE(highest, std::min(rest, 0.02 * 256 - 0.5));
  Motion breathe = Make(Star(), "breathe");
  breathe.FitToPicture(kFrames);
  EXPECT_EQ(breathe.amplitude(), 1);
}

TEST(Motion, NamesTheMotionsWhenAskedForAnother) {
  const absl::Status status = Motion::Create(Star(), "jump", 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("wobble"), std::string::npos);
}

}  // namespace
}  // namespace dg4d::inflation
