#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/stack.h>

#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/proxy_renderer.h"
#include "dg4d/geometry/inflation/surface_gaussians.h"
#include "dg4d/geometry/inflation/video_proxies.h"

namespace dg4d::inflation_guidance {
namespace {

// A camera and a frame number.
using ViewKey = std::array<double, 22>;

ViewKey KeyOf(const Camera& camera, double frame) {
  ViewKey key;
  std::copy(camera.world_from_camera.begin(), camera.world_from_camera.end(),
            key.begin());
  key[16] = camera.fov_y;
  key[17] = camera.width;
  key[18] = camera.height;
  key[19] = camera.near;
  key[20] = camera.far;
  key[21] = frame;
  return key;
}

// Pictures that were asked for lately, up to a number of bytes.
class PictureCache {
 public:
  const at::Tensor* Find(const ViewKey& key) const {
    const auto found = pictures_.find(key);
    return found == pictures_.end() ? nullptr : &found->second;
  }

  void Add(const ViewKey& key, const at::Tensor& picture) {
    pictures_.emplace(key, picture);
    order_.push_back(key);
    bytes_ += picture.nbytes();
    while (bytes_ > kMostBytes && order_.size() > 1) {
      const auto oldest = pictures_.find(order_.front());
      bytes_ -= oldest->second.nbytes();
      pictures_.erase(oldest);
      order_.pop_front();
    }
  }

 private:
  static constexpr size_t kMostBytes = size_t{192} << 20;
  std::map<ViewKey, at::Tensor> pictures_;
  std::deque<ViewKey> order_;
  size_t bytes_ = 0;
};

bool SeesTheSame(const Camera& a, const Camera& b) {
  constexpr double kTolerance = 1e-6;
  for (int i = 0; i < 16; ++i) {
    if (std::abs(a.world_from_camera[i] - b.world_from_camera[i]) >
        kTolerance) {
      return false;
    }
  }
  return std::abs(a.fov_y - b.fov_y) < kTolerance && a.width == a.height;
}

}  // namespace

// Compares renderings with those of a proxy: the reference picture inflated to
// a closed, textured surface, still or moving with the video.
class Inflation final : public Guidance {
 public:
  struct Options {
    double rgb_weight = 10000;
    double alpha_weight = 1000;
    inflation::InflationOptions surface;
    inflation::SurfaceGaussianOptions gaussians;

    template <typename V>
    void Visit(V& v) {
      v("rgb_weight", rgb_weight,
        "Weight of the colours' mean squared difference.");
      v("alpha_weight", alpha_weight,
        "Weight of the alphas' mean squared difference.");
      v("surface", surface, "How the picture is inflated.");
      v("gaussians", gaussians, "The Gaussians to start from.");
    }

    absl::Status Validate() const {
      if (!(rgb_weight >= 0) || !(alpha_weight >= 0)) {
        return absl::InvalidArgumentError("weights must not be negative");
      }
      return absl::OkStatus();
    }
  };

  explicit Inflation(Options options) : options_(std::move(options)) {}

  absl::Status Prepare(const Scene& scene, RunContext& context) override {
    cache_ = {};
    reference_ = scene.reference;
    reference_camera_ = scene.reference_camera;
    frames_ = scene.video.frames;
    if (frames_.empty()) frames_ = {scene.reference};
    std::vector<Mesh> proxy = scene.proxy;
    if (proxy.empty()) {
      DG4D_ASSIGN_OR_RETURN(
          proxy, inflation::InflateVideo(reference_, frames_, reference_camera_,
                                         options_.surface));
    }
    device_ = context.device();
    renderer_ =
        std::make_unique<inflation::ProxyRenderer>(std::move(proxy), device_);
    return absl::OkStatus();
  }

  // What the views should show: [B, 4, H, W], premultiplied.
  Draws Draw(const Views& views, double, at::Generator&) const override {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> pictures;
    for (int i = 0; i < views.size(); ++i) {
      pictures.push_back(
          Picture(views.cameras[i], views.frames[i], views.reference_camera));
    }
    return {{"targets", at::stack(pictures).permute({0, 3, 1, 2})}};
  }

  at::Tensor Loss(const Views& views, const Draws& draws) override {
    const Targets targets = TargetsOf(views, draws);
    return options_.rgb_weight * at::mse_loss(views.rgb, targets.rgb) +
           options_.alpha_weight * at::mse_loss(views.alpha, targets.alpha);
  }

  // Everything else was done by Draw.
  bool CanBeRecorded() const override { return true; }

  absl::StatusOr<at::Tensor> Refine(const Views& views,
                                    const Draws& draws) override {
    return TargetsOf(views, draws).rgb.clamp(0, 1);
  }

  std::optional<Gaussians> InitialGaussians() const override {
    const absl::StatusOr<inflation::Inflation> surface =
        Inflate(reference_, reference_camera_, options_.surface);
    if (!surface.ok()) return std::nullopt;
    return SurfaceGaussians(*surface, options_.gaussians);
  }

 private:
  // Where the views' images are.
  struct Targets {
    at::Tensor rgb;    // [B, 3, H, W], over the views' background
    at::Tensor alpha;  // [B, 1, H, W]
  };

  static Targets TargetsOf(const Views& views, const Draws& draws) {
    const at::Tensor& rgba = draws.at("targets");
    const at::Tensor alpha = rgba.narrow(1, 3, 1);
    const at::Tensor background =
        views.background.to(rgba.device()).view({-1, 3, 1, 1});
    return {rgba.narrow(1, 0, 3) + (1 - alpha) * background, alpha};
  }

  // [H, W, 4], premultiplied. What the reference camera sees of a frame of the
  // video is that frame itself, else it is the proxy.
  at::Tensor Picture(const Camera& camera, double frame,
                     const Camera& reference_camera) const {
    if (renderer_->frame_count() == 1 && frames_.size() == 1) frame = 0;
    const ViewKey key = KeyOf(camera, frame);
    if (const at::Tensor* found = cache_.Find(key)) return *found;
    const int whole = static_cast<int>(std::lround(frame));
    at::Tensor picture;
    if (frame == whole && whole >= 0 &&
        whole < static_cast<int>(frames_.size()) &&
        SeesTheSame(camera, reference_camera)) {
      const Image image = Resize(frames_[whole], camera.height, camera.width);
      const at::Tensor alpha = Alpha(image).permute({1, 2, 0});
      picture =
          at::cat({image.pixels.narrow(2, 0, 3) * alpha, alpha}, 2).to(device_);
    } else {
      picture = renderer_->Render(frame, camera);
    }
    cache_.Add(key, picture);
    return picture;
  }

  const Options options_;
  Image reference_;
  Camera reference_camera_;
  std::vector<Image> frames_;
  std::unique_ptr<inflation::ProxyRenderer> renderer_;
  c10::Device device_ = c10::Device(c10::kCPU);
  mutable PictureCache cache_;
};

DG4D_REGISTER(Guidance, Inflation, "inflation",
              "Mean squared difference from the inflated reference picture.");

}  // namespace dg4d::inflation_guidance
