#include "dg4d/geometry/inflation/video_proxies.h"

#include <opencv2/video/tracking.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/geometry/inflation/back_texture.h"
#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

constexpr double kLeastOverlap = 0.8;  // of the warped and the true mask

// The flow of OpenCV depends on how many threads share the picture.
class OneOpenCvThread {
 public:
  OneOpenCvThread() : before_(cv::getNumThreads()) { cv::setNumThreads(1); }
  ~OneOpenCvThread() { cv::setNumThreads(before_); }
  OneOpenCvThread(const OneOpenCvThread&) = delete;
  OneOpenCvThread& operator=(const OneOpenCvThread&) = delete;

 private:
  const int before_;
};

// Luma over a green that objects seldom have.
cv::Mat LumaOverGreen(const Cutout& cutout) {
  const int size = cutout.size();
  cv::Mat luma(size, size, CV_8UC1);
  const Rgb green = {0.35f, 0.75f, 0.35f};
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const float a = cutout.alpha(y, x);
      float value = 0;
      const float weights[3] = {0.299f, 0.587f, 0.114f};
      for (int c = 0; c < 3; ++c) {
        value += weights[c] * (cutout.rgb(y, x)[c] * a + green[c] * (1 - a));
      }
      luma.at<uint8_t>(y, x) = cv::saturate_cast<uint8_t>(255 * value);
    }
  }
  return luma;
}

// Where each pixel was in frame 0: offsets x and y, smooth inside the mask and
// defined everywhere.
struct Flow {
  Plane<float> x, y;
};

Flow SmoothFlow(const cv::Mat& raw, const Mask& mask) {
  Flow flow = {Plane<float>(mask.height, mask.width),
               Plane<float>(mask.height, mask.width)};
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const cv::Vec2f offset = raw.at<cv::Vec2f>(y, x);
      flow.x(y, x) = offset[0];
      flow.y(y, x) = offset[1];
    }
  }
  const double sigma = 2.5 * mask.width / 256.0;
  for (Plane<float>* component : {&flow.x, &flow.y}) {
    *component = BlurWithin(*component, mask, sigma);
    ExtendNearest(mask, *component);
  }
  return flow;
}

// For each frame but the first; each starts from the one before.
std::vector<Flow> FlowsToFirst(const std::vector<Inflation>& frames) {
  const OneOpenCvThread one_thread;
  const auto estimator =
      cv::DISOpticalFlow::create(cv::DISOpticalFlow::PRESET_MEDIUM);
  estimator->setFinestScale(0);
  estimator->setUseSpatialPropagation(true);
  const cv::Mat first = LumaOverGreen(frames[0].cutout);
  cv::Mat raw;
  std::vector<Flow> flows;
  for (size_t t = 1; t < frames.size(); ++t) {
    estimator->calc(LumaOverGreen(frames[t].cutout), first, raw);
    flows.push_back(SmoothFlow(raw, frames[t].cutout.mask()));
  }
  return flows;
}

double Overlap(const Inflation& first, const Inflation& frame,
               const Flow& flow) {
  const Mask mask = frame.cutout.mask();
  int both = 0, either = 0;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const bool inside = mask(y, x);
      const bool warped =
          Sample(first.cutout.alpha, x + flow.x(y, x), y + flow.y(y, x)) > 0.5f;
      both += inside && warped;
      either += inside || warped;
    }
  }
  return either == 0 ? 0 : double(both) / either;
}

// Corrects the frame's own heights, on a coarse scale, to those of frame 0.
void TakeThickness(const Inflation& first, const Flow& flow, Inflation& frame) {
  Plane<float>& own = frame.heights.squared;
  Plane<float> earlier(own.height, own.width);
  Mask raised(own.height, own.width);
  for (int y = 0; y < own.height; ++y) {
    for (int x = 0; x < own.width; ++x) {
      raised(y, x) = own(y, x) > 0;
      if (!raised(y, x)) continue;
      const double u = (x - 0.5) / 2, v = (y - 0.5) / 2;  // in the picture
      earlier(y, x) =
          Sample(first.heights.squared, x + 2 * Sample(flow.x, u, v),
                 y + 2 * Sample(flow.y, u, v));
    }
  }
  const double sigma = 6 * frame.frame.size / 256.0;
  const Plane<float> mean_earlier = BlurWithin(earlier, raised, sigma);
  const Plane<float> mean_own = BlurWithin(own, raised, sigma);
  for (int i = 0; i < own.size(); ++i) {
    if (!raised.values[i]) continue;
    own.values[i] *=
        std::clamp(mean_earlier.values[i] / std::max(mean_own.values[i], 0.01f),
                   0.3f, 3.0f);
  }
}

RgbPlane WarpedBack(const Inflation& first, const Flow& flow) {
  RgbPlane back(flow.x.height, flow.x.width);
  for (int y = 0; y < back.height; ++y) {
    for (int x = 0; x < back.width; ++x) {
      back(y, x) = Sample(first.back, x + flow.x(y, x), y + flow.y(y, x));
    }
  }
  return back;
}

absl::StatusOr<std::vector<Inflation>> InflateHeightsOfAll(
    const Image& reference, const std::vector<Image>& frames,
    const Camera& camera, const InflationOptions& options) {
  const int count = static_cast<int>(frames.size());
  std::vector<Inflation> result(count);
  std::vector<absl::Status> statuses(count);
  ParallelFor(count, 1, [&](int64_t begin, int64_t) {
    absl::StatusOr<Inflation> inflation =
        InflateHeights(begin == 0 ? reference : frames[begin], camera, options);
    statuses[begin] = inflation.status();
    if (inflation.ok()) result[begin] = *std::move(inflation);
  });
  for (int t = 0; t < count; ++t) {
    DG4D_RETURN_IF_ERROR(
        Annotate(statuses[t], absl::StrCat("frame ", t, " of the video")));
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<Mesh>> InflateVideo(
    const Image& reference, const std::vector<Image>& frames,
    const Camera& camera, const InflationOptions& options) {
  if (frames.empty()) {
    return absl::InvalidArgumentError("the video has no frames");
  }
  DG4D_ASSIGN_OR_RETURN(
      std::vector<Inflation> inflations,
      InflateHeightsOfAll(reference, frames, camera, options));
  const int count = static_cast<int>(frames.size());
  for (int t = 1; t < count; ++t) {
    if (inflations[t].frame.size != inflations[0].frame.size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "frame ", t, " of the video is ", inflations[t].frame.size,
          " pixels wide, the reference picture ", inflations[0].frame.size,
          ": let stage 'file_video' bring them to one size"));
    }
  }
  Inflation& first = inflations[0];
  first.back = BackTexture(first.front_colours, first.cutout.mask());
  FinishSurface(reference, options, first);
  const std::vector<Flow> flows = FlowsToFirst(inflations);

  std::vector<Mesh> meshes(count);
  meshes[0] = MeshOf(first);
  InflationOptions later = options;
  later.texture_size = options.size;
  ParallelFor(count - 1, 1, [&](int64_t begin, int64_t) {
    const int t = static_cast<int>(begin) + 1;
    Inflation& frame = inflations[t];
    const Flow& flow = flows[t - 1];
    if (Overlap(first, frame, flow) >= kLeastOverlap) {
      TakeThickness(first, flow, frame);
      frame.back =
          BlendAtRim(frame.front, WarpedBack(first, flow), frame.cutout.mask());
    } else {
      frame.back = BackTexture(frame.front_colours, frame.cutout.mask());
    }
    FinishSurface(frames[t], later, frame);
    meshes[t] = MeshOf(frame);
    frame = {};
  });
  return meshes;
}

}  // namespace dg4d::inflation
