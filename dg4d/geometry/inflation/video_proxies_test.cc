#include "dg4d/geometry/inflation/video_proxies.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>

#include "dg4d/geometry/inflation/motion.h"
#include "dg4d/geometry/inflation/proxy_renderer.h"
#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

constexpr int kSize = 128;
constexpr int kFrames = 6;

Camera FrontCamera() {
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  return OrbitCamera({}, intrinsics);
}

// A star that dances, as pictures, and the surfaces that were drawn.
struct Film {
  Image reference;
  std::vector<Mesh> truth;
  std::vector<Image> frames;
};

Film DancingStar(int count) {
  Film film = {NamedShape("star", kSize), {}, {}};
  const absl::StatusOr<Inflation> star = Inflate(film.reference, FrontCamera());
  EXPECT_TRUE(star.ok());
  const absl::StatusOr<Motion> motion = Motion::Create(*star, "dance", 1);
  for (int i = 0; i < count; ++i) {
    film.truth.push_back(MeshOf(*star, motion->At(double(i) / count)));
  }
  const ProxyRenderer renderer(film.truth);
  for (int i = 0; i < count; ++i) {
    film.frames.push_back(StraightImage(renderer.Render(i, FrontCamera())));
  }
  return film;
}

at::Tensor OnWhite(const at::Tensor& rgba) {
  return rgba.narrow(2, 0, 3) + 1 - rgba.narrow(2, 3, 1);
}

TEST(InflateVideo, ShowsEachFrameInFrontAndNearlyTheTruthFromBehind) {
  const Film film = DancingStar(kFrames);
  const absl::StatusOr<std::vector<Mesh>> meshes =
      InflateVideo(film.reference, film.frames, FrontCamera(), {});
  ASSERT_TRUE(meshes.ok()) << meshes.status();
  ASSERT_EQ(meshes->size(), size_t{kFrames});
  const ProxyRenderer renderer(*meshes), truth(film.truth);
  const Camera behind = OrbitCamera({.azimuth_degrees = 150}, FrontCamera());
  double mean_volume = 0;
  std::vector<double> volumes;
  for (int i = 0; i < kFrames; ++i) {
    const MeshTopology topology = AnalyzeTopology((*meshes)[i]);
    EXPECT_TRUE(topology.closed_manifold());
    volumes.push_back(topology.signed_volume);
    mean_volume += topology.signed_volume / kFrames;
    EXPECT_GT(Psnr(OnWhite(renderer.Render(i, FrontCamera())),
                   OnWhite(truth.Render(i, FrontCamera()))),
              34);
    EXPECT_GT(Psnr(OnWhite(renderer.Render(i, behind)),
                   OnWhite(truth.Render(i, behind))),
              22);
  }
  double variance = 0;
  for (const double volume : volumes) {
    variance += (volume - mean_volume) * (volume - mean_volume) / kFrames;
  }
  EXPECT_LT(std::sqrt(variance) / mean_volume, 0.05);
}

TEST(InflateVideo, InflatesAFrameByItselfAfterACut) {
  const Image disc = NamedShape("two_blobs", kSize);
  const Image star = NamedShape("bar", kSize);
  const absl::StatusOr<std::vector<Mesh>> meshes =
      InflateVideo(star, {star, disc}, FrontCamera(), {});
  ASSERT_TRUE(meshes.ok()) << meshes.status();
  const absl::StatusOr<Inflation> alone = Inflate(disc, FrontCamera());
  ASSERT_TRUE(alone.ok());
  EXPECT_TRUE(at::equal((*meshes)[1].vertices, MeshOf(*alone).vertices));
}

TEST(InflateVideo, KeepsAStillFilmStill) {
  const Image star = NamedShape("star", kSize);
  const absl::StatusOr<std::vector<Mesh>> meshes =
      InflateVideo(star, {star, star}, FrontCamera(), {});
  ASSERT_TRUE(meshes.ok()) << meshes.status();
  EXPECT_LT(
      ((*meshes)[0].vertices - (*meshes)[1].vertices).abs().max().item<float>(),
      1e-3);
}

TEST(InflateVideo, NamesTheFrameThatShowsNothing) {
  const Image star = NamedShape("star", kSize);
  Image nothing = {star.pixels.clone()};
  nothing.pixels.select(2, 3).zero_();
  const absl::Status status =
      InflateVideo(star, {star, nothing}, FrontCamera(), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("frame 1"), std::string::npos);
}

}  // namespace
}  // namespace dg4d::inflation
