#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/video_io.h"
#include "dg4d/imaging/cut_out.h"
#include "dg4d/imaging/similarity.h"

namespace dg4d::file_video {
namespace {

struct Options {
  std::string video;
  int frames = 14;
  double fps = 0;
  std::string masks;
  std::string background = "auto";
  int iterations = 3;
  bool align = true;

  template <typename V>
  void Visit(V& v) {
    v("video", video,
      "A film (mp4, webm, gif, ...) or a folder of pictures; empty: that of "
      "--video.");
    v("frames", frames, "Frames to take, spread evenly over the film.");
    v("fps", fps, "Frames a second; 0: as long as the film lasts.");
    v("masks", masks,
      "A film or folder of masks, white where the object is, one a frame: "
      "taken as alpha.");
    v("background", background, {"auto", "keep", "remove"},
      "auto: removed unless the film has a transparent background.");
    v("iterations", iterations,
      "Rounds of GrabCut a frame, from the mask of the frame before.");
    v("align", align,
      "Turn, scale and move all frames alike so that the first one covers the "
      "reference picture.");
  }

  absl::Status Validate() const {
    Errors errors;
    if (frames < 1 || frames > 1000) {
      errors.Add("frames must be between 1 and 1000");
    }
    if (!(fps >= 0 && fps <= 1000)) {
      errors.Add("fps must be between 0 and 1000");
    }
    if (iterations < 1 || iterations > 100) {
      errors.Add("iterations must be between 1 and 100");
    }
    if (background == "keep" && !masks.empty()) {
      errors.Add("background: keep has no use for masks");
    }
    return errors.ToStatus();
  }
};

// `image` with its longer side at most `side`.
Image LimitSide(const Image& image, int side) {
  const int longer = std::max(image.height(), image.width());
  if (longer <= side) return image;
  const auto scaled = [&](int pixels) {
    return std::max(1, static_cast<int>(std::lround(
                           static_cast<double>(pixels) * side / longer)));
  };
  return Resize(image, scaled(image.height()), scaled(image.width()));
}

// Intersection over union of two alphas: 1 for equal ones.
double Overlap(const Image& a, const Image& b) {
  const at::Tensor inside_a = Alpha(a) > 0.5, inside_b = Alpha(b) > 0.5;
  const double both = (inside_a & inside_b).sum().item<double>();
  const double either = (inside_a | inside_b).sum().item<double>();
  return either > 0 ? both / either : 0;
}

// Takes the motion from the user's film.
class FileVideo : public Stage {
 public:
  using Options = file_video::Options;
  explicit FileVideo(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.reads = {Slot::kReference}, .writes = {Slot::kVideo}};
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override;

 private:
  absl::Status ApplyMasks(Video& video) const;
  absl::Status RemoveBackground(RunContext& context, Video& video) const;
  void AlignWith(const Image& reference, RunContext& context,
                 Video& video) const;

  const Options options_;
};

absl::Status FileVideo::ApplyMasks(Video& video) const {
  DG4D_ASSIGN_OR_RETURN(const Video masks,
                        ReadVideo(options_.masks, video.size()));
  for (int i = 0; i < video.size(); ++i) {
    Image& frame = video.frames[i];
    const Image& picture = masks.frames[i];
    const double wanted = static_cast<double>(frame.width()) / frame.height();
    const double given =
        static_cast<double>(picture.width()) / picture.height();
    if (std::abs(given / wanted - 1) > 0.02) {
      return absl::InvalidArgumentError(
          absl::StrCat(options_.masks, ": masks of ", picture.width(), " x ",
                       picture.height(),
                       " pixels do not have the shape of the film; give "
                       "masks of the film's size"));
    }
    const at::Tensor values = HasRealAlpha(picture)
                                  ? picture.pixels.select(2, 3)
                                  : picture.pixels.narrow(2, 0, 3).mean(2);
    const Image grey{values.unsqueeze(2).repeat({1, 1, 3})};
    frame = WithAlpha(
        frame, Resize(grey, frame.height(), frame.width()).pixels.select(2, 0));
  }
  return absl::OkStatus();
}

absl::Status FileVideo::RemoveBackground(RunContext& context,
                                         Video& video) const {
  CutOutOptions cut_out = {.iterations = options_.iterations};
  for (int i = 0; i < video.size(); ++i) {
    absl::StatusOr<Image> object = CutOut(video.frames[i], cut_out);
    if (!object.ok()) {
      return Annotate(object.status(), absl::StrCat("frame ", i + 1));
    }
    video.frames[i] = *std::move(object);
    cut_out.guess = video.frames[i].pixels.select(2, 3);
    DG4D_RETURN_IF_ERROR(context.EndStep(i + 1, video.size()));
  }
  return absl::OkStatus();
}

// One transform for all frames: the motion stays what it was.
void FileVideo::AlignWith(const Image& reference, RunContext& context,
                          Video& video) const {
  const int height = reference.height(), width = reference.width();
  Similarity reference_from_frame;
  if (options_.align) {
    reference_from_frame = Register(video.frames[0], reference);
  } else {
    // The whole frame, in the middle of the reference's square.
    const Image& frame = video.frames[0];
    reference_from_frame.scale =
        std::min(static_cast<double>(height) / frame.height(),
                 static_cast<double>(width) / frame.width());
    reference_from_frame.x =
        0.5 * (width - reference_from_frame.scale * frame.width());
    reference_from_frame.y =
        0.5 * (height - reference_from_frame.scale * frame.height());
  }
  for (Image& frame : video.frames) {
    frame = Warp(frame, reference_from_frame, height, width);
  }
  const double overlap = Overlap(video.frames[0], reference);
  if (overlap < 0.7) {
    context.Warn(absl::StrCat(
        "the first frame of the film and the reference picture overlap by ",
        std::lround(100 * overlap),
        " % only; do they show the same object in the same pose?"));
  }
}

absl::Status FileVideo::DoRun(RunContext& context, Scene& scene) {
  const std::string path =
      options_.video.empty() ? context.settings().input_video : options_.video;
  if (path.empty()) {
    return absl::InvalidArgumentError(
        "there is no film: give --video=FILE_OR_FOLDER");
  }
  // Twice the reference, in case the object fills half of the frame only.
  const int side =
      2 * std::max(scene.reference.height(), scene.reference.width());
  DG4D_ASSIGN_OR_RETURN(
      Video video, ReadVideo(path, options_.frames,
                             [&](Image frame) -> absl::StatusOr<Image> {
                               DG4D_RETURN_IF_ERROR(context.CheckCancelled());
                               return LimitSide(frame, side);
                             }));
  if (options_.fps > 0) video.fps = options_.fps;

  const bool has_alpha =
      std::any_of(video.frames.begin(), video.frames.end(), HasRealAlpha);
  const bool keeps_alpha = options_.background == "keep" ||
                           (options_.background == "auto" && has_alpha);
  if (!options_.masks.empty()) {
    DG4D_RETURN_IF_ERROR(ApplyMasks(video));
  } else if (!keeps_alpha) {
    DG4D_RETURN_IF_ERROR(Annotate(RemoveBackground(context, video), path));
  }
  AlignWith(scene.reference, context, video);
  scene.video = std::move(video);
  return context.EndStep(options_.frames, options_.frames);
}

DG4D_REGISTER(Stage, FileVideo, "file_video",
              "Takes the motion from a film or a folder of pictures.");

}  // namespace
}  // namespace dg4d::file_video
