// Steps as replays of CUDA graphs against the same steps one operation after
// the other.

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/cuda_stream.h"
#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/cuda_test.h"
#include "dg4d/training/adam.h"
#include "dg4d/training/repeated_step.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 48;

// Gaussians that are fitted to pictures which change from step to step, as do
// cameras, rates and the number of views.
class Fit {
 public:
  explicit Fit(bool replayed, c10::Device device = c10::Device(at::kCUDA, 0))
      : replayed_(replayed),
        renderer_(*PluginSpec<GaussianRenderer>{
            "gaussian_splatting", *ParseYaml("{deterministic: true}", "test")}
                       .Create()),
        steps_(adam_, device) {
    at::Generator generator = MakeGenerator(0, "gaussians");
    const auto add = [&](const char* name, const at::Tensor& value) {
      adam_.Add(name, value.to(device), {0.02, 0.001, 40});
    };
    add("means", Uniform({kCount, 3}, -0.4, 0.4, generator));
    add("quaternions", Normal({kCount, 4}, generator));
    add("log_scales", Uniform({kCount, 3}, -3.5, -2.5, generator));
    add("opacity_logits", Normal({kCount, 1}, generator));
    add("sh", Normal({kCount, 1, 3}, generator));
    pictures_ = Uniform({6, 3, kSize, kSize}, 0, 1, generator).to(device);
  }

  // Takes `count` steps and returns their losses.
  std::vector<double> Take(int count) {
    std::vector<double> losses;
    for (int i = 0; i < count; ++i) losses.push_back(Step());
    return losses;
  }

  void ReplaceRows() {
    const at::Tensor rows = at::tensor(std::vector<int64_t>{3, 1, 0, 7, 9});
    for (const std::string& name : adam_.names()) adam_.KeepRows(name, rows);
    steps_.Forget();
  }

  // Makes the work need the host from now on.
  void ReadBack() { reads_back_ = true; }

  const Adam& adam() const { return adam_; }
  int64_t replays() const { return steps_.replays(); }

 private:
  static constexpr int64_t kCount = 300;

  double Step() {
    // Shapes that take turns, of which two draw images of the same number.
    const int64_t views = step_ % 3 == 0 ? 1 : 2;
    RepeatedStep::Inputs inputs;
    if (replayed_) inputs.shape = step_ % 2 == 0 ? "even" : "odd";
    std::vector<int64_t> pictures;
    RepeatedStep::Inputs::Rendered rendered = {.times = 1};
    for (int64_t v = 0; v < views; ++v) {
      pictures.push_back((step_ + 2 * v) % 6);
      rendered.cameras.push_back(
          OrbitCamera({.azimuth_degrees = 31.0 * step_ + 90.0 * v})
              .WithSize(kSize, kSize));
      rendered.time_of_camera.push_back(0);
    }
    inputs.tensors = {at::tensor(pictures)};
    inputs.rendered = {rendered};
    const RepeatedStep::Tensors results = steps_.Run(
        inputs, step_,
        [&](const RepeatedStep::Tensors& on_device,
            const RepeatedStep::AllViews& all_views) -> RepeatedStep::Tensors {
          const GaussianBatch batch = {
              .means = adam_["means"].unsqueeze(0),
              .quaternions = adam_["quaternions"].unsqueeze(0),
              .log_scales = adam_["log_scales"].unsqueeze(0),
              .opacity_logits = adam_["opacity_logits"].unsqueeze(0),
              .sh = adam_["sh"].unsqueeze(0),
              .time_of_camera = rendered.time_of_camera,
              .views = all_views[0]};
          const GaussianRendering rendering =
              renderer_->Render(batch, rendered.cameras,
                                at::zeros({views, 3}, pictures_.options()), {});
          const at::Tensor loss =
              (rendering.rgb - pictures_.index_select(0, on_device[0]))
                  .square()
                  .mean();
          if (reads_back_) {
            EXPECT_GT(loss.item<double>(), 0);
          }
          loss.backward();
          return {loss.detach()};
        });
    ++step_;
    return results[0].item<double>();
  }

  const bool replayed_;
  bool reads_back_ = false;
  int step_ = 0;
  std::unique_ptr<GaussianRenderer> renderer_;
  at::Tensor pictures_;
  Adam adam_;
  RepeatedStep steps_;
};

class RepeatedStepCuda : public CudaTest {};

void ExpectEqual(const Fit& a, const Fit& b) {
  for (const std::string& name : a.adam().names()) {
    EXPECT_TRUE(at::equal(a.adam()[name].detach(), b.adam()[name].detach()))
        << name;
  }
}

TEST_F(RepeatedStepCuda, ReplaysToTheBytesOfSingleOperations) {
  const OwnCudaStream stream(c10::Device(at::kCUDA, 0));
  Fit replayed(true), single(false);
  EXPECT_EQ(replayed.Take(40), single.Take(40));
  ExpectEqual(replayed, single);
  // All but the two steps that each of four shapes takes first.
  EXPECT_GE(replayed.replays(), 30);
  EXPECT_EQ(single.replays(), 0);
}

TEST_F(RepeatedStepCuda, BeginsAnewWhenRowsChange) {
  const OwnCudaStream stream(c10::Device(at::kCUDA, 0));
  Fit replayed(true), single(false);
  for (Fit* fit : {&replayed, &single}) {
    fit->Take(20);
    fit->ReplaceRows();
  }
  const int64_t before = replayed.replays();
  EXPECT_EQ(replayed.Take(20), single.Take(20));
  ExpectEqual(replayed, single);
  EXPECT_GT(replayed.replays(), before);
}

TEST_F(RepeatedStepCuda, TakesSingleOperationsWhereTheHostIsNeeded) {
  const OwnCudaStream stream(c10::Device(at::kCUDA, 0));
  Fit replayed(true), single(false);
  replayed.ReadBack();
  EXPECT_EQ(replayed.Take(30), single.Take(30));
  ExpectEqual(replayed, single);
  EXPECT_EQ(replayed.replays(), 0);
}

TEST_F(RepeatedStepCuda, TakesStepsOnADeviceThatIsNotTheCurrentOne) {
  int devices = 0;
  cudaGetDeviceCount(&devices);
  if (devices < 2) GTEST_SKIP() << "there is one device";
  const c10::Device first(at::kCUDA, 0), last(at::kCUDA, devices - 1);
  const OwnCudaStream stream(first), stream_of_last(last);
  Fit here(true, first), there(true, last);
  EXPECT_EQ(there.Take(40), here.Take(40));
  EXPECT_GE(there.replays(), 30);
  int current = -1;
  cudaGetDevice(&current);
  EXPECT_EQ(current, 0);
}

}  // namespace
}  // namespace dg4d
