#include "dg4d/imaging/cut_out.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/imaging/colour_segmentation.h"
#include "dg4d/imaging/mask.h"

namespace dg4d {
namespace {

constexpr int kWorkSide = 480;     // pixels at which GrabCut decides
constexpr int kMinSide = 16;       // of a picture whose background is to go
constexpr float kClutter = 10;     // colours vary: the edge is the contour's
constexpr float kOpaque = 0.996f;  // 254 of 255

// A header over `image`'s pixels: CV_32FC3 RGB.
cv::Mat RgbMat(const Image& image) {
  const at::Tensor rgb = image.pixels.narrow(2, 0, 3).contiguous();
  return cv::Mat(image.height(), image.width(), CV_32FC3, rgb.data_ptr<float>())
      .clone();
}

cv::Mat PlaneMat(const at::Tensor& plane) {
  const at::Tensor values = plane.contiguous();
  return cv::Mat(values.size(0), values.size(1), CV_32FC1,
                 values.data_ptr<float>())
      .clone();
}

cv::Mat ToLab(const cv::Mat& rgb) {
  cv::Mat lab;
  cv::cvtColor(rgb, lab, cv::COLOR_RGB2Lab);
  return lab;
}

// A slowly varying background: each channel a quadratic polynomial of position.
class PlainBackground {
 public:
  // Fits the border of `lab`; false if less than 9/10 of it agree.
  bool Fit(const cv::Mat& lab) {
    size_ = lab.size();
    const int width = RingWidth(size_);
    std::vector<cv::Point> points;
    for (int y = 0; y < lab.rows; ++y) {
      for (int x = 0; x < lab.cols; ++x) {
        if (OnRing(x, y, size_, width)) points.emplace_back(x, y);
      }
    }
    // The median starts the fit where an object crosses the border.
    for (int c = 0; c < 3; ++c) {
      std::vector<float> values;
      for (const cv::Point p : points)
        values.push_back(lab.at<cv::Vec3f>(p)[c]);
      std::nth_element(values.begin(), values.begin() + values.size() / 2,
                       values.end());
      coefficients_[c] = {values[values.size() / 2], 0, 0, 0, 0, 0};
    }
    size_t agreeing = 0;
    float reach = 25;  // narrows to the tolerance
    for (int round = 0; round < 4; ++round, reach = std::max(reach / 2, 8.0f)) {
      std::vector<cv::Point> inliers;
      for (const cv::Point p : points) {
        if (cv::norm(lab.at<cv::Vec3f>(p) - At(p)) < reach) {
          inliers.push_back(p);
        }
      }
      agreeing = inliers.size();
      if (agreeing < points.size() / 2) return false;
      Solve(lab, inliers);
    }
    if (agreeing < points.size() * 9 / 10) return false;
    double sum = 0;
    size_t count = 0;
    for (const cv::Point p : points) {
      const double gap = cv::norm(lab.at<cv::Vec3f>(p) - At(p));
      if (gap >= 8) continue;
      sum += gap * gap;
      ++count;
    }
    noise_ = count > 0 ? std::sqrt(sum / count) : 0;
    return true;
  }

  // Root mean square of what the fit leaves along the border, in Lab.
  double noise() const { return noise_; }

  cv::Vec3f At(cv::Point p) const {
    const Terms terms = TermsAt(p);
    cv::Vec3f value;
    for (int c = 0; c < 3; ++c) {
      double sum = 0;
      for (int i = 0; i < kTerms; ++i) sum += coefficients_[c][i] * terms[i];
      value[c] = static_cast<float>(sum);
    }
    return value;
  }

 private:
  static constexpr int kTerms = 6;
  using Terms = std::array<double, kTerms>;

  Terms TermsAt(cv::Point p) const {
    const double u = 2.0 * p.x / size_.width - 1,
                 v = 2.0 * p.y / size_.height - 1;
    return {1, u, v, u * u, u * v, v * v};
  }

  void Solve(const cv::Mat& lab, const std::vector<cv::Point>& inliers) {
    cv::Mat normal = cv::Mat::zeros(kTerms, kTerms, CV_64F);
    cv::Mat right = cv::Mat::zeros(kTerms, 3, CV_64F);
    for (const cv::Point p : inliers) {
      const Terms terms = TermsAt(p);
      for (int i = 0; i < kTerms; ++i) {
        for (int j = 0; j < kTerms; ++j) {
          normal.at<double>(i, j) += terms[i] * terms[j];
        }
        for (int c = 0; c < 3; ++c) {
          right.at<double>(i, c) += terms[i] * lab.at<cv::Vec3f>(p)[c];
        }
      }
    }
    cv::Mat solved;
    cv::solve(normal, right, solved, cv::DECOMP_SVD);
    for (int c = 0; c < 3; ++c) {
      for (int i = 0; i < kTerms; ++i) {
        coefficients_[c][i] = solved.at<double>(i, c);
      }
    }
  }

  cv::Size size_;
  std::array<Terms, 3> coefficients_;
  double noise_ = 0;
};

// Closes gaps in `object` through which the background is not seen. It is seen
// where a patch that is not tiny matches it, and the object around the patch
// does not: a highlight fades, the gap between arm and body has an edge.
void FillFalseHoles(const cv::Mat& difference, double tolerance,
                    cv::Mat& object) {
  const int min_area = std::max(6, cv::countNonZero(object) / 600);
  const cv::Mat background = 255 - object;
  cv::Mat labels, stats, centroids;
  const int count =
      cv::connectedComponentsWithStats(background, labels, stats, centroids, 4);
  const cv::Mat ball = Disc(2);
  for (int i = 1; i < count; ++i) {
    const int* row = stats.ptr<int>(i);
    if (TouchesBorder(row, object.size())) continue;
    const cv::Rect box =
        cv::Rect(row[cv::CC_STAT_LEFT] - 3, row[cv::CC_STAT_TOP] - 3,
                 row[cv::CC_STAT_WIDTH] + 6, row[cv::CC_STAT_HEIGHT] + 6) &
        cv::Rect({}, object.size());
    const cv::Mat patch = labels(box) == i;
    cv::Mat around;
    cv::dilate(patch, around, ball);
    around &= ~patch;
    double edge = 0;
    for (int y = 0; y < box.height; ++y) {
      for (int x = 0; x < box.width; ++x) {
        if (around.at<uint8_t>(y, x) == 0) continue;
        edge += cv::norm(difference(box).at<cv::Vec3f>(y, x));
      }
    }
    edge /= std::max(1, cv::countNonZero(around));
    const bool seen_through =
        row[cv::CC_STAT_AREA] >= min_area &&
        cv::norm(cv::mean(difference(box), patch)) < 0.5 * tolerance &&
        edge > 3 * tolerance;
    if (!seen_through) object(box).setTo(255, patch);
  }
}

// How much `gap` compression leaves around what stands out: the median from 2
// to 8 pixels off. 0 for a clean picture.
double TraceOfCompression(const cv::Mat& gap) {
  const cv::Mat strong = gap > 10;
  const auto grown = [&](int radius) {
    cv::Mat result;
    cv::dilate(strong, result, Disc(radius));
    return result;
  };
  const cv::Mat around = grown(8) & ~grown(2);
  std::vector<float> values;
  for (int y = 0; y < gap.rows; ++y) {
    for (int x = 0; x < gap.cols; ++x) {
      if (around.at<uint8_t>(y, x) != 0) values.push_back(gap.at<float>(y, x));
    }
  }
  if (values.empty()) return 0;
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The object before a plain background: what differs from it.
cv::Mat SegmentPlain(const cv::Mat& lab, const PlainBackground& model,
                     const cv::Mat& allowed) {
  cv::Mat difference(lab.size(), CV_32FC3), smooth;
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      difference.at<cv::Vec3f>(y, x) =
          lab.at<cv::Vec3f>(y, x) - model.At({x, y});
    }
  }
  // Differences that lossy compression makes change sign from pixel to pixel.
  cv::blur(difference, smooth, {3, 3}, {-1, -1}, cv::BORDER_REPLICATE);
  cv::Mat gap(lab.size(), CV_32FC1);
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      gap.at<float>(y, x) = cv::norm(smooth.at<cv::Vec3f>(y, x));
    }
  }
  // A clean page is trusted to the shade, so that a lit white object stays.
  const double tolerance = std::clamp(
      2 + 3 * std::max(model.noise(), TraceOfCompression(gap)), 2.0, 8.0);
  cv::Mat object = (gap > tolerance) & allowed;
  KeepLargeParts(object);
  FillFalseHoles(difference, tolerance, object);
  return object;
}

cv::Mat Blur(const cv::Mat& image, double sigma) {
  cv::Mat blurred;
  cv::GaussianBlur(image, blurred, {}, sigma, sigma, cv::BORDER_REPLICATE);
  return blurred;
}

// The mean colour near each pixel, weighted by `weight` (CV_32FC1).
cv::Mat NearbyColour(const cv::Mat& rgb, const cv::Mat& weight, double sigma) {
  cv::Mat weights;
  cv::merge(std::vector<cv::Mat>(3, weight), weights);
  const cv::Mat numerator = Blur(rgb.mul(weights), sigma);
  const cv::Mat denominator = Blur(weights, sigma) + cv::Scalar::all(1e-6);
  cv::Mat mean;
  cv::divide(numerator, denominator, mean);
  return mean;
}

// Weight of the pixels at least `band` inside `mask`; those nearer to its edge
// count a little, so that what is thinner than the band has a colour, too.
cv::Mat CoreWeight(const cv::Mat& mask, int band) {
  cv::Mat core;
  cv::erode(mask, core, Disc(band), {-1, -1}, 1, cv::BORDER_REPLICATE);
  cv::Mat weight;
  cv::Mat(core / 255 * 50 + mask / 255).convertTo(weight, CV_32F, 1 / 51.0);
  return weight;
}

Image ImageFrom(const cv::Mat& rgb, const cv::Mat& alpha) {
  cv::Mat planes;
  cv::merge(std::vector<cv::Mat>{rgb, alpha}, planes);
  Image image{at::empty({rgb.rows, rgb.cols, 4}, at::kFloat)};
  std::copy_n(planes.ptr<float>(), planes.total() * 4,
              image.pixels.data_ptr<float>());
  return image;
}

// How far the edge of a mask found at a lower resolution may be off.
int BandWidth(double upscale) {
  return static_cast<int>(std::lround(1.5 * upscale + 1.5));
}

// The object's colour in a pixel that shows `seen`: what is left without the
// background where the object dominates, the colour near by where that is a
// guess.
cv::Vec3f Unmix(const cv::Vec3f& seen, const cv::Vec3f& object,
                const cv::Vec3f& background, float alpha) {
  const float own = std::clamp(2 * alpha - 0.5f, 0.0f, 1.0f);
  cv::Vec3f colour;
  for (int c = 0; c < 3; ++c) {
    const float unmixed = std::clamp(
        (seen[c] - (1 - alpha) * background[c]) / std::max(alpha, 0.1f), 0.0f,
        1.0f);
    colour[c] = own * unmixed + (1 - own) * object[c];
  }
  return colour;
}

// How much the colours that `weight` weighs differ from their `mean` near by:
// the sum of the channels' variances.
cv::Mat NearbyVariance(const cv::Mat& rgb, const cv::Mat& weight,
                       const cv::Mat& mean, double sigma) {
  const cv::Mat variance =
      NearbyColour(rgb.mul(rgb), weight, sigma) - mean.mul(mean);
  cv::Mat sum;
  cv::transform(variance, sum, cv::Matx13f(1, 1, 1));
  return cv::max(sum, 0);
}

// `mask` with its edge softened.
cv::Mat SoftMask(const cv::Mat& mask, double upscale) {
  cv::Mat hard;
  mask.convertTo(hard, CV_32F, 1 / 255.0);
  return Blur(hard, 0.6 * std::max(1.0, upscale));
}

// The same from the distance to a contour that is smooth already, in the pixels
// it was found at: a ramp of two of those, but at most four of the picture's.
cv::Mat SoftContour(const cv::Mat& distance, cv::Size size, double upscale) {
  cv::Mat full;
  cv::resize(distance, full, size, 0, 0, cv::INTER_LINEAR);
  return cv::min(cv::max(full * 0.5 * std::max(1.0, upscale / 2) + 0.5, 0), 1);
}

// Whose colours may vary along the contour, so that one of them says little.
enum class Varying { kBackground, kBoth };

// Solves I = alpha F + (1 - alpha) B in a band along the contour, with F and B
// the mean colours of object and background near by. Where both look alike, or
// `varying` colours differ more than that, alpha is `soft`, an estimate of it.
Image SolveEdge(const cv::Mat& rgb, const cv::Mat& mask, const cv::Mat& soft,
                Varying varying, double upscale) {
  const int band = BandWidth(upscale);
  const double reach = 1.5 * band;
  const cv::Mat object_weight = CoreWeight(mask, band);
  const cv::Mat background_weight = CoreWeight(255 - mask, band);
  const cv::Mat object_colour = NearbyColour(rgb, object_weight, reach);
  const cv::Mat background_colour = NearbyColour(rgb, background_weight, reach);
  cv::Mat clutter =
      NearbyVariance(rgb, background_weight, background_colour, reach);
  if (varying == Varying::kBoth) {
    clutter += NearbyVariance(rgb, object_weight, object_colour, reach);
  }
  cv::Mat alpha, inner, outer;
  mask.convertTo(alpha, CV_32F, 1 / 255.0);
  const cv::Mat ball = Disc(band);
  cv::erode(mask, inner, ball, {-1, -1}, 1, cv::BORDER_REPLICATE);
  cv::dilate(mask, outer, ball, {-1, -1}, 1, cv::BORDER_REPLICATE);

  cv::Mat colour = rgb.clone();
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const bool inside = inner.at<uint8_t>(y, x) != 0;
      if (inside || outer.at<uint8_t>(y, x) == 0) continue;
      const cv::Vec3f& seen = rgb.at<cv::Vec3f>(y, x);
      const cv::Vec3f& f = object_colour.at<cv::Vec3f>(y, x);
      const cv::Vec3f& b = background_colour.at<cv::Vec3f>(y, x);
      const cv::Vec3f across = f - b;
      const float contrast = across.dot(across);
      const float trust =
          contrast / (contrast + 0.03f + kClutter * clutter.at<float>(y, x));
      const float solved =
          contrast > 0
              ? std::clamp((seen - b).dot(across) / contrast, 0.0f, 1.0f)
              : 0;
      float a = trust * solved + (1 - trust) * soft.at<float>(y, x);
      a = std::clamp((a - 0.04f) / 0.92f, 0.0f, 1.0f);
      alpha.at<float>(y, x) = a;
      colour.at<cv::Vec3f>(y, x) = Unmix(seen, f, b, a);
    }
  }
  return ImageFrom(colour, alpha);
}

// OpenCV draws from a generator of the thread: start it the same each time, and
// leave it as it was.
class FixedRng {
 public:
  FixedRng() : saved_(cv::theRNG()) { cv::theRNG() = cv::RNG(20090406); }
  ~FixedRng() { cv::theRNG() = saved_; }

 private:
  cv::RNG saved_;
};

cv::Mat AllowedMask(const Rectangle& rectangle, cv::Size full, cv::Size work) {
  if (rectangle.empty()) return cv::Mat(work, CV_8UC1, cv::Scalar(255));
  cv::Mat allowed = cv::Mat::zeros(full, CV_8UC1);
  const cv::Rect inside =
      cv::Rect(rectangle.x, rectangle.y, rectangle.width, rectangle.height) &
      cv::Rect({}, full);
  allowed(inside).setTo(255);
  cv::resize(allowed, allowed, work, 0, 0, cv::INTER_NEAREST);
  return allowed;
}

absl::Status CheckObject(const cv::Mat& object) {
  const int area = cv::countNonZero(object);
  const int all = object.rows * object.cols;
  constexpr char kAdvice[] =
      "; give a picture with a transparent background, a mask file, or a "
      "rectangle around the object";
  if (area < 16) {
    return absl::InvalidArgumentError(absl::StrCat(
        "nothing in the picture stands out from its background", kAdvice));
  }
  if (area > all * 0.98) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the object cannot be told from its background: it seems to fill the "
        "picture",
        kAdvice));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Image> CutOut(const Image& image, const CutOutOptions& options) {
  if (std::min(image.height(), image.width()) < kMinSide) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a picture of ", image.width(), " x ", image.height(),
        " pixels is too small to find an object in; give at least ", kMinSide,
        " x ", kMinSide, ", or a picture with a transparent background"));
  }
  const FixedRng fixed;
  const cv::Mat rgb = RgbMat(image);
  const double shrink = std::min(
      1.0, static_cast<double>(kWorkSide) / std::max(rgb.rows, rgb.cols));
  const cv::Size work_size(
      std::max(kMinSide / 2, static_cast<int>(std::lround(rgb.cols * shrink))),
      std::max(kMinSide / 2, static_cast<int>(std::lround(rgb.rows * shrink))));
  cv::Mat work = rgb, guess;
  if (shrink < 1) cv::resize(rgb, work, work_size, 0, 0, cv::INTER_AREA);
  if (options.guess.defined()) {
    cv::resize(PlaneMat(options.guess), guess, work.size(), 0, 0,
               cv::INTER_AREA);
  }
  const cv::Mat allowed =
      AllowedMask(options.rectangle, rgb.size(), work.size());
  const cv::Mat lab = ToLab(work);
  PlainBackground plain;
  cv::Mat mask, soft;
  // A plain background is known better than the contour, whatever the object.
  Varying varying = Varying::kBackground;
  if (plain.Fit(lab)) {
    const cv::Mat object = SegmentPlain(lab, plain, allowed);
    DG4D_RETURN_IF_ERROR(CheckObject(object));
    cv::resize(object, mask, rgb.size(), 0, 0, cv::INTER_LINEAR);
    mask = mask > 127;
    soft = SoftMask(mask, 1 / shrink);
  } else {
    const cv::Mat distance =
        SegmentByColour(work, lab, allowed, guess, options.iterations);
    DG4D_RETURN_IF_ERROR(CheckObject(distance > 0));
    soft = SoftContour(distance, rgb.size(), 1 / shrink);
    mask = soft > 0.5f;
    varying = Varying::kBoth;
  }
  return SolveEdge(rgb, mask, soft, varying, 1 / shrink);
}

Image WithAlpha(const Image& image, const at::Tensor& alpha) {
  const cv::Mat rgb = RgbMat(image);
  const cv::Mat given = PlaneMat(alpha);
  constexpr int kBand = 3;
  const cv::Mat mask = given > 0.5f;
  const cv::Mat object_colour =
      NearbyColour(rgb, CoreWeight(mask, kBand), 1.5 * kBand);
  const cv::Mat background_colour =
      NearbyColour(rgb, CoreWeight(255 - mask, kBand), 1.5 * kBand);
  cv::Mat colour = rgb.clone();
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      const float a = given.at<float>(y, x);
      if (a <= 0 || a >= 1) continue;
      colour.at<cv::Vec3f>(y, x) =
          Unmix(rgb.at<cv::Vec3f>(y, x), object_colour.at<cv::Vec3f>(y, x),
                background_colour.at<cv::Vec3f>(y, x), a);
    }
  }
  return ImageFrom(colour, given);
}

bool HasRealAlpha(const Image& image) {
  return image.has_alpha() &&
         image.pixels.select(2, 3).min().item<float>() < kOpaque;
}

}  // namespace dg4d
