// The fast renderer against the plain one, in float, on clouds large enough for
// many tiles and long lists.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/gaussian_views.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

std::unique_ptr<GaussianRenderer> Make(const std::string& name,
                                       const ConfigNode& options = {}) {
  return PluginSpec<GaussianRenderer>{name, options}.Create().value();
}

// What tells two float renderings of one thing apart.
void ExpectAgree(const at::Tensor& actual, const at::Tensor& expected,
                 double relative, const char* what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  const at::Tensor a = actual.flatten().to(at::kDouble);
  const at::Tensor b = expected.flatten().to(at::kDouble);
  const double norm = b.norm().item<double>();
  ASSERT_GT(norm, 0) << what;
  EXPECT_GE((a.dot(b) / (a.norm() * norm)).item<double>(),
            1 - relative * relative)
      << what << ": cosine";
  EXPECT_LE((a - b).norm().item<double>(), relative * norm)
      << what << ": relative L2";
  EXPECT_LE((a - b).abs().max().item<double>(),
            10 * relative * b.abs().max().item<double>())
      << what << ": largest difference";
  // All errors to one side would be a wrong formula, not rounding.
  EXPECT_LE((a - b).mean().abs().item<double>(),
            relative * b.abs().mean().item<double>())
      << what << ": bias";
}

struct Leaves {
  GaussianBatch batch;
  at::Tensor background, offsets;

  std::vector<std::pair<const char*, at::Tensor>> All() const {
    return {{"means", batch.means},
            {"quaternions", batch.quaternions},
            {"log_scales", batch.log_scales},
            {"opacity_logits", batch.opacity_logits},
            {"sh", batch.sh},
            {"background", background},
            {"offsets", offsets}};
  }
};

Leaves MakeLeaves(int64_t times, int64_t count, const std::vector<int>& shown) {
  at::Generator generator = MakeGenerator(3, "gaussians");
  const auto uniform = [&](at::IntArrayRef sizes, double low, double high) {
    return Uniform(sizes, low, high, generator).requires_grad_();
  };
  const int64_t images = static_cast<int64_t>(shown.size());
  return {.batch = {.means = uniform({times, count, 3}, -0.7, 0.7),
                    .quaternions = uniform({times, count, 4}, -1, 1),
                    .log_scales = uniform({1, count, 3}, -4.5, -2.5),
                    .opacity_logits = uniform({1, count, 1}, -3, 7),
                    .sh = uniform({times, count, 9, 3}, -0.6, 1),
                    .time_of_camera = shown},
          .background = uniform({images, 3}, 0, 1),
          .offsets = uniform({images, count, 2}, -0.01, 0.01)};
}

std::vector<Camera> MakeCameras(int count, int width, int height) {
  std::vector<Camera> cameras;
  for (int b = 0; b < count; ++b) {
    cameras.push_back(OrbitCamera({.elevation_degrees = 20.0 * b - 30,
                                   .azimuth_degrees = 100.0 * b,
                                   // The last stands inside the cloud.
                                   .radius = b + 1 == count ? 0.5 : 2.0},
                                  {.width = width, .height = height}));
  }
  return cameras;
}

at::Tensor Loss(const GaussianRendering& rendering) {
  at::Generator generator = MakeGenerator(4, "loss");
  at::Tensor loss =
      (rendering.rgb * Normal(rendering.rgb.sizes(), generator)).sum();
  if (rendering.normals.defined()) {
    loss = loss +
           (rendering.normals * Normal(rendering.normals.sizes(), generator))
               .sum();
  }
  loss = loss +
         (rendering.alpha * Normal(rendering.alpha.sizes(), generator)).sum();
  return loss +
         (rendering.depth * Normal(rendering.depth.sizes(), generator)).sum();
}

// What single pixels on which two renderings choose another Gaussian make.
void ExpectMedianDepthsAgree(const at::Tensor& actual,
                             const at::Tensor& expected) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  EXPECT_FALSE(actual.requires_grad());
  EXPECT_GT((expected > 0).sum().item<int64_t>(), expected.numel() / 10);
  EXPECT_GT((expected == 0).sum().item<int64_t>(), 0);
  EXPECT_LE(((actual - expected).abs() > 1e-4).sum().item<int64_t>(),
            expected.numel() / 500);
}

void CompareWithReference(const ConfigNode& options, bool extras = false) {
  const std::vector<int> shown = {1, 0, 1};
  Leaves leaves = MakeLeaves(2, 250, shown);
  leaves.batch.median_depth = leaves.batch.normals = extras;
  const std::vector<Camera> cameras = MakeCameras(3, 45, 37);
  GaussianRendering renderings[2];
  std::vector<at::Tensor> gradients[2];
  int k = 0;
  for (const char* name : {"gaussian_splatting", "gaussian_reference"}) {
    renderings[k] =
        Make(name, options)
            ->Render(leaves.batch, cameras, leaves.background, leaves.offsets);
    Loss(renderings[k]).backward();
    for (auto& [what, leaf] : leaves.All()) {
      gradients[k].push_back(leaf.grad().clone());
      leaf.grad().zero_();
    }
    ++k;
  }
  // Single pixels may fall to either side of the smallest alpha drawn.
  ExpectAgree(renderings[0].rgb, renderings[1].rgb, 1e-3, "rgb");
  ExpectAgree(renderings[0].alpha, renderings[1].alpha, 1e-3, "alpha");
  ExpectAgree(renderings[0].depth, renderings[1].depth, 1e-3, "depth");
  EXPECT_TRUE(renderings[0].radii.equal(renderings[1].radii));
  EXPECT_EQ(renderings[0].normals.defined(), extras);
  EXPECT_EQ(renderings[0].median_depth.defined(), extras);
  if (extras) {
    ExpectAgree(renderings[0].normals, renderings[1].normals, 1e-3, "normals");
    ExpectMedianDepthsAgree(renderings[0].median_depth,
                            renderings[1].median_depth);
  }
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    ExpectAgree(gradients[0][i], gradients[1][i], 5e-3, leaves.All()[i].first);
  }
}

TEST(GaussianSplatting, AgreesWithTheReference) { CompareWithReference({}); }

TEST(GaussianSplatting, AgreesWithTheReferenceForOtherOptions) {
  ConfigNode options;
  options["low_pass"] = ConfigNode::Scalar("0.05");
  options["near"] = ConfigNode::Scalar("0.4");
  CompareWithReference(options);
}

TEST(GaussianSplatting, AgreesWithTheReferenceInMedianDepthAndNormals) {
  CompareWithReference({}, /*extras=*/true);
}

TEST(GaussianSplatting, DrawsTheSameBytesBesideMedianDepthAndNormals) {
  const std::unique_ptr<GaussianRenderer> renderer = Make("gaussian_splatting");
  const Leaves leaves = MakeLeaves(1, 250, {0, 0});
  GaussianBatch batch = leaves.batch;
  const auto draw = [&] {
    const GaussianRendering rendering = renderer->Render(
        batch, MakeCameras(2, 45, 37), leaves.background, leaves.offsets);
    (rendering.rgb.sum() + rendering.depth.sum()).backward();
    std::vector<at::Tensor> all = {rendering.rgb, rendering.alpha,
                                   rendering.depth};
    for (auto& [what, leaf] : leaves.All()) {
      all.push_back(leaf.grad().clone());
      leaf.grad().zero_();
    }
    return all;
  };
  const std::vector<at::Tensor> expected = draw();
  batch.median_depth = batch.normals = true;
  const std::vector<at::Tensor> actual = draw();
  for (size_t k = 0; k < expected.size(); ++k) {
    EXPECT_TRUE(actual[k].equal(expected[k])) << k;
  }
}

TEST(GaussianSplatting, DrawsTheViewsOfTheBatch) {
  const std::unique_ptr<GaussianRenderer> renderer = Make("gaussian_splatting");
  const Leaves leaves = MakeLeaves(2, 50, {1, 0, 1});
  const std::vector<Camera> cameras = MakeCameras(3, 20, 14);
  const auto draw = [&](const GaussianBatch& batch) {
    return renderer->Render(batch, cameras, leaves.background, leaves.offsets)
        .rgb;
  };
  GaussianBatch batch = leaves.batch;
  batch.views = std::make_shared<GaussianViews>(3, 2, batch.means.options());
  batch.views->Set(cameras, {1, 0, 1});
  EXPECT_TRUE(draw(batch).equal(draw(leaves.batch)));
  batch.views->Set(cameras, {0, 0, 1});
  EXPECT_FALSE(draw(batch).equal(draw(leaves.batch)));
  // Of other sizes or types than the batch.
  batch.views = std::make_shared<GaussianViews>(3, 1, batch.means.options());
  batch.views->Set(cameras, {0, 0, 0});
  EXPECT_ANY_THROW(draw(batch));
  batch.views = std::make_shared<GaussianViews>(
      3, 2, batch.means.options().dtype(at::kDouble));
  batch.views->Set(cameras, {1, 0, 1});
  EXPECT_ANY_THROW(draw(batch));
}

TEST(GaussianSplatting, RefusesOptionsWithoutMeaning) {
  ConfigNode options;
  options["near"] = ConfigNode::Scalar("0");
  EXPECT_FALSE(Registry<Renderer>::Create("gaussian_splatting", options).ok());
}

TEST(GaussianSplatting, DifferentiatesWhatIsAskedFor) {
  const std::unique_ptr<GaussianRenderer> renderer = Make("gaussian_splatting");
  const Leaves leaves = MakeLeaves(1, 50, {0, 0});
  GaussianBatch batch = leaves.batch;
  batch.quaternions = batch.quaternions.detach();
  const GaussianRendering rendering = renderer->Render(
      batch, MakeCameras(2, 16, 16), leaves.background.detach(), at::Tensor());
  // Only alpha takes part in the loss.
  rendering.alpha.sum().backward();
  EXPECT_TRUE(batch.means.grad().any().item<bool>());
  EXPECT_FALSE(batch.sh.grad().any().item<bool>());
  EXPECT_FALSE(batch.quaternions.grad().defined());
  EXPECT_FALSE(leaves.background.grad().defined());
  EXPECT_FALSE(rendering.radii.requires_grad());

  const at::NoGradGuard no_gradients;
  EXPECT_FALSE(renderer
                   ->Render(batch, MakeCameras(2, 16, 16), leaves.background,
                            leaves.offsets)
                   .rgb.requires_grad());
}

// Two renderings alive at once do not share a workspace, and a graph outlives
// its renderer.
TEST(GaussianSplatting, KeepsRenderingsApart) {
  const Leaves leaves = MakeLeaves(1, 100, {0, 0});
  const std::vector<Camera> cameras = MakeCameras(2, 24, 24);
  const auto render = [&](const GaussianRenderer& renderer) {
    return renderer.Render(leaves.batch, cameras, leaves.background,
                           leaves.offsets);
  };
  const at::Tensor means = leaves.batch.means;
  std::unique_ptr<GaussianRenderer> renderer = Make("gaussian_splatting");
  Loss(render(*renderer)).backward();
  const at::Tensor expected = means.grad().clone();
  means.grad().zero_();

  const at::Tensor first = Loss(render(*renderer));
  const Leaves others = MakeLeaves(1, 70, {0, 0});
  const at::Tensor second = Loss(renderer->Render(
      others.batch, cameras, others.background, others.offsets));
  renderer.reset();
  second.backward();
  first.backward();
  EXPECT_TRUE(means.grad().equal(expected));
}

}  // namespace
}  // namespace dg4d
