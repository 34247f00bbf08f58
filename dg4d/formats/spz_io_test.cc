#include "dg4d/formats/spz_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/compression.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Numbers that are all different, so that none can stand in another's place,
// and within what SPZ can hold.
Gaussians SomeGaussians(int count, int coefficients) {
  const auto numbers = [](std::vector<int64_t> sizes, double step) {
    int64_t size = 1;
    for (const int64_t s : sizes) size *= s;
    return ((at::arange(size).to(at::kFloat) + 1) * step).sin().view(sizes);
  };
  return {.means = numbers({count, 3}, 0.7) * 3,
          .quaternions = numbers({count, 4}, 0.9) * 2,
          .log_scales = numbers({count, 3}, 1.1) * 3 - 4,
          .opacity_logits = numbers({count, 1}, 1.3) * 4,
          .sh = numbers({count, coefficients, 3}, 1.7) * 0.98};
}

std::string Encode(const Gaussians& gaussians, SpzOptions options = {}) {
  const auto bytes = EncodeGaussiansSpz(gaussians, options);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

double MostDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

at::Tensor Unit(const at::Tensor& quaternions) {
  return quaternions / quaternions.norm(2, 1, true);
}

void ExpectRefused(absl::string_view bytes, const std::string& why) {
  const auto read = DecodeGaussiansSpz(bytes, "some.spz");
  ASSERT_FALSE(read.ok()) << why;
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(read.status().message(), "some.spz cannot be"))
      << read.status();
  EXPECT_TRUE(absl::StrContains(read.status().message(), why)) << read.status();
}

// The header and the planes of version 2 or 3 before gzip.
std::string Raw(const std::string& spz) {
  return GunzipUpTo(spz, size_t{1} << 30).value();
}

TEST(GaussiansSpz, ReadsBackWithinHalfAStepForEveryVersionAndDegree) {
  for (const int version : {3, 4}) {
    for (const int coefficients : {1, 4, 9, 16}) {
      const Gaussians written = SomeGaussians(50, coefficients);
      const auto read =
          DecodeGaussiansSpz(Encode(written, {.version = version}), "some.spz");
      ASSERT_TRUE(read.ok()) << read.status();
      constexpr double kRounding = 1e-6;  // of floats
      EXPECT_LE(MostDifference(read->means, written.means),
                0.5 / 4096 + kRounding);
      EXPECT_LE(MostDifference(read->log_scales, written.log_scales),
                0.5 / 16 + kRounding);
      EXPECT_LE(MostDifference(read->opacity_logits.sigmoid(),
                               written.opacity_logits.sigmoid()),
                0.5 / 255 + kRounding);
      const auto band = [](const at::Tensor& sh, int from, int to) {
        return sh.narrow(1, from, to - from);
      };
      const auto band_difference = [&](int from, int to) {
        return MostDifference(band(read->sh, from, to),
                              band(written.sh, from, to));
      };
      EXPECT_LE(band_difference(0, 1), 0.5 / (0.15 * 255) + kRounding);
      if (coefficients == 1) continue;
      // Half a step, and half a 128th from the first rounding.
      EXPECT_LE(band_difference(1, 4), 0.5 / 16 + 0.5 / 128 + kRounding);
      if (coefficients == 4) continue;
      EXPECT_LE(band_difference(4, coefficients),
                0.5 / 8 + 0.5 / 128 + kRounding);
    }
  }
}

TEST(GaussiansSpz, TurnsRotationsByNoMoreThanTheirSteps) {
  const Gaussians written = SomeGaussians(2000, 1);
  const auto read = DecodeGaussiansSpz(Encode(written), "some.spz");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_LE(MostDifference(read->quaternions.norm(2, 1), at::ones({2000})),
            1e-6);
  // Each of three components is off by half a step h; the largest, which is at
  // least 1/2, makes up for them by at most 3 h sqrt(1/2) / (1/2).
  const double h = 0.5 * std::sqrt(0.5) / 511;
  const at::Tensor wanted = Unit(written.quaternions);
  const at::Tensor same = (read->quaternions * wanted).sum(1, true).sign();
  EXPECT_LE(MostDifference(read->quaternions * same, wanted),
            3 * std::sqrt(2.0) * h + 1e-6);
}

TEST(GaussiansSpz, EncodesTheSameBytesFromWhatItDecoded) {
  for (const int version : {3, 4}) {
    const SpzOptions options = {.version = version, .fractional_bits = 20};
    const std::string first = Encode(SomeGaussians(300, 16), options);
    const auto read = DecodeGaussiansSpz(first, "some.spz");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(Encode(*read, options) == first);
  }
}

TEST(GaussiansSpz, HasTheLayoutOfVersion3) {
  const Gaussians one = {
      .means = at::tensor({1.0f, -1.0f / 4096, 2.5f}).view({1, 3}),
      // x is the largest and negative: all signs turn.
      .quaternions = at::tensor({0.5f, -0.8f, 0.0f, -0.2f}).view({1, 4}),
      .log_scales = at::tensor({-10.0f, -2.0f, 100.0f}).view({1, 3}),
      .opacity_logits = at::tensor({0.0f}).view({1, 1}),
      .sh = at::tensor({0.0f, 1.0f, -9.0f, 0.5f, -0.25f, 0.02f, 0.04f, 9.0f,
                        -9.0f, 0.0f, 0.0f, 0.0f})
                .view({1, 4, 3})};
  const std::string raw = Raw(Encode(one));
  const double length = std::sqrt(0.5 * 0.5 + 0.8 * 0.8 + 0.2 * 0.2);
  const auto magnitude = [length](double component) {
    return static_cast<uint32_t>(
        std::lround(component / length * std::sqrt(2.0) * 511));
  };
  // x y z w without x: y = 0, z = +, w = -.
  const uint32_t rotation =
      0u << 30 | 0u << 20 | magnitude(0.2) << 10 | 1u << 9 | magnitude(0.5);
  const std::vector<int> expected = {'N',
                                     'G',
                                     'S',
                                     'P',
                                     3,
                                     0,
                                     0,
                                     0,
                                     1,
                                     0,
                                     0,
                                     0,  // magic, version, count
                                     1,
                                     12,
                                     0,
                                     0,  // degree, fractional bits, flags
                                     0,
                                     16,
                                     0,
                                     255,
                                     255,
                                     255,
                                     0,
                                     40,
                                     0,    // positions
                                     128,  // opacity of one half
                                     128,
                                     166,
                                     0,  // colours
                                     0,
                                     128,
                                     255,  // scales
                                     static_cast<int>(rotation & 255),
                                     static_cast<int>(rotation >> 8 & 255),
                                     static_cast<int>(rotation >> 16 & 255),
                                     static_cast<int>(rotation >> 24),
                                     192,
                                     96,
                                     128,
                                     136,
                                     255,
                                     0,
                                     128,
                                     128,
                                     128};  // red, green, blue in turn
  ASSERT_EQ(raw.size(), expected.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    EXPECT_EQ(static_cast<uint8_t>(raw[i]), expected[i]) << "byte " << i;
  }
}

TEST(GaussiansSpz, ReadsVersion2) {
  std::string raw = Raw(Encode(SomeGaussians(1, 1)));
  raw[4] = 2;
  raw.resize(raw.size() - 4);  // the rotation, last at degree 0
  raw += {'\x00', '\xff', '\x7f'};
  auto read = DecodeGaussiansSpz(Gzip(raw), "some.spz");
  ASSERT_TRUE(read.ok()) << read.status();
  // x = -1, y = 1 leave nothing to w.
  EXPECT_LE(MostDifference(read->quaternions[0],
                           at::tensor({0.0, -1.0, 1.0, 127 / 127.5 - 1})),
            1e-6);
  raw.resize(raw.size() - 3);
  raw += {'\xbf', '\x7f', '\x7f'};
  read = DecodeGaussiansSpz(Gzip(raw), "some.spz");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_NEAR(read->quaternions[0][0].item<double>(),
              std::sqrt(1 - 0.498039 * 0.498039 - 2 * 0.003922 * 0.003922),
              1e-5);
}

TEST(GaussiansSpz, StoresPlacesInTheStepsAskedFor) {
  Gaussians gaussians = SomeGaussians(20, 1);
  const auto fine = DecodeGaussiansSpz(
      Encode(gaussians, {.fractional_bits = 20}), "some.spz");
  ASSERT_TRUE(fine.ok()) << fine.status();
  EXPECT_LE(MostDifference(fine->means, gaussians.means), 6e-7);
  gaussians.means[3][1] = 2048.0f;
  const auto refused = EncodeGaussiansSpz(gaussians);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(
      absl::StrContains(refused.status().message(), "Gaussian 3 lies at 2048"))
      << refused.status();
  const auto coarse =
      DecodeGaussiansSpz(Encode(gaussians, {.fractional_bits = 11}), "a.spz");
  ASSERT_TRUE(coarse.ok()) << coarse.status();
  EXPECT_EQ(coarse->means[3][1].item<float>(), 2048);
}

TEST(GaussiansSpz, ReadsOpacitiesOfNoneAndAllAsFiniteLogits) {
  Gaussians gaussians = SomeGaussians(2, 1);
  gaussians.opacity_logits = at::tensor({-90.0f, 90.0f}).view({2, 1});
  const auto read = DecodeGaussiansSpz(Encode(gaussians), "some.spz");
  ASSERT_TRUE(read.ok()) << read.status();
  const at::Tensor opacities = read->opacity_logits.sigmoid();
  EXPECT_NEAR(opacities[0].item<double>(), 0.25 / 255, 1e-6);
  EXPECT_NEAR(opacities[1].item<double>(), 254.75 / 255, 1e-6);
}

TEST(GaussiansSpz, ReadsQuaternionsOfNoLengthAsNoRotation) {
  Gaussians gaussians = SomeGaussians(1, 1);
  gaussians.quaternions.zero_();
  const auto read = DecodeGaussiansSpz(Encode(gaussians), "some.spz");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(
      at::equal(read->quaternions[0], at::tensor({1.0f, 0.0f, 0.0f, 0.0f})));
}

TEST(GaussiansSpz, RefusesToWriteWhatIsNotFinite) {
  Gaussians gaussians = SomeGaussians(5, 4);
  gaussians.sh[4][2][1] = NAN;
  const auto bytes = EncodeGaussiansSpz(gaussians);
  EXPECT_TRUE(absl::StrContains(bytes.status().message(), "Gaussian 4"))
      << bytes.status();
}

TEST(GaussiansSpz, RefusesAFileThatIsCutOff) {
  for (const int version : {3, 4}) {
    const std::string spz = Encode(SomeGaussians(40, 4), {.version = version});
    for (size_t size = 0; size < spz.size(); size += 3) {
      ExpectRefused(spz.substr(0, size), "");
    }
  }
}

TEST(GaussiansSpz, RefusesHeadersThatItDoesNotKnow) {
  const std::string raw = Raw(Encode(SomeGaussians(2, 4)));
  const auto with_byte = [&raw](int offset, char value) {
    std::string changed = raw;
    changed[offset] = value;
    return Gzip(changed);
  };
  ExpectRefused(with_byte(0, 'n'), "no SPZ file");
  ExpectRefused(with_byte(4, 1), "version 1");
  ExpectRefused(with_byte(4, 5), "version 5");
  ExpectRefused(with_byte(4, 4), "version 4 within gzip");
  ExpectRefused(with_byte(8, 0), "no Gaussians");
  ExpectRefused(with_byte(8, 3), "holds less");
  ExpectRefused(with_byte(8, 1), "holds more");
  ExpectRefused(with_byte(12, 4), "degree 4");
  ExpectRefused(with_byte(13, 24), "24 fractional bits");
  ExpectRefused(raw, "without its gzip");
  ExpectRefused("", "no SPZ file");
}

TEST(GaussiansSpz, PassesOverWhatFollowsWhereTheHeaderSaysSo) {
  std::string raw = Raw(Encode(SomeGaussians(2, 4)));
  raw[14] = '\x83';  // antialiased, extensions, levels of detail
  EXPECT_TRUE(DecodeGaussiansSpz(Gzip(raw + "more"), "some.spz").ok());
  std::string spz = Encode(SomeGaussians(2, 4), {.version = 4});
  EXPECT_TRUE(DecodeGaussiansSpz(spz + "more", "some.spz").ok());
  spz[16] += 8;  // the table of contents comes later
  spz.insert(32, "8 bytes.");
  EXPECT_TRUE(DecodeGaussiansSpz(spz, "some.spz").ok());
}

TEST(GaussiansSpz, RefusesDecompressionBombsBeforeTheyGrow) {
  std::string raw = Raw(Encode(SomeGaussians(2, 4)));
  for (int i = 8; i < 12; ++i) raw[i] = '\xff';
  ExpectRefused(Gzip(raw), "bomb");
  std::string spz = Encode(SomeGaussians(2, 4), {.version = 4});
  for (int i = 8; i < 12; ++i) spz[i] = '\xff';
  ExpectRefused(spz, "bomb");
}

TEST(GaussiansSpz, RefusesStreamsThatLieAboutTheirSizes) {
  const std::string spz = Encode(SomeGaussians(9, 4), {.version = 4});
  const auto with_byte = [&spz](int offset, char value) {
    std::string changed = spz;
    changed[offset] = value;
    return changed;
  };
  ExpectRefused(with_byte(15, 5), "5 streams where 6");
  ExpectRefused(with_byte(16, 31), "cut off");
  ExpectRefused(with_byte(18, 1), "cut off");
  ExpectRefused(with_byte(39, '\x7f'), "cut off");
  ExpectRefused(with_byte(8, 8), "where 72 are due");
}

}  // namespace
}  // namespace dg4d
