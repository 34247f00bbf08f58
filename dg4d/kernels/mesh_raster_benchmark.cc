#include "dg4d/kernels/mesh_raster_benchmark.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_antialias.h"
#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_test_shapes.h"
#include "dg4d/kernels/mesh_texture.h"

namespace dg4d {
namespace {

using mesh_test::Cameras;
using mesh_test::Noise;
using mesh_test::Shape;
using mesh_test::Sphere;

constexpr int kTextureSize = 1024;

struct Case {
  int size = 0;
  int images = 0;
  bool backward = false;
  int threads = 1;
};

Cameras<float> MakeCameras(int images, int size) {
  // 49.1 degrees, from 2 units away.
  return Cameras<float>(images, size, size, 2.0f, 1.0946f * size,
                        6.2831853f / images);
}

// One drawing in the steps that a differentiable renderer takes, with the
// memory of all of them.
class Steps {
 public:
  Steps(int images, int size)
      : sphere_(Sphere<float>(100, 100, 0.5f)),
        cameras_(MakeCameras(images, size)),
        positions_(cameras_.Project(sphere_.vertices)),
        pixels_(int64_t{images} * size * size),
        texels_(Noise<float>(kTextureSize * kTextureSize * 3, 1)),
        mips_(3 * MeshMipTexels(kTextureSize, kTextureSize)),
        neighbors_(sphere_.triangles.size()),
        ids_(pixels_),
        barycentrics_(2 * pixels_),
        slopes_(4 * pixels_),
        depth_(pixels_),
        uv_(2 * pixels_),
        uv_slopes_(4 * pixels_),
        colors_(3 * pixels_),
        weights_(2 * pixels_),
        smooth_(3 * pixels_),
        upstream_(Noise<float>(3 * pixels_, 3)) {}

  void Forward() {
    ProjectMeshCpu(cameras_.Projection(sphere_.vertices), positions_.data());
    RasterizeMeshCpu<float>(
        Geometry(), ids_.data(),
        {barycentrics_.data(), slopes_.data(), depth_.data()});
    InterpolateMeshCpu(Geometry(), ids_.data(), Fragments(), Uvs(), uv_.data(),
                       uv_slopes_.data());
    BuildMeshMipsCpu(Texture(), mips_.data());
    SampleMeshTextureCpu(Texture(), Lookups(), colors_.data());
    FindMeshNeighborsCpu(sphere_.triangles.data(), sphere_.triangle_count(),
                         sphere_.vertex_count(), neighbors_.data());
    AntialiasMeshCpu(Geometry(), Silhouettes(), 3, colors_.data(),
                     weights_.data(), smooth_.data());
    benchmark::DoNotOptimize(smooth_.data());
  }

  void Backward() {
    color_gradients_.resize(3 * pixels_);
    silhouette_gradients_.resize(positions_.size());
    AntialiasMeshVjpCpu(Geometry(), Silhouettes(), 3, colors_.data(),
                        weights_.data(), upstream_.data(),
                        color_gradients_.data(), silhouette_gradients_.data());
    texel_gradients_.resize(texels_.size());
    uv_gradients_.resize(2 * pixels_);
    uv_slope_gradients_.resize(4 * pixels_);
    SampleMeshTextureVjpCpu(Texture(), Lookups(), color_gradients_.data(),
                            texel_gradients_.data(), uv_gradients_.data(),
                            uv_slope_gradients_.data());
    barycentric_gradients_.resize(2 * pixels_);
    slope_gradients_.resize(4 * pixels_);
    InterpolateMeshVjpCpu<float>(
        Geometry(), ids_.data(), Fragments(), Uvs(), uv_gradients_.data(),
        uv_slope_gradients_.data(), nullptr,
        {barycentric_gradients_.data(), slope_gradients_.data()});
    position_gradients_.resize(positions_.size());
    RasterizeMeshVjpCpu<float>(
        Geometry(), ids_.data(),
        {barycentric_gradients_.data(), slope_gradients_.data()},
        position_gradients_.data());
    vertex_gradients_.resize(sphere_.vertices.size());
    ProjectMeshVjpCpu(cameras_.Projection(sphere_.vertices),
                      position_gradients_.data(), vertex_gradients_.data());
    benchmark::DoNotOptimize(vertex_gradients_.data());
  }

 private:
  MeshGeometry<float> Geometry() const {
    return cameras_.Geometry(positions_, sphere_.triangles);
  }
  MeshFragments<const float> Fragments() const {
    return {barycentrics_.data(), slopes_.data(), depth_.data()};
  }
  MeshAttributes<float> Uvs() const {
    return {.sets = 1,
            .rows = int64_t(sphere_.uvs.size()) / 2,
            .channels = 2,
            .values = sphere_.uvs.data(),
            .triangles = sphere_.uv_triangles.data()};
  }
  MeshTexture<float> Texture() const {
    return {.sets = 1,
            .height = kTextureSize,
            .width = kTextureSize,
            .channels = 3,
            .texels = texels_.data(),
            .mips = mips_.data()};
  }
  MeshLookups<float> Lookups() const {
    return {.images = Geometry().images,
            .width = cameras_.width,
            .height = cameras_.height,
            .triangle_ids = ids_.data(),
            .uv = uv_.data(),
            .uv_derivatives = uv_slopes_.data()};
  }
  MeshSilhouettes<float> Silhouettes() const {
    return {ids_.data(), depth_.data(), neighbors_.data()};
  }

  const Shape<float> sphere_;
  const Cameras<float> cameras_;
  std::vector<float> positions_;
  const int64_t pixels_;
  const std::vector<float> texels_;
  std::vector<float> mips_;
  std::vector<int32_t> neighbors_, ids_;
  std::vector<float> barycentrics_, slopes_, depth_, uv_, uv_slopes_, colors_,
      weights_, smooth_;
  const std::vector<float> upstream_;
  std::vector<float> color_gradients_, silhouette_gradients_, texel_gradients_,
      uv_gradients_, uv_slope_gradients_, barycentric_gradients_,
      slope_gradients_, position_gradients_, vertex_gradients_;
};

void RunSteps(benchmark::State& state, const Case& options) {
  Steps steps(options.images, options.size);
  SetThreads(options.threads);
  for (auto _ : state) {
    steps.Forward();
    if (options.backward) steps.Backward();
  }
  SetThreads(1);
}

void RunCoverage(benchmark::State& state, const Case& options, bool closed) {
  const Shape<float> sphere = Sphere<float>(150, 150, 0.6f);
  const Cameras<float> cameras = MakeCameras(options.images, options.size);
  const std::vector<float> texels = Noise<float>(512 * 512 * 3, 1);
  std::vector<float> positions = cameras.Project(sphere.vertices);
  const int64_t pixels = int64_t{options.images} * options.size * options.size;
  std::vector<float> rgba(4 * pixels), depth(pixels);
  SetThreads(options.threads);
  for (auto _ : state) {
    ProjectMeshCpu(cameras.Projection(sphere.vertices), positions.data());
    RenderMeshCoverageCpu<float>(
        {.geometry = cameras.Geometry(positions, sphere.triangles),
         .samples = 3,
         .closed = closed,
         .uv_triangles = sphere.uv_triangles.data(),
         .uvs = sphere.uvs.data(),
         .layers = texels.data(),
         .layer_height = 512,
         .layer_width = 512},
        rgba.data(), depth.data());
    benchmark::DoNotOptimize(rgba.data());
  }
  SetThreads(1);
}

template <typename Run>
void Register(const std::string& name, const Case& options, Run run) {
  benchmark::RegisterBenchmark(
      absl::StrCat(name, "/pixels:", options.size, "/cameras:", options.images,
                   "/", options.backward ? "forward_backward" : "forward",
                   "/threads:", options.threads)
          .c_str(),
      [options, run](benchmark::State& state) { run(state, options); })
      ->Unit(benchmark::kMillisecond)
      ->MeasureProcessCPUTime()
      ->UseRealTime()
      ->MinTime(0.2);
}

}  // namespace

void RegisterMeshRasterBenchmarks() {
  for (const int size : {256, 512}) {
    for (const int images : {1, 4, 16}) {
      for (const bool backward : {false, true}) {
        for (const int threads : {1, 2}) {
          Register("mesh_raster",
                   {.size = size,
                    .images = images,
                    .backward = backward,
                    .threads = threads},
                   RunSteps);
        }
      }
    }
  }
  for (const bool closed : {false, true}) {
    for (const int size : {128, 256}) {
      for (const int threads : {1, 2}) {
        Register(closed ? "mesh_coverage/closed" : "mesh_coverage/open",
                 {.size = size, .images = 1, .threads = threads},
                 [closed](benchmark::State& state, const Case& options) {
                   RunCoverage(state, options, closed);
                 });
      }
    }
  }
}

}  // namespace dg4d
