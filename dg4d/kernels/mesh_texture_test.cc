#include "dg4d/kernels/mesh_texture.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_test_shapes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using mesh_test::Noise;
using mesh_test::Slope;

// Lookups of one-pixel images or more, and their texture with its mips.
struct Lookup {
  int height, width, sets, images, pixels;
  std::vector<double> texels, uv, slopes;
  std::vector<int32_t> ids;
  std::vector<int64_t> set_of_image;
  bool wrap = false;
  bool mip_mapped = true;

  Lookup(int height, int width, std::vector<double> uv, double footprint = 0,
         int sets = 1, int images = 1)
      : height(height),
        width(width),
        sets(sets),
        images(images),
        pixels(static_cast<int>(uv.size()) / 2 / images),
        texels(Noise(sets * height * width * 2, 7)),
        uv(std::move(uv)),
        ids(images * pixels, 0) {
    // A footprint of so many texels along both axes.
    for (int i = 0; i < images * pixels; ++i) {
      slopes.insert(slopes.end(),
                    {footprint / width, 0.0, 0.0, footprint / height});
    }
    for (int b = 0; b < images; ++b) set_of_image.push_back(b % sets);
  }

  MeshTexture<double> Texture(std::vector<double>& mips) const {
    MeshTexture<double> texture = {.sets = sets,
                                   .height = height,
                                   .width = width,
                                   .channels = 2,
                                   .texels = texels.data(),
                                   .set_of_image = set_of_image.data(),
                                   .wrap = wrap};
    mips.resize(sets * MeshMipTexels(height, width) * 2);
    BuildMeshMipsCpu(texture, mips.data());
    if (mip_mapped) texture.mips = mips.data();
    return texture;
  }

  MeshLookups<double> Lookups() const {
    return {.images = images,
            .width = pixels,
            .height = 1,
            .triangle_ids = ids.data(),
            .uv = uv.data(),
            .uv_derivatives = slopes.data()};
  }

  std::vector<double> Colors() const {
    std::vector<double> mips;
    const MeshTexture<double> texture = Texture(mips);
    std::vector<double> colors(images * pixels * 2, -1.0);
    SampleMeshTextureCpu(texture, Lookups(), colors.data());
    return colors;
  }
};

double Mean(const std::vector<double>& texels, int channel) {
  double sum = 0;
  for (size_t i = channel; i < texels.size(); i += 2) sum += texels[i];
  return sum / (texels.size() / 2);
}

TEST(MeshTexture, TexelCentresAreAtHalves) {
  std::vector<double> uv;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) {
      uv.insert(uv.end(), {(j + 0.5) / 4, (i + 0.5) / 3});
    }
  }
  const Lookup lookup(3, 4, uv);
  const std::vector<double> colors = lookup.Colors();
  for (size_t i = 0; i < colors.size(); ++i) {
    EXPECT_NEAR(colors[i], lookup.texels[i], 1e-12);
  }
}

TEST(MeshTexture, InterpolatesBetweenTexels) {
  const Lookup lookup(2, 2, {0.5, 0.5});
  EXPECT_NEAR(lookup.Colors()[0], Mean(lookup.texels, 0), 1e-12);
}

TEST(MeshTexture, RepeatsItsBorderOrItself) {
  Lookup lookup(4, 4, {-3.1, 0.125, 1.6, 0.125});
  EXPECT_NEAR(lookup.Colors()[0], lookup.texels[0], 1e-12);
  EXPECT_NEAR(lookup.Colors()[2], lookup.texels[6], 1e-12);
  lookup.wrap = true;
  lookup.uv = {-2.875, 0.125, 1.0, 0.125};
  EXPECT_NEAR(lookup.Colors()[0], lookup.texels[0], 1e-12);
  EXPECT_NEAR(lookup.Colors()[2], (lookup.texels[0] + lookup.texels[6]) / 2,
              1e-12);
}

TEST(MeshTexture, MipsKeepTheMean) {
  const Lookup lookup(8, 4, {0.5, 0.5});
  std::vector<double> mips;
  lookup.Texture(mips);
  ASSERT_EQ(mips.size(), 2 * (8 + 2 + 1));  // 4x2, 2x1, 1x1
  EXPECT_NEAR(mips[20], Mean(lookup.texels, 0), 1e-12);
  EXPECT_NEAR(mips[21], Mean(lookup.texels, 1), 1e-12);
}

TEST(MeshTexture, MipsEndAtOddSides) {
  EXPECT_EQ(MeshMipTexels(12, 20), 6 * 10 + 3 * 5);
  EXPECT_EQ(MeshMipTexels(7, 8), 0);
  EXPECT_EQ(MeshMipTexels(1, 1), 0);
  EXPECT_EQ(MeshMipTexels(1, 4), 2 + 1);
}

TEST(MeshTexture, PicksTheLevelByTheFootprint) {
  // At the centre of texel (1, 1) of the 4x4 level of an 8x8 texture.
  const std::vector<double> uv = {1.5 / 4, 1.5 / 4};
  Lookup lookup(8, 8, uv, 2);
  std::vector<double> mips;
  lookup.Texture(mips);
  EXPECT_NEAR(lookup.Colors()[0], mips[2 * 5], 1e-12);
  // Half way between levels, in logarithm.
  const double big = Lookup(8, 8, uv, 1).Colors()[0];
  EXPECT_NEAR(Lookup(8, 8, uv, std::sqrt(2)).Colors()[0],
              (big + mips[2 * 5]) / 2, 1e-12);
  // Never beyond either end.
  EXPECT_NEAR(Lookup(8, 8, uv, 100).Colors()[0], mips[2 * 20], 1e-12);
  EXPECT_NEAR(Lookup(8, 8, uv, 0.1).Colors()[0], big, 1e-12);
}

TEST(MeshTexture, TheLongerAxisOfTheFootprintDecides) {
  Lookup lookup(16, 16, {0.3, 0.6}, 4);
  const std::vector<double> round = lookup.Colors();
  // The same length along a diagonal of the texture, nothing across.
  const double s = 4 / std::sqrt(2.0) / 16;
  lookup.slopes = {s / std::sqrt(2.0), s / std::sqrt(2.0), s / std::sqrt(2.0),
                   s / std::sqrt(2.0)};
  EXPECT_NEAR(lookup.Colors()[0], round[0], 1e-12);
}

TEST(MeshTexture, IsZeroWhereNothingIsSeen) {
  Lookup lookup(4, 4, {0.5, 0.5, 0.5, 0.5});
  lookup.ids[1] = -1;
  EXPECT_NE(lookup.Colors()[0], 0);
  EXPECT_EQ(lookup.Colors()[2], 0);
}

TEST(MeshTexture, SurvivesCoordinatesThatAreNotNumbers) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  Lookup lookup(4, 4, {nan, 0.5, infinity, 0.5, 1e300, -1e300}, 1.7);
  lookup.slopes[0] = nan;
  lookup.slopes[5] = infinity;
  for (const bool wrap : {false, true}) {
    lookup.wrap = wrap;
    for (const double color : lookup.Colors()) {
      EXPECT_LE(std::abs(color), 1);
    }
  }
}

class MeshTextureGradients : public testing::TestWithParam<bool> {};

TEST_P(MeshTextureGradients, MatchDifferences) {
  // Scattered lookups, skewed footprints of up to 4 texels, two sets.
  const int pixels = 40, images = 3;
  std::vector<double> uv = Noise(2 * pixels * images, 1);
  for (double& value : uv) value = 0.5 + 0.7 * value;
  Lookup lookup(8, 16, uv, 0, 2, images);
  lookup.slopes = Noise(4 * pixels * images, 2);
  for (double& slope : lookup.slopes) slope *= 0.4;
  lookup.wrap = GetParam();
  const std::vector<double> weights = Noise(2 * pixels * images, 3);
  const auto loss = [&] {
    const std::vector<double> colors = lookup.Colors();
    return std::inner_product(colors.begin(), colors.end(), weights.begin(),
                              0.0);
  };
  std::vector<double> mips;
  const MeshTexture<double> texture = lookup.Texture(mips);
  std::vector<double> texel_gradients(lookup.texels.size(), -1.0);
  std::vector<double> uv_gradients(uv.size(), -1.0);
  std::vector<double> slope_gradients(lookup.slopes.size(), -1.0);
  SampleMeshTextureVjpCpu(texture, lookup.Lookups(), weights.data(),
                          texel_gradients.data(), uv_gradients.data(),
                          slope_gradients.data());
  for (size_t i = 0; i < texel_gradients.size(); ++i) {
    EXPECT_NEAR(texel_gradients[i], Slope(lookup.texels, i, loss), 1e-7);
  }
  for (size_t i = 0; i < uv.size(); ++i) {
    EXPECT_NEAR(uv_gradients[i], Slope(lookup.uv, i, loss), 1e-6);
  }
  for (size_t i = 0; i < lookup.slopes.size(); ++i) {
    EXPECT_NEAR(slope_gradients[i], Slope(lookup.slopes, i, loss), 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Borders, MeshTextureGradients, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Wrap" : "Clamp";
                         });

TEST(MeshTexture, GradientBytesDoNotDependOnThreads) {
  const int pixels = 3000;
  std::vector<double> uv = Noise(2 * pixels * 4, 1);
  Lookup lookup(8, 8, uv, 1.5, 1, 4);
  const std::vector<double> weights = Noise(2 * pixels * 4, 3);
  const auto run = [&] {
    std::vector<double> mips;
    const MeshTexture<double> texture = lookup.Texture(mips);
    std::vector<double> gradients(lookup.texels.size());
    SampleMeshTextureVjpCpu<double>(texture, lookup.Lookups(), weights.data(),
                                    gradients.data(), nullptr, nullptr);
    return gradients;
  };
  const std::vector<double> one = run();
  SetThreads(3);
  EXPECT_EQ(run(), one);
  SetThreads(1);
}

}  // namespace
}  // namespace dg4d
