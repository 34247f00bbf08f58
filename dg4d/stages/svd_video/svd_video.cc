#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/stage.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/video_diffusion.h"
#include "dg4d/imaging/known_background.h"
#include "dg4d/imaging/matting.h"

namespace dg4d::svd_video {
namespace {

using diffusion::VideoDiffusion;
using diffusion::VideoSampling;

struct Options {
  std::string path = "stable-video-diffusion-img2vid";
  std::string variant;
  std::string precision = "auto";
  int frames = 0;
  int64_t seed = -1;
  int size = 512;
  bool padded = false;
  std::string background = "white";
  VideoSampling sampling;
  int decode_chunk = 0;
  MattingOptions matting;

  template <typename V>
  void Visit(V& v) {
    v("path", path,
      "Folder of weights in the diffusers layout: a path, or the name of a "
      "folder below --weights.");
    v("variant", variant,
      "Which of several weight files: fp16 for NAME.fp16.safetensors.");
    v("precision", precision, {"auto", "float32", "float16", "bfloat16"},
      "What the networks compute in; auto: float16 on a GPU, float32 on the "
      "CPU.");
    v("frames", frames,
      "Frames of the video; 0: as many as the network was trained with.");
    v("seed", seed,
      "Of this video alone; -1: the run's. Otherwise the numbers are those "
      "that PyTorch and diffusers draw with this seed.");
    v("size", size, "Side of the frames that are made, in pixels.");
    v("padded", padded,
      "Whether frames are made about 16:9, as the network was trained, with "
      "the picture in their middle: size 576 then means 1024 x 576.");
    v("background", background, {"white", "black"},
      "What the object stands before while the video is made. The frames' "
      "alpha is found by this colour, unless a matting network finds it.");
    sampling.Visit(v);
    v("decode_chunk", decode_chunk,
      "Frames that are decoded at once, to save memory. The decoder mixes "
      "them, so that this changes results; 0: all.");
    v("matting", matting,
      "A network of yours that finds the frames' alpha instead.");
  }

  absl::Status Validate() const {
    Errors errors;
    if (frames < 0 || frames > 1000) {
      errors.Add("frames must be from 0 to 1000");
    }
    if (seed < -1) errors.Add("seed must be -1 or more");
    if (size < 64 || size > 4096 || size % 64 != 0) {
      errors.Add("size must be a multiple of 64 from 64 to 4096");
    }
    if (decode_chunk < 0) errors.Add("decode_chunk must not be negative");
    errors.Add(sampling.Validate());
    return errors.ToStatus();
  }
};

// The random numbers of a video: of the picture's noise, then of the latents.
class Noise {
 public:
  // Those of the run, in float32.
  explicit Noise(at::Generator generator) : generator_(std::move(generator)) {}

  // Those that PyTorch draws from this seed, the latents in `type`: numbers
  // of another type are other numbers.
  Noise(uint64_t seed, at::ScalarType type)
      : generator_(at::detail::createCPUGenerator(seed)), type_(type) {}

  at::Tensor Picture(at::IntArrayRef sizes) { return Draw(sizes, at::kFloat); }
  at::Tensor Latents(at::IntArrayRef sizes) {
    return Draw(sizes, type_).to(at::kFloat);
  }

 private:
  at::Tensor Draw(at::IntArrayRef sizes, at::ScalarType type) {
    return at::empty(sizes, type).normal_(0, 1, generator_);
  }

  at::Generator generator_;
  at::ScalarType type_ = at::kFloat;
};

// Lets Stable Video Diffusion move the picture.
class SvdVideo final : public Stage {
 public:
  using Options = svd_video::Options;
  explicit SvdVideo(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.reads = {Slot::kReference}, .writes = {Slot::kVideo}};
  }

  absl::Status CheckReady(const RunContext& context) const override {
    return Load(context, at::kMeta).status();
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override;

 private:
  std::array<float, 3> Background() const {
    const float grey = options_.background == "white" ? 1 : 0;
    return {grey, grey, grey};
  }
  // Of the frames that are made.
  int64_t Width() const {
    // To whole latents that the network can halve three times.
    return options_.padded ? (options_.size * 16 / 9 + 32) / 64 * 64
                           : options_.size;
  }
  // On at::kMeta it reads headers and configurations alone.
  absl::StatusOr<std::unique_ptr<VideoDiffusion>> Load(
      const RunContext& context, at::Device device) const;
  at::Tensor Padded(const Image& reference) const;
  absl::StatusOr<Video> CutOutFrames(const at::Tensor& frames,
                                     const Image& reference,
                                     RunContext& context) const;

  const Options options_;
};

// The picture before the background, in the middle of a frame: [1, 3, H, W].
at::Tensor SvdVideo::Padded(const Image& reference) const {
  const at::Tensor picture =
      Composite(Resize(reference, options_.size, options_.size), Background())
          .unsqueeze(0);
  if (!options_.padded) return picture;
  const at::Tensor frame = at::full({1, 3, options_.size, Width()},
                                    Background()[0], picture.options());
  frame.narrow(3, (Width() - options_.size) / 2, options_.size).copy_(picture);
  return frame;
}

// [F, 3, size, width] about [0, 1] to frames of the reference's size.
absl::StatusOr<Video> SvdVideo::CutOutFrames(const at::Tensor& frames,
                                             const Image& reference,
                                             RunContext& context) const {
  const at::Tensor middle = frames.to(at::kCPU).narrow(
      3, (frames.size(3) - options_.size) / 2, options_.size);
  std::optional<Matting> matting;
  if (options_.matting.wanted()) {
    DG4D_ASSIGN_OR_RETURN(matting,
                          Matting::Load(options_.matting, context.device()));
  }
  Video video;
  video.fps = options_.sampling.fps;
  for (int64_t i = 0; i < middle.size(0); ++i) {
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    const Image image = ImageFromChw(middle[i]);
    absl::StatusOr<Image> object =
        matting ? matting->CutOut(image) : CutOutOf(image, Background());
    if (!object.ok()) {
      return Annotate(object.status(),
                      absl::StrCat("frame ", i + 1,
                                   " of the video that was made (try another "
                                   "seed, or the other background)"));
    }
    video.frames.push_back(
        Resize(*object, reference.height(), reference.width()));
  }
  return video;
}

absl::StatusOr<std::unique_ptr<VideoDiffusion>> SvdVideo::Load(
    const RunContext& context, at::Device device) const {
  DG4D_ASSIGN_OR_RETURN(const std::string folder,
                        context.FindWeights(options_.path));
  return VideoDiffusion::Load(
      folder, {.variant = options_.variant,
               .type = diffusion::TypeOf(options_.precision, context.device()),
               .device = device});
}

absl::Status SvdVideo::DoRun(RunContext& context, Scene& scene) {
  if (scene.reference.height() != scene.reference.width()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the picture must be square, not ", scene.reference.width(), "x",
        scene.reference.height(), "; stage preprocess makes it so"));
  }
  const at::ScalarType type =
      diffusion::TypeOf(options_.precision, context.device());
  DG4D_ASSIGN_OR_RETURN(const std::unique_ptr<VideoDiffusion> model,
                        Load(context, context.device()));
  const VideoSampling& sampling = options_.sampling;
  const int64_t shrinking = model->shrinking();
  const int64_t frames =
      options_.frames > 0 ? options_.frames : model->frames();
  Noise noise = options_.seed < 0 ? Noise(context.generator())
                                  : Noise(options_.seed, type);

  const at::Tensor picture = Padded(scene.reference);
  const VideoDiffusion::Seen seen = {
      .embedding = model->Embed(picture),
      .latents =
          model->Latents(picture, noise.Picture(picture.sizes()), sampling)};
  model->ForgetImageEncoder();
  at::Tensor x =
      model->Schedule(sampling).InitialScale() *
      noise.Latents({1, frames, model->latent_channels(),
                     picture.size(2) / shrinking, picture.size(3) / shrinking});
  int64_t step = 0;
  const auto visit = [&](StateArchive& archive) {
    archive("step", step);
    archive("latents", x);
  };
  DG4D_RETURN_IF_ERROR(context.Restore(visit));
  const int64_t steps = sampling.steps + 1;  // and the decoding
  while (step < sampling.steps) {
    x = model->Step(x, static_cast<int>(step), seen, sampling);
    ++step;
    for (const std::string& warning : model->TakeWarnings()) {
      context.Warn(warning);
    }
    DG4D_RETURN_IF_ERROR(context.EndStep(step, steps, {}, visit));
  }
  model->ForgetUNet();
  const at::Tensor images = model->Decode(
      x[0], options_.decode_chunk > 0 ? options_.decode_chunk : frames);
  DG4D_ASSIGN_OR_RETURN(scene.video,
                        CutOutFrames(images, scene.reference, context));
  return context.EndStep(steps, steps);
}

DG4D_REGISTER(Stage, SvdVideo, "svd_video",
              "Lets Stable Video Diffusion move the picture.");

}  // namespace
}  // namespace dg4d::svd_video
