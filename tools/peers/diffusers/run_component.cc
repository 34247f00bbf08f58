// Runs one component of a folder of weights on given numbers:
//
//   run_component FOLDER/unet INPUTS.safetensors OUTPUTS.safetensors
//       [cpu|cuda [float32|float16|bfloat16]]
//
// What tensors go in and out is said at each function below; parity.py gives
// the same to the diffusers library.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros_like.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/safetensors.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/score_distillation.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"
#include "nlohmann/json.hpp"

namespace dg4d::diffusion {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// Where networks run, and in what.
struct Place {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;

  LoadOptions options() const { return {.type = type, .device = device}; }
  at::Tensor operator()(const at::Tensor& x) const {
    return x.to(device, type);
  }
};

template <typename Config>
absl::StatusOr<Config> SchedulerConfig(const std::string& component) {
  const auto folder = std::filesystem::path(component).parent_path();
  DG4D_ASSIGN_OR_RETURN(
      JsonConfig json,
      JsonConfig::Read((folder / "scheduler/scheduler_config.json").string()));
  return Config::Parse(std::move(json));
}

at::Tensor Blended(const Blend& blend, const at::Tensor& sample,
                   const at::Tensor& output) {
  return blend.sample * sample + blend.output * output;
}

// One step of the DDIM sampler with classifier-free guidance: latents, image
// [1, 4, h, w], context [1, 1, 768], t, steps, scale -> output, next.
absl::StatusOr<Tensors> ImageStep(const std::string& component, Tensors in,
                                  const Place& place) {
  DG4D_ASSIGN_OR_RETURN(const auto unet,
                        LoadNetwork<UNet>(component, place.options()));
  DG4D_ASSIGN_OR_RETURN(const auto config,
                        SchedulerConfig<DdimScheduler::Config>(component));
  const auto both = [](const at::Tensor& x) {
    return at::cat({x, at::zeros_like(x)});
  };
  const auto t = static_cast<int>(in["t"].item<int64_t>());
  const at::Tensor x =
      at::cat({at::cat({in["latents"], in["latents"]}), both(in["image"])}, 1);
  const at::Tensor times =
      at::full({2}, t, at::TensorOptions(at::kFloat).device(place.device));
  const auto halves = (*unet)(place(x), times, place(both(in["context"])))
                          .to(at::kCPU, at::kFloat)
                          .chunk(2);
  const at::Tensor output =
      Guide(halves[0], halves[1], in["scale"].item<double>());
  const Blend step = DdimScheduler(config).Step(
      t, static_cast<int>(in["steps"].item<int64_t>()));
  return Tensors{{"output", output},
                 {"next", Blended(step, in["latents"], output)}};
}

// One step of the Euler sampler with guidance that grows over the frames:
// latents, image [1, F, 4, h, w], context [1, 1, 1024], ids [1, 3], step,
// steps, first_scale, last_scale -> output, next.
absl::StatusOr<Tensors> VideoStep(const std::string& component, Tensors in,
                                  const Place& place) {
  DG4D_ASSIGN_OR_RETURN(const auto unet,
                        LoadNetwork<VideoUNet>(component, place.options()));
  DG4D_ASSIGN_OR_RETURN(const auto config,
                        SchedulerConfig<EulerScheduler::Config>(component));
  const EulerScheduler scheduler(config,
                                 static_cast<int>(in["steps"].item<int64_t>()));
  const auto i = static_cast<int>(in["step"].item<int64_t>());
  const auto both = [](const at::Tensor& x) {
    return at::cat({at::zeros_like(x), x});
  };
  const at::Tensor scaled = in["latents"] * scheduler.InputScale(i);
  const at::TensorOptions numbers =
      at::TensorOptions(at::kFloat).device(place.device);
  const at::Tensor x =
      at::cat({at::cat({scaled, scaled}), both(in["image"])}, 2);
  const at::Tensor out =
      (*unet)({.x = place(x),
               .timesteps = at::full({2}, scheduler.Timestep(i), numbers),
               .context = place(both(in["context"])),
               .added_ids = in["ids"].repeat({2, 1}).to(place.device)})
          .to(at::kCPU, at::kFloat);
  const at::Tensor scale =
      at::linspace(in["first_scale"].item<double>(),
                   in["last_scale"].item<double>(), in["latents"].size(1))
          .view({1, -1, 1, 1, 1});
  const auto halves = out.chunk(2);
  const at::Tensor output = halves[0] + scale * (halves[1] - halves[0]);
  return Tensors{{"output", output},
                 {"next", Blended(scheduler.Step(i), in["latents"], output)}};
}

// picture [1, 3, h, w], latents [F, 4, h, w] -> mean, log_variance, decoded.
template <typename Autoencoder, typename Decode>
absl::StatusOr<Tensors> BothWays(const std::string& component, Tensors in,
                                 const Place& place, const Decode& decode) {
  DG4D_ASSIGN_OR_RETURN(const auto vae,
                        LoadNetwork<Autoencoder>(component, place.options()));
  const Posterior posterior = vae->encode(place(in["picture"]));
  return Tensors{{"mean", posterior.mean},
                 {"log_variance", posterior.log_variance},
                 {"decoded", decode(*vae, place(in["latents"]))}};
}

// pixels [1, 3, 224, 224], normalised -> embeddings.
absl::StatusOr<Tensors> Embed(const std::string& component, Tensors in,
                              const Place& place) {
  DG4D_ASSIGN_OR_RETURN(const auto clip,
                        LoadNetwork<ClipVision>(component, place.options()));
  return Tensors{{"embeddings", (*clip)(place(in["pixels"]))}};
}

absl::StatusOr<Tensors> Run(const std::string& component, Tensors in,
                            const Place& place) {
  DG4D_ASSIGN_OR_RETURN(const std::string text,
                        ReadFile(component + "/config.json"));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const std::string kind =
      json.is_object() ? json.value("_class_name", "CLIPVisionModel") : "";
  if (kind == "UNet2DConditionModel") return ImageStep(component, in, place);
  if (kind == "UNetSpatioTemporalConditionModel") {
    return VideoStep(component, in, place);
  }
  if (kind == "AutoencoderKL") {
    return BothWays<Vae>(
        component, in, place,
        [](const Vae& vae, const auto& z) { return vae.decode(z); });
  }
  if (kind == "AutoencoderKLTemporalDecoder") {
    return BothWays<VideoVae>(component, in, place,
                              [](const VideoVae& vae, const auto& z) {
                                return vae.decode(z, z.size(0));
                              });
  }
  if (kind == "CLIPVisionModel") return Embed(component, in, place);
  return absl::InvalidArgumentError(
      absl::StrCat(component, "/config.json: no known network"));
}

absl::Status Main(const std::string& component, const std::string& inputs,
                  const std::string& outputs, const Place& place) {
  const at::NoGradGuard no_grad;
  // float32 is to be float32.
  at::globalContext().setAllowTF32CuDNN(false);
  at::set_num_threads(
      static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  DG4D_ASSIGN_OR_RETURN(const SafeTensors in, ReadSafeTensors(inputs));
  DG4D_ASSIGN_OR_RETURN(Tensors out, Run(component, in.tensors, place));
  for (auto& [name, tensor] : out) {
    tensor = tensor.to(at::kCPU, at::kFloat).contiguous();
  }
  return WriteSafeTensors({.tensors = out}, outputs);
}

}  // namespace
}  // namespace dg4d::diffusion

int main(int argc, char** argv) {
  const std::map<std::string, at::ScalarType> types = {
      {"float32", at::kFloat},
      {"float16", at::kHalf},
      {"bfloat16", at::kBFloat16}};
  const std::string type = argc > 5 ? argv[5] : "float32";
  if (argc < 4 || argc > 6 || types.count(type) == 0) {
    std::fprintf(stderr,
                 "usage: %s COMPONENT INPUTS OUTPUTS [cpu|cuda "
                 "[float32|float16|bfloat16]]\n",
                 argv[0]);
    return 2;
  }
  const absl::Status status = dg4d::CatchExceptions([&] {
    return dg4d::diffusion::Main(
        argv[1], argv[2], argv[3],
        {.device = at::Device(argc > 4 ? argv[4] : "cpu"),
         .type = types.at(type)});
  });
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
