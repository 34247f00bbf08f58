#include "dg4d/formats/ply_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Numbers that are all different, so that none can stand in another's place.
Gaussians SomeGaussians(int count, int coefficients) {
  const auto numbers = [](std::vector<int64_t> sizes, double scale) {
    int64_t size = 1;
    for (const int64_t s : sizes) size *= s;
    return ((at::arange(size).to(at::kFloat) + 1) * scale).sin().view(sizes);
  };
  return {.means = numbers({count, 3}, 0.7),
          .quaternions = numbers({count, 4}, 0.9),
          .log_scales = numbers({count, 3}, 1.1) - 3,
          .opacity_logits = numbers({count, 1}, 1.3),
          .sh = numbers({count, coefficients, 3}, 1.7)};
}

void ExpectEqual(const Gaussians& a, const Gaussians& b) {
  EXPECT_TRUE(at::equal(a.means, b.means));
  EXPECT_TRUE(at::equal(a.quaternions, b.quaternions));
  EXPECT_TRUE(at::equal(a.log_scales, b.log_scales));
  EXPECT_TRUE(at::equal(a.opacity_logits, b.opacity_logits));
  EXPECT_TRUE(at::equal(a.sh, b.sh));
}

float FloatAt(const std::string& bytes, size_t offset) {
  float value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// Column `column` of row `row` of the body.
float Number(const std::string& ply, int row, int column, int columns) {
  const size_t body = ply.find("end_header\n") + 11;
  return FloatAt(ply, body + 4 * (row * columns + column));
}

TEST(GaussiansPly, ReadsBackEqualForEveryDegreeAndAxis) {
  for (const int coefficients : {1, 4, 9, 16}) {
    for (const PlyUp up : {PlyUp::kMinusY, PlyUp::kPlusY}) {
      const Gaussians written = SomeGaussians(7, coefficients);
      const auto read =
          DecodeGaussiansPly(EncodeGaussiansPly(written, up), "test");
      ASSERT_TRUE(read.ok()) << read.status();
      ExpectEqual(*read, written);
    }
  }
}

TEST(GaussiansPly, ReadsBackEqualFromAFile) {
  const std::string path = testing::TempDir() + "/gaussians.ply";
  const Gaussians written = SomeGaussians(3, 1);
  ASSERT_TRUE(WriteGaussiansPly(path, written).ok());
  const auto read = ReadGaussiansPly(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectEqual(*read, written);
}

TEST(GaussiansPly, HasTheLayoutOf3dGaussianSplatting) {
  const Gaussians gaussians = SomeGaussians(2, 4);
  const std::string ply = EncodeGaussiansPly(gaussians, PlyUp::kPlusY);
  EXPECT_TRUE(absl::StartsWith(ply, "ply\nformat binary_little_endian 1.0\n"));
  EXPECT_TRUE(absl::StrContains(ply, "\nelement vertex 2\n"));
  constexpr int kColumns = 26;
  EXPECT_EQ(ply.size(),
            ply.find("end_header\n") + 11 + 2 * kColumns * sizeof(float));
  EXPECT_EQ(Number(ply, 1, 2, kColumns), gaussians.means[1][2].item<float>());
  EXPECT_EQ(Number(ply, 1, 4, kColumns), 0);
  EXPECT_EQ(Number(ply, 1, 7, kColumns), gaussians.sh[1][0][1].item<float>());
  // f_rest_4 is the second coefficient above degree 0 of green.
  EXPECT_EQ(Number(ply, 1, 13, kColumns), gaussians.sh[1][2][1].item<float>());
  EXPECT_EQ(Number(ply, 1, 18, kColumns),
            gaussians.opacity_logits[1][0].item<float>());
  EXPECT_EQ(Number(ply, 1, 21, kColumns),
            gaussians.log_scales[1][2].item<float>());
  EXPECT_EQ(Number(ply, 1, 22, kColumns),
            gaussians.quaternions[1][0].item<float>());
}

TEST(GaussiansPly, TurnsPlacesRotationsAndColoursTogether) {
  // A needle along x, at +y, brighter seen from +x and +y.
  Gaussians needle = SomeGaussians(1, 4);
  needle.means = at::tensor({0.f, 1.f, 2.f}).view({1, 3});
  needle.quaternions = at::tensor({1.f, 0.f, 0.f, 0.f}).view({1, 4});
  needle.sh = at::tensor({0.f, 0.f, 0.f, -1.f, -1.f, -1.f, 2.f, 2.f, 2.f, -3.f,
                          -3.f, -3.f})
                  .view({1, 4, 3});
  const std::string ply = EncodeGaussiansPly(needle);
  constexpr int kColumns = 26;
  EXPECT_EQ(Number(ply, 0, 1, kColumns), -1);
  EXPECT_EQ(Number(ply, 0, 2, kColumns), 2);
  // Half a turn about z.
  EXPECT_EQ(Number(ply, 0, 22, kColumns), 0);
  EXPECT_EQ(std::abs(Number(ply, 0, 25, kColumns)), 1);
  // The basis of degree 1 is (-y, z, -x): y and x change sign, z does not.
  EXPECT_EQ(Number(ply, 0, 9, kColumns), 1);
  EXPECT_EQ(Number(ply, 0, 10, kColumns), 2);
  EXPECT_EQ(Number(ply, 0, 11, kColumns), 3);
}

TEST(GaussiansPly, SaysWhichWayIsUpAndCanBeOverruled) {
  const Gaussians gaussians = SomeGaussians(2, 1);
  const std::string ply = EncodeGaussiansPly(gaussians, PlyUp::kPlusY);
  const auto turned = DecodeGaussiansPly(ply, "test", PlyUp::kMinusY);
  ASSERT_TRUE(turned.ok());
  EXPECT_EQ(turned->means[1][1].item<float>(),
            -gaussians.means[1][1].item<float>());
}

constexpr char kAscii[] =
    "ply\r\n"
    "format ascii 1.0\r\n"
    "comment made by hand\r\n"
    "comment Vertical axis: 0,1,0\r\n"
    "element camera 1\r\n"
    "property int id\r\n"
    "element vertex 1\r\n"
    "property uchar red\r\n"
    "property double rot_3\r\nproperty float rot_2\r\n"
    "property float rot_1\r\nproperty float rot_0\r\n"
    "property float z\r\nproperty float y\r\nproperty short x\r\n"
    "property float opacity\r\n"
    "property float f_dc_2\r\nproperty float f_dc_1\r\n"
    "property float f_dc_0\r\n"
    "property float scale_0\r\nproperty float scale_1\r\n"
    "property float scale_2\r\n"
    "end_header\r\n"
    "77\r\n"
    "255 4 3 2 1 0.3 0.2 -1 0.5 30 20 10 -1 -2 -3\r\n";

TEST(GaussiansPly, FindsPropertiesByNameInAnyOrderAndInAscii) {
  const auto read = DecodeGaussiansPly(kAscii, "test");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(
      at::equal(read->means, at::tensor({-1.f, .2f, .3f}).view({1, 3})));
  EXPECT_TRUE(at::equal(read->quaternions,
                        at::tensor({1.f, 2.f, 3.f, 4.f}).view({1, 4})));
  EXPECT_TRUE(
      at::equal(read->sh, at::tensor({10.f, 20.f, 30.f}).view({1, 1, 3})));
}

TEST(GaussiansPly, ReadsBigEndianNumbers) {
  const Gaussians written = SomeGaussians(2, 1);
  std::string ply = absl::StrReplaceAll(EncodeGaussiansPly(written),
                                        {{"binary_little", "binary_big"}});
  const size_t body = ply.find("end_header\n") + 11;
  for (size_t i = body; i < ply.size(); i += 4) {
    std::swap(ply[i], ply[i + 3]);
    std::swap(ply[i + 1], ply[i + 2]);
  }
  const auto read = DecodeGaussiansPly(ply, "test");
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectEqual(*read, written);
}

TEST(GaussiansPly, ReadsNoGaussiansFromAnEmptyOne) {
  const auto read =
      DecodeGaussiansPly(EncodeGaussiansPly(SomeGaussians(0, 1)), "test");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->size(), 0);
}

// `ply` must be refused with `reason`.
void ExpectRefused(const std::string& ply, const std::string& reason) {
  const auto read = DecodeGaussiansPly(ply, "cat.ply");
  ASSERT_FALSE(read.ok()) << reason;
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(read.status().message(), "cat.ply"));
  EXPECT_TRUE(absl::StrContains(read.status().message(), reason))
      << read.status();
}

TEST(GaussiansPly, RefusesWhatIsNoPly) {
  ExpectRefused("", "no PLY");
  ExpectRefused("\x89PNG\r\n", "no PLY");
  ExpectRefused(std::string(1 << 20, 'x'), "no PLY");
  ExpectRefused("ply\nformat ascii 1.0\n" + std::string(1 << 20, 'x'),
                "header has no end");
}

TEST(GaussiansPly, RefusesAnyCutWithoutCrashing) {
  const std::string ply = EncodeGaussiansPly(SomeGaussians(2, 4));
  for (size_t size = 0; size < ply.size(); ++size) {
    EXPECT_FALSE(DecodeGaussiansPly(ply.substr(0, size), "test").ok()) << size;
  }
  const std::string ascii = kAscii;
  for (size_t size = 0; size + 3 < ascii.size(); ++size) {
    EXPECT_FALSE(DecodeGaussiansPly(ascii.substr(0, size), "test").ok())
        << size;
  }
}

TEST(GaussiansPly, RefusesHostileHeaders) {
  const std::string ply = EncodeGaussiansPly(SomeGaussians(2, 1));
  const auto with = [&ply](const char* from, const std::string& to) {
    return absl::StrReplaceAll(ply, {{from, to}});
  };
  ExpectRefused(with("vertex 2", "vertex 9223372036854775807"), "cut off");
  ExpectRefused(with("vertex 2", "vertex 4000000000000"), "cut off");
  ExpectRefused(with("vertex 2", "vertex 99999999999999999999"), "count");
  ExpectRefused(with("vertex 2", "vertex -2"), "count");
  ExpectRefused(with("vertex 2", "vertex"), "count");
  ExpectRefused(with("float nx", "float x"), "two properties 'x'");
  ExpectRefused(with("float nx", "half nx"), "names no type");
  ExpectRefused(with("float nx", "list uchar int nx"), "lists");
  ExpectRefused(with("float nx", "float f_rest_0"), "whole degree");
  ExpectRefused(with("float opacity", "float haze"), "'opacity'");
  ExpectRefused(with("element vertex", "element face"), "no vertices");
  ExpectRefused(with("element vertex", "elephant"), "'elephant'");
  ExpectRefused(with("binary_little_endian", "binary"), "format");
  ExpectRefused(with("format binary_little_endian 1.0\n", ""), "format");
  ExpectRefused("ply\nformat ascii 1.0\nproperty float x\nend_header\n",
                "before any element");
  ExpectRefused(
      "ply\nformat ascii 1.0\nelement vertex 9000000000000000000\nend_header\n",
      "'x'");
  ExpectRefused(absl::StrReplaceAll(std::string(kAscii),
                                    {{"camera 1", "camera 8000000000000"}}),
                "cut off");
  ExpectRefused(
      absl::StrReplaceAll(std::string(kAscii), {{"255 4", "255 four"}}),
      "'four'");
}

TEST(GaussiansPly, PassesOverElementsWithoutNumbersAtOnce) {
  for (const std::string& ply :
       {std::string(kAscii), EncodeGaussiansPly(SomeGaussians(2, 1))}) {
    const auto read = DecodeGaussiansPly(
        absl::StrReplaceAll(
            ply, {{"element vertex",
                   "element nothing 9000000000000000000\nelement vertex"}}),
        "test");
    EXPECT_TRUE(read.ok()) << read.status();
  }
}

TEST(GaussiansPly, SurvivesDamageAnywhere) {
  // A linear congruential generator: the same damage each time.
  uint32_t state = 1;
  const auto draw = [&state](uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  for (const std::string& ply :
       {std::string(kAscii), EncodeGaussiansPly(SomeGaussians(2, 4))}) {
    for (int round = 0; round < 3000; ++round) {
      std::string damaged = ply;
      for (int i = 0; i < 3; ++i) {
        damaged[draw(damaged.size())] = static_cast<char>(draw(256));
      }
      const auto read = DecodeGaussiansPly(damaged, "test");
      if (!read.ok()) {
        EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
      }
    }
  }
}

TEST(GaussiansPly, RefusesNumbersThatAreNotFinite) {
  Gaussians gaussians = SomeGaussians(3, 1);
  gaussians.log_scales[1][2] = std::numeric_limits<float>::quiet_NaN();
  ExpectRefused(EncodeGaussiansPly(gaussians), "vertex 1");
}

TEST(GaussiansPly, NamesAMissingFile) {
  const auto read = ReadGaussiansPly("no/such.ply");
  EXPECT_EQ(read.status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(read.status().message(), "no/such.ply"));
}

}  // namespace
}  // namespace dg4d
