#include "tools/verbs/sds_benchmark.h"

#include <ATen/DeviceAccelerator.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "benchmark/benchmark.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/video_diffusion.h"
#include "dg4d/diffusion/zero123.h"
#include "tools/verbs/device_timing.h"
#include "tools/verbs/flop_counter.h"

namespace dg4d {
namespace {

using diffusion::VideoDiffusion;
using diffusion::VideoSampling;
using diffusion::Zero123;

// Bytes: on a device those of torch's allocator, on the CPU the process's peak.
struct Memory {
  double now = 0;
  double peak = 0;
};

Memory MemoryOf(const c10::Device& device) {
  if (device.is_cpu()) {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return {.peak = static_cast<double>(usage.ru_maxrss) * 1024};
  }
  const auto bytes =
      at::accelerator::getDeviceStats(device.index()).allocated_bytes[0];
  return {.now = static_cast<double>(bytes.current),
          .peak = static_cast<double>(bytes.peak)};
}

// One thing to time. `work` does it to `images` images; `before`, which is not
// timed, makes what it begins with.
struct Part {
  std::string name;
  int images;
  std::function<void()> before = [] {};
  std::function<void()> work;
  // Parts that it contains: what they leave of its time is its rest.
  std::vector<std::string> contains;
};

// Milliseconds of the parts that ran.
std::map<std::string, double>& Times() {
  static auto& times = *new std::map<std::string, double>;
  return times;
}

void Run(benchmark::State& state, const Part& part, c10::Device device) {
  part.before();
  part.work();  // memory is taken, kernels are chosen
  Synchronize(device);
  double flops;
  part.before();
  {
    const FlopCounter counter;
    part.work();
    Synchronize(device);
    flops = counter.Count();
  }
  if (!device.is_cpu()) at::accelerator::resetPeakStats(device.index());
  const double before = MemoryOf(device).now;
  double seconds = 0;
  for (auto _ : state) {
    part.before();
    Synchronize(device);
    const absl::Time start = absl::Now();
    part.work();
    Synchronize(device);
    const double taken = absl::ToDoubleSeconds(absl::Now() - start);
    state.SetIterationTime(taken);
    seconds += taken;
  }
  seconds /= static_cast<double>(state.iterations());
  Times()[part.name] = 1000 * seconds;
  state.counters["images/s"] = part.images / seconds;
  state.counters["TFLOP"] = flops / 1e12;
  state.counters["TFLOP/s"] = flops / 1e12 / seconds;
  state.counters["peak_MiB"] = (MemoryOf(device).peak - before) / (1 << 20);
  if (part.contains.empty()) return;
  double rest = 1000 * seconds;
  for (const std::string& name : part.contains) rest -= Times()[name];
  state.counters["rest_ms"] = rest;
}

void Register(Part part, c10::Device device) {
  const std::string name = absl::StrCat("sds/", part.name);
  benchmark::RegisterBenchmark(
      name.c_str(), [part = std::move(part), device](
                        benchmark::State& state) { Run(state, part, device); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

// A picture of whole bytes that no two pixels of are alike: [1, 3, s, s].
at::Tensor Picture(int64_t count, int64_t size, const char* name) {
  at::Generator generator = MakeGenerator(0, name);
  return Uniform({count, 3, size, size}, 0, 1, generator);
}

Scene SceneOf(int size) {
  Scene scene;
  scene.reference = ImageFromChw(Picture(1, size, "reference")[0]);
  scene.reference_camera = OrbitCamera({});
  return scene;
}

// The views of a step, as a stage gives them to a guidance.
Views Judged(int count, int render_size, c10::Device device) {
  Views judged;
  for (int i = 0; i < count; ++i) {
    judged.cameras.push_back(
        OrbitCamera({.azimuth_degrees = 10.0 * i},
                    {.width = render_size, .height = render_size}));
    judged.frames.push_back(0);
  }
  judged.background = at::ones({count, 3});
  judged.reference_camera = OrbitCamera({});
  judged.rgb = Picture(count, render_size, "rendered").to(device);
  return judged;
}

// The whole guidance, prepared, with its gradient. `part` has everything but
// the work.
absl::Status RegisterGuidance(const std::string& plugin,
                              const ConfigNode& config, int size,
                              const Views& judged, Part part,
                              c10::Device device) {
  RunContext context({.devices = {device}});
  DG4D_ASSIGN_OR_RETURN(std::shared_ptr<Guidance> guidance,
                        Registry<Guidance>::Create(plugin, config));
  DG4D_RETURN_IF_ERROR(guidance->Prepare(SceneOf(size), context));
  at::Generator generator = MakeGenerator(0, "noise");
  const Draws draws = guidance->Draw(judged, 0.5, generator);
  part.work = [=] {
    Views now = judged;
    now.rgb = judged.rgb.clone().requires_grad_();
    guidance->Loss(now, draws).backward();
  };
  Register(std::move(part), device);
  return absl::OkStatus();
}

absl::Status RegisterZero123(const SdsBenchmarkOptions& options, int count) {
  const c10::Device device = options.device;
  DG4D_ASSIGN_OR_RETURN(
      std::shared_ptr<Zero123> model,
      Zero123::Load(options.zero123, {.type = diffusion::TypeOf("auto", device),
                                      .device = device}));
  const int64_t views = count, size = options.view_size;
  auto seen = std::make_shared<Zero123::Seen>(
      model->See(Picture(1, size, "seen"), size, std::nullopt));
  seen->embeddings = seen->embeddings.repeat({views, 1});
  seen->latents = seen->latents.repeat({views, 1, 1, 1});
  model->ForgetImageEncoder();
  at::Generator generator = MakeGenerator(0, "noise");
  const at::Tensor noise =
      Normal({views, model->latent_channels(), size / 8, size / 8}, generator)
          .to(device);
  const at::Tensor images = Picture(views, size, "views").to(device);
  const auto named = [count](absl::string_view part) {
    return absl::StrCat("zero123/", part, "/", count);
  };
  Register(
      {.name = named("vae_forward"),
       .images = count,
       .work = [=] { model->Encode(images.clone().requires_grad_(), noise); }},
      device);
  const auto latents = std::make_shared<at::Tensor>();
  Register(
      {.name = named("vae_backward"),
       .images = count,
       .before =
           [=] {
             *latents = model->Encode(images.clone().requires_grad_(), noise);
           },
       .work = [=] { latents->backward(noise.to(latents->scalar_type())); }},
      device);
  const at::Tensor cameras = at::zeros({views, 4});
  Register({.name = named("unet"),
            .images = count,
            .work = [=] { model->Denoise(noise, 500, *seen, cameras, 5); }},
           device);

  const Views judged = Judged(count, options.render_size, device);
  ConfigNode config = ConfigNode::Map();
  config["path"] = ConfigNode::Scalar(options.zero123);
  config["image_size"] = ConfigNode::Scalar(absl::StrCat(size));
  config["micro_batch"] = ConfigNode::Scalar("8");
  DG4D_RETURN_IF_ERROR(RegisterGuidance(
      "zero123", config, options.view_size, judged,
      {.name = named("guidance_in_micro_batches"), .images = count}, device));
  config["micro_batch"] = ConfigNode::Scalar(absl::StrCat(views));
  return RegisterGuidance("zero123", config, options.view_size, judged,
                          {.name = named("guidance"),
                           .images = count,
                           .contains = {named("vae_forward"),
                                        named("vae_backward"), named("unet")}},
                          device);
}

absl::Status RegisterSvd(const SdsBenchmarkOptions& options) {
  const c10::Device device = options.device;
  DG4D_ASSIGN_OR_RETURN(
      std::shared_ptr<VideoDiffusion> model,
      VideoDiffusion::Load(
          options.svd,
          {.type = diffusion::TypeOf("auto", device), .device = device}));
  const int64_t frames = options.frames, size = options.frame_size;
  const at::Tensor picture = Picture(1, size, "picture");
  const VideoSampling sampling;
  auto seen = std::make_shared<VideoDiffusion::Seen>(VideoDiffusion::Seen{
      .embedding = model->Embed(picture),
      .latents =
          model->Latents(picture, at::zeros({1, 3, size, size}), sampling)});
  model->ForgetImageEncoder();
  at::Generator generator = MakeGenerator(0, "latents");
  const at::Tensor x =
      Normal({1, frames, model->latent_channels(), size / 8, size / 8},
             generator)
          .to(device);
  const at::Tensor images = Picture(frames, size, "frames").to(device);
  const int count = options.frames;
  Register({.name = "svd/encode",
            .images = count,
            .work = [=] { model->Encode(images, 4); }},
           device);
  Register({.name = "svd/step",
            .images = count,
            .work = [=] { model->Step(x, 17, *seen, sampling); }},
           device);
  Register({.name = "svd/decode_frame_by_frame",
            .images = count,
            .work = [=] { model->Decode(x[0], 1); }},
           device);
  Register({.name = "svd/decode",
            .images = count,
            .work = [=] { model->Decode(x[0], frames); }},
           device);

  Views judged = Judged(count, options.frame_size, device);
  judged.frames_per_clip = count;
  ConfigNode config = ConfigNode::Map();
  config["path"] = ConfigNode::Scalar(options.svd);
  config["image_size"] = ConfigNode::Scalar(absl::StrCat(size));
  return RegisterGuidance("svd", config, options.frame_size, judged,
                          {.name = "svd/repainting", .images = count}, device);
}

}  // namespace

absl::Status RegisterSdsBenchmarks(const SdsBenchmarkOptions& options) {
  if (!options.zero123.empty()) {
    for (const int views : options.views) {
      DG4D_RETURN_IF_ERROR(RegisterZero123(options, views));
    }
  }
  if (!options.svd.empty()) DG4D_RETURN_IF_ERROR(RegisterSvd(options));
  return absl::OkStatus();
}

}  // namespace dg4d
