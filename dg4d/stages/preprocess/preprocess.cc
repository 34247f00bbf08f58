#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/formats/video_io.h"
#include "dg4d/imaging/cut_out.h"
#include "dg4d/imaging/matting.h"
#include "dg4d/imaging/similarity.h"
#include "dg4d/scene/camera.h"

namespace dg4d::preprocess {
namespace {

struct Options {
  std::string image;
  int size = 512;
  double border_ratio = 0.2;
  std::string recenter = "auto";
  std::vector<int> rectangle;
  std::string mask;
  std::string background = "auto";
  MattingOptions matting;
  int iterations = 5;
  double elevation_degrees = 0;
  double radius = 2;
  double fov_y_degrees = 49.1;

  template <typename V>
  void Visit(V& v) {
    v("image", image,
      "The picture; empty: that of --image, or the first frame of --video.");
    v("size", size, "Side of the reference picture, in pixels.");
    v("border_ratio", border_ratio,
      "Part of the side that a recentred object leaves free.");
    v("recenter", recenter, {"auto", "always", "never"},
      "Whether the object is scaled and centred; auto: unless the picture is "
      "square and has a transparent background.");
    v("background", background, {"auto", "keep", "remove"},
      "auto: removed unless the picture has a transparent background.");
    v("rectangle", rectangle,
      "[x, y, width, height] in pixels of the picture: outside is background.");
    v("mask", mask,
      "A picture of the same shape, white where the object is: taken as "
      "alpha.");
    v("matting", matting,
      "A network that tells the object from its background.");
    v("iterations", iterations,
      "Rounds of GrabCut, where no network is given.");
    v("elevation_degrees", elevation_degrees,
      "Where the picture was taken from; negative is from above.");
    v("radius", radius, "Distance of the camera from the object's centre.");
    v("fov_y_degrees", fov_y_degrees, "Vertical field of view.");
  }

  absl::Status Validate() const {
    Errors errors;
    if (size < 16 || size > 4096) {
      errors.Add("size must be between 16 and 4096 pixels");
    }
    if (!(border_ratio >= 0 && border_ratio < 1)) {
      errors.Add("border_ratio must be at least 0 and below 1");
    }
    if (!rectangle.empty() &&
        (rectangle.size() != 4 || rectangle[0] < 0 || rectangle[1] < 0 ||
         rectangle[2] < 1 || rectangle[3] < 1)) {
      errors.Add("rectangle must be [x, y, width, height], in pixels");
    }
    if (!mask.empty() && !rectangle.empty()) {
      errors.Add("give either mask or rectangle, not both");
    }
    if (!mask.empty() && matting.wanted()) {
      errors.Add("give either mask or matting.network, not both");
    }
    if (background == "keep" &&
        !(mask.empty() && rectangle.empty() && !matting.wanted())) {
      errors.Add(
          "background: keep has no use for a mask, a rectangle or a matting "
          "network");
    }
    if (iterations < 1 || iterations > 100) {
      errors.Add("iterations must be between 1 and 100");
    }
    if (!(std::abs(elevation_degrees) < 90)) {
      errors.Add("elevation_degrees must be between -90 and 90");
    }
    if (!(radius > 0)) errors.Add("radius must be positive");
    if (!(fov_y_degrees > 0 && fov_y_degrees < 180)) {
      errors.Add("fov_y_degrees must be between 0 and 180");
    }
    return errors.ToStatus();
  }
};

// Cuts the object out of the picture, centres it and says where the camera is.
class Preprocess : public Stage {
 public:
  using Options = preprocess::Options;
  explicit Preprocess(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.writes = {Slot::kReference}};
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override;

 private:
  // What the line begins with.
  struct Input {
    std::string path;
    Image image;
    int shrunk_by = 1;  // pixels of the file a pixel of `image`
  };
  absl::StatusOr<Input> ReadInput(const RunContext& context) const;
  int MaxSide() const;
  absl::StatusOr<Image> RemoveBackground(const Input& input,
                                         const c10::Device& device) const;
  Rectangle RectangleIn(const Input& input) const;
  bool KeepsAlpha(const Image& image) const;
  absl::StatusOr<Image> Frame(const Image& object, bool own_alpha) const;

  const Options options_;
};

// An object that fills a quarter of the picture's side still has as many
// pixels as the reference; more would only cost time and memory.
int Preprocess::MaxSide() const { return std::min(4 * options_.size, 8192); }

absl::StatusOr<Preprocess::Input> Preprocess::ReadInput(
    const RunContext& context) const {
  Input input;
  input.path =
      options_.image.empty() ? context.settings().input_image : options_.image;
  if (!input.path.empty()) {
    DG4D_ASSIGN_OR_RETURN(
        input.image, ReadImage(input.path, {.max_side = MaxSide(),
                                            .shrunk_by = &input.shrunk_by}));
    return input;
  }
  input.path = context.settings().input_video;
  if (input.path.empty()) {
    return absl::InvalidArgumentError(
        "there is no picture to begin with: give --image=FILE, or --video=FILE "
        "to begin with its first frame");
  }
  DG4D_ASSIGN_OR_RETURN(const auto reader, VideoReader::Open(input.path));
  DG4D_ASSIGN_OR_RETURN(const std::optional<Image> frame, reader->Next());
  if (!frame.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(input.path, ": has no frames"));
  }
  input.image = *frame;
  return input;
}

// The rectangle of the options, in pixels of the image as it was read.
Rectangle Preprocess::RectangleIn(const Input& input) const {
  const std::vector<int>& r = options_.rectangle;
  if (r.empty()) return {};
  const int f = input.shrunk_by;
  return {.x = r[0] / f,
          .y = r[1] / f,
          .width = (r[2] + f - 1) / f,
          .height = (r[3] + f - 1) / f};
}

// Alpha from the mask file, from the file itself, from the network, or found.
absl::StatusOr<Image> Preprocess::RemoveBackground(
    const Input& input, const c10::Device& device) const {
  const Image& image = input.image;
  if (!options_.mask.empty()) {
    DG4D_ASSIGN_OR_RETURN(const at::Tensor mask,
                          ReadMask(options_.mask, {.max_side = MaxSide()}));
    if (mask.size(0) != image.height() || mask.size(1) != image.width()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the mask ", options_.mask, " is ", mask.size(1), " x ", mask.size(0),
          " pixels and the picture ", image.width(), " x ", image.height(),
          "; give a mask of the picture's size"));
    }
    return WithAlpha(image, mask);
  }
  if (KeepsAlpha(image)) return image;
  if (options_.matting.wanted()) {
    DG4D_ASSIGN_OR_RETURN(const Matting matting,
                          Matting::Load(options_.matting, device));
    return matting.CutOut(image, RectangleIn(input));
  }
  return CutOut(image, {.rectangle = RectangleIn(input),
                        .iterations = options_.iterations});
}

// Whether the picture's own alpha, if any, says what the object is.
bool Preprocess::KeepsAlpha(const Image& image) const {
  if (options_.background == "keep") return true;
  return options_.background == "auto" && HasRealAlpha(image) &&
         options_.rectangle.empty() && options_.mask.empty();
}

absl::Status CheckVisible(const Image& image) {
  const at::Tensor alpha = Alpha(image);
  const double most = alpha.max().item<float>();
  if (most > 0.5) return absl::OkStatus();
  return absl::InvalidArgumentError(
      most == 0
          ? "the picture is transparent all over; give one that shows an object"
          : absl::StrCat("the object is nowhere more opaque than ", most,
                         "; give a picture whose alpha exceeds 0.5 where the "
                         "object is"));
}

// The object in a square of the wanted size.
absl::StatusOr<Image> Preprocess::Frame(const Image& object,
                                        bool own_alpha) const {
  const bool square = object.height() == object.width();
  const bool as_is = options_.recenter == "never" ||
                     (options_.recenter == "auto" && square && own_alpha);
  if (!as_is) return Recenter(object, options_.size, options_.border_ratio);
  DG4D_RETURN_IF_ERROR(CheckObjectSize(object));
  return Resize(PadToSquare(object), options_.size, options_.size);
}

absl::Status Preprocess::DoRun(RunContext& context, Scene& scene) {
  DG4D_ASSIGN_OR_RETURN(const Input input, ReadInput(context));
  const auto cut_and_frame = [&]() -> absl::StatusOr<Image> {
    DG4D_ASSIGN_OR_RETURN(const Image object,
                          RemoveBackground(input, context.device()));
    DG4D_RETURN_IF_ERROR(CheckVisible(object));
    return Frame(object, KeepsAlpha(input.image) && HasRealAlpha(input.image));
  };
  absl::StatusOr<Image> framed = cut_and_frame();
  if (!framed.ok()) return Annotate(framed.status(), input.path);

  scene.reference = *std::move(framed);
  scene.reference_camera =
      OrbitCamera({.elevation_degrees = options_.elevation_degrees,
                   .radius = options_.radius},
                  {.fov_y = options_.fov_y_degrees * std::numbers::pi / 180,
                   .width = options_.size,
                   .height = options_.size});
  return context.EndStep(1, 1);
}

DG4D_REGISTER(Stage, Preprocess, "preprocess",
              "Cuts the object out of the picture and centres it.");

}  // namespace
}  // namespace dg4d::preprocess
