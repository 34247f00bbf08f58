#include "dg4d/scene/camera_path.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Vector = std::array<double, 3>;

constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180;

// Four places of one path, unevenly spaced in time and space.
CameraPath SamplePath() {
  return {.keyframes = {
              {.seconds = 1, .position = {0, 0, 2}, .fov_y_degrees = 40},
              {.seconds = 2, .position = {2, 1, 0}, .fov_y_degrees = 50},
              {.seconds = 4, .position = {0, 0.5, -3}, .target = {0, 0.2, 0}},
              {.seconds = 4.5, .position = {-1, 0, -1}}}};
}

Vector PositionAt(const CameraPath& path, double seconds) {
  return ViewAt(path, seconds, 7, {}).camera.position();
}

void ExpectNear(const Vector& a, const Vector& b, double tolerance = 1e-12) {
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(a[c], b[c], tolerance) << c;
}

TEST(CameraPath, PassesThroughItsKeyframesAtTheirTimes) {
  CameraPath path = SamplePath();
  for (const bool loop : {false, true}) {
    path.loop = loop;
    for (const CameraKeyframe& keyframe : path.keyframes) {
      const CameraPathView view = ViewAt(path, keyframe.seconds - 1, 7, {});
      ExpectNear(view.camera.position(), keyframe.position);
      EXPECT_NEAR(view.camera.fov_y, keyframe.fov_y_degrees * kRadiansPerDegree,
                  1e-12);
      // It looks along -z at its target.
      const auto& m = view.camera.world_from_camera;
      const Vector& p = keyframe.position;
      const double distance =
          std::hypot(p[0] - keyframe.target[0], p[1] - keyframe.target[1],
                     p[2] - keyframe.target[2]);
      ExpectNear({p[0] - distance * m[2], p[1] - distance * m[6],
                  p[2] - distance * m[10]},
                 keyframe.target);
    }
  }
}

TEST(CameraPath, GoesEvenlyAlongAStraightLine) {
  CameraPath path;
  for (int i = 0; i < 4; ++i) {
    path.keyframes.push_back({.seconds = 2.0 * i, .position = {1.0 * i, 0, 5}});
  }
  for (double t = 0; t <= 6; t += 0.1) {
    ExpectNear(PositionAt(path, t), {t / 2, 0, 5}, 1e-9);
  }
}

// The formula of the spline as published, solved for one segment by hand: knots
// at 0, 1, 3 and 4 (roots of distances 1, 4 and 1).
TEST(CameraPath, IsACentripetalCatmullRomSpline) {
  const CameraPath path = {
      .keyframes = {{.seconds = 0, .position = {0, 1, 9}},
                    {.seconds = 1, .position = {0, 0, 9}},
                    {.seconds = 2, .position = {4, 0, 9}},
                    {.seconds = 3, .position = {4, 1, 9}}}};
  // Half way, at knot 2: A1 = (0, -1), A2 = (2, 0), A3 = (4, -1);
  // B1 = A1 / 3 + 2 A2 / 3, B2 = 2 A2 / 3 + A3 / 3.
  ExpectNear(PositionAt(path, 1.5), {2, -1.0 / 3, 9});
}

TEST(CameraPath, ChangesDirectionSmoothlyAtEveryKeyframeAlsoWhereItCloses) {
  CameraPath path = SamplePath();
  path.loop = true;
  const double duration = path.duration_seconds();
  EXPECT_NEAR(duration, 3.5 + 3.5 / 3, 1e-12);
  for (const CameraKeyframe& keyframe : path.keyframes) {
    const double t = keyframe.seconds - 1 + duration;
    const Vector here = PositionAt(path, t);
    const Vector before = PositionAt(path, t - 1e-6);
    const Vector after = PositionAt(path, t + 1e-6);
    double cosine = 0, a = 0, b = 0;
    for (int c = 0; c < 3; ++c) {
      cosine += (here[c] - before[c]) * (after[c] - here[c]);
      a += std::pow(here[c] - before[c], 2);
      b += std::pow(after[c] - here[c], 2);
    }
    EXPECT_NEAR(cosine / std::sqrt(a * b), 1, 1e-6) << keyframe.seconds;
  }
  ExpectNear(PositionAt(path, duration + 0.3), PositionAt(path, 0.3));
  ExpectNear(PositionAt(path, -0.3), PositionAt(path, duration - 0.3));
}

TEST(CameraPath, StaysWhereTwoKeyframesAreOnePoint) {
  const CameraPath path = {
      .keyframes = {{.seconds = 0, .position = {0, 0, 2}},
                    {.seconds = 1, .position = {0, 0, 2}},
                    {.seconds = 2, .position = {0, 0, 2}},
                    {.seconds = 3, .position = {1, 0, 2}},
                    {.seconds = 4, .position = {1, 0, 2}}}};
  for (double t = 0; t <= 2; t += 0.25) {
    ExpectNear(PositionAt(path, t), {0, 0, 2});
  }
  ExpectNear(PositionAt(path, 2.5), {0.5, 0, 2});
  ExpectNear(PositionAt(path, 3.5), {1, 0, 2});
}

TEST(CameraPath, WaitsAtItsEndsUnlessItLoops) {
  const CameraPath path = SamplePath();
  EXPECT_EQ(path.duration_seconds(), 3.5);
  ExpectNear(PositionAt(path, -1), path.keyframes.front().position);
  ExpectNear(PositionAt(path, 99), path.keyframes.back().position);
}

TEST(CameraPath, ShowsTheFramesOfItsKeyframesAndElsewherePlays) {
  CameraPath path = SamplePath();
  path.keyframes[1].frame = 3;
  path.keyframes[2].frame = 9;
  EXPECT_NEAR(ViewAt(path, 0.5, 7, {}).frame, 3.5, 1e-12);
  EXPECT_NEAR(ViewAt(path, 1, 7, {}).frame, 3, 1e-12);
  EXPECT_NEAR(ViewAt(path, 2, 7, {}).frame, 6, 1e-12);
  EXPECT_NEAR(ViewAt(path, 3.2, 7, {}).frame, 22.4, 1e-12);
}

TEST(CameraPath, ComesBackFromItsFileAsItWas) {
  CameraPath path = SamplePath();
  path.loop = true;
  path.keyframes[2].frame = 0.1;
  const std::string text = FormatCameraPath(path);
  const std::string file = testing::TempDir() + "/camera_path.json";
  ASSERT_TRUE(WriteFileAtomically(file, text).ok());
  const auto back = ReadCameraPath(file);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(back->loop);
  EXPECT_TRUE(back->keyframes == path.keyframes);
  EXPECT_EQ(FormatCameraPath(*back), text);
  EXPECT_EQ(ReadCameraPath(file + "x").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(CameraPath, NamesTheFileAndTheKeyAtFault) {
  const std::string good =
      R"({"camera_path": 1, "loop": false, "keyframes": [)"
      R"({"seconds": 0, "position": [0, 0, 2], "target": [0, 0, 0],)"
      R"( "fov_y_degrees": 49.1, "frame": null},)"
      R"({"seconds": 1, "position": [2, 0, 0], "target": [0, 0, 0],)"
      R"( "fov_y_degrees": 49.1, "frame": 2.5}]})";
  ASSERT_TRUE(ParseCameraPath(good, "x").ok());
  struct Fault {
    const char* from;
    const char* to;
    const char* says;
  };
  for (const Fault& fault : std::vector<Fault>{
           {"}]}", "}]", "path.json: is no JSON"},
           {"\"camera_path\": 1, ", "", "has no \"camera_path\""},
           {"\"camera_path\": 1", "\"camera_path\": 2", "must be 1"},
           {"\"loop\": false", "\"loop\": 0", "true or false"},
           {"\"loop\": false", "\"loop\": false, \"lop\": 1",
            "unknown key \"lop\""},
           {"\"seconds\": 1, ", "", "keyframes[1]: has no \"seconds\""},
           {"\"seconds\": 1", "\"seconds\": \"1\"",
            "keyframes[1]: \"seconds\" must be a number"},
           {"\"seconds\": 1", "\"seconds\": 0", "above those"},
           {"\"seconds\": 1", "\"seconds\": 90000", "longer than a day"},
           {"[2, 0, 0]", "[2, 0]", "keyframes[1]: \"position\" must be"},
           {"[2, 0, 0]", "[2, 0, 1e7]", "keyframes[1]: \"position\" must be"},
           {"[2, 0, 0]", "[2, 0, null]", "keyframes[1]: \"position\" must be"},
           {"[2, 0, 0]", "[0, 0, 0]", "looks nowhere"},
           {"\"frame\": 2.5", "\"frame\": -1", "\"frame\" must not be below"},
           {"\"frame\": 2.5", "\"frame\": true", "\"frame\" must be a number"},
           {"\"frame\": 2.5", "\"frames\": 2.5", "has no \"frame\""},
           {"\"fov_y_degrees\": 49.1, \"frame\": 2.5",
            "\"fov_y_degrees\": 171, \"frame\": 2.5", "from 1 to 170"}}) {
    const std::string text =
        absl::StrReplaceAll(good, {{fault.from, fault.to}});
    ASSERT_NE(text, good) << fault.to;
    const absl::Status status = ParseCameraPath(text, "path.json").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << fault.to;
    EXPECT_TRUE(absl::StartsWith(status.message(), "path.json: ")) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), fault.says)) << status;
  }
  for (const char* text : {"", "[]", "3",
                           "{\"camera_path\": 1, \"loop\": "
                           "true, \"keyframes\": [3, 4]}"}) {
    EXPECT_FALSE(ParseCameraPath(text, "x").ok()) << text;
  }
}

}  // namespace
}  // namespace dg4d
