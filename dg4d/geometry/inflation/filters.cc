#include "dg4d/geometry/inflation/filters.h"

#include <opencv2/imgproc.hpp>

#include "dg4d/geometry/inflation/distance.h"

namespace dg4d::inflation {
namespace {

template <typename T>
constexpr int kType = CV_8UC1;
template <>
constexpr int kType<float> = CV_32FC1;
template <>
constexpr int kType<Rgb> = CV_32FC3;
template <>
constexpr int kType<int> = CV_32SC1;

// A view of `plane` for OpenCV; it must not be written through a const plane.
template <typename T>
cv::Mat View(const Plane<T>& plane) {
  return cv::Mat(plane.height, plane.width, kType<T>,
                 const_cast<T*>(plane.values.data()));
}

template <typename T>
Plane<T> BlurAny(const Plane<T>& plane, double sigma) {
  Plane<T> result(plane.height, plane.width);
  const int radius = std::max(1, static_cast<int>(std::lround(4 * sigma)));
  cv::Mat out = View(result);
  cv::GaussianBlur(View(plane), out, cv::Size(2 * radius + 1, 2 * radius + 1),
                   sigma, sigma, cv::BORDER_REFLECT);
  return result;
}

float Scale(float value, float factor) { return value * factor; }
Rgb Scale(const Rgb& value, float factor) {
  return {value[0] * factor, value[1] * factor, value[2] * factor};
}

template <typename T>
Plane<T> BlurWithinAny(const Plane<T>& plane, const Mask& within, double sigma,
                       Plane<float>* weight) {
  Plane<T> masked(plane.height, plane.width, T());
  Plane<float> indicator(plane.height, plane.width);
  for (int i = 0; i < plane.size(); ++i) {
    if (!within.values[i]) continue;
    masked.values[i] = plane.values[i];
    indicator.values[i] = 1;
  }
  Plane<T> result = BlurAny(masked, sigma);
  Plane<float> blurred = BlurAny(indicator, sigma);
  for (int i = 0; i < plane.size(); ++i) {
    result.values[i] = blurred.values[i] > 1e-6f
                           ? Scale(result.values[i], 1 / blurred.values[i])
                           : plane.values[i];
  }
  if (weight != nullptr) *weight = std::move(blurred);
  return result;
}

template <typename T>
void ExtendNearestAny(const Mask& known, Plane<T>& plane) {
  const Plane<int> nearest = NearestSet(known);
  for (int i = 0; i < plane.size(); ++i) {
    if (nearest.values[i] >= 0)
      plane.values[i] = plane.values[nearest.values[i]];
  }
}

template <typename T>
Plane<T> ResizeAny(const Plane<T>& plane, int height, int width) {
  Plane<T> result(height, width);
  cv::Mat out = View(result);
  cv::resize(View(plane), out, out.size(), 0, 0, cv::INTER_LINEAR);
  return result;
}

Mask Morph(const Mask& mask, int operation) {
  Mask result(mask.height, mask.width);
  cv::Mat out = View(result);
  cv::morphologyEx(View(mask), out, operation,
                   cv::getStructuringElement(cv::MORPH_CROSS, {3, 3}));
  return result;
}

float LinearFromSrgb(float value) {
  return value <= 0.04045f ? value / 12.92f
                           : std::pow((value + 0.055f) / 1.055f, 2.4f);
}

float LabCurve(float t) {
  constexpr float kDelta = 6.0f / 29;
  return t > kDelta * kDelta * kDelta ? std::cbrt(t)
                                      : t / (3 * kDelta * kDelta) + 4.0f / 29;
}

}  // namespace

Plane<float> Blur(const Plane<float>& plane, double sigma) {
  return BlurAny(plane, sigma);
}

RgbPlane Blur(const RgbPlane& plane, double sigma) {
  return BlurAny(plane, sigma);
}

Plane<float> BlurWithin(const Plane<float>& plane, const Mask& within,
                        double sigma, Plane<float>* weight) {
  return BlurWithinAny(plane, within, sigma, weight);
}

RgbPlane BlurWithin(const RgbPlane& plane, const Mask& within, double sigma,
                    Plane<float>* weight) {
  return BlurWithinAny(plane, within, sigma, weight);
}

void ExtendNearest(const Mask& known, Plane<float>& plane) {
  ExtendNearestAny(known, plane);
}

void ExtendNearest(const Mask& known, RgbPlane& plane) {
  ExtendNearestAny(known, plane);
}

Plane<float> ResizeBilinear(const Plane<float>& plane, int height, int width) {
  return ResizeAny(plane, height, width);
}

RgbPlane ResizeBilinear(const RgbPlane& plane, int height, int width) {
  return ResizeAny(plane, height, width);
}

Mask ErodeCross(const Mask& mask) { return Morph(mask, cv::MORPH_ERODE); }

Mask DilateCross(const Mask& mask) { return Morph(mask, cv::MORPH_DILATE); }

Mask FillHoles(const Mask& mask) {
  // One ring around the image joins all background that reaches the border.
  Mask background(mask.height + 2, mask.width + 2, 1);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      background(y + 1, x + 1) = !mask(y, x);
    }
  }
  const Components components =
      ConnectedComponents(background, Connectivity::kFour);
  Mask filled(mask.height, mask.width);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      filled(y, x) = components.labels(y + 1, x + 1) != components.labels(0, 0);
    }
  }
  return filled;
}

Components ConnectedComponents(const Mask& mask, Connectivity connectivity) {
  Components result;
  result.labels = Plane<int>(mask.height, mask.width);
  cv::Mat labels = View(result.labels);
  result.count = cv::connectedComponents(View(mask), labels,
                                         static_cast<int>(connectivity), CV_32S,
                                         cv::CCL_SAUF) -
                 1;
  result.areas.assign(result.count + 1, 0);
  for (const int label : result.labels.values) ++result.areas[label];
  return result;
}

Plane<float> MinimumFilter(const Plane<float>& plane, int radius) {
  Plane<float> result(plane.height, plane.width);
  cv::Mat out = View(result);
  cv::erode(View(plane), out,
            cv::Mat::ones(2 * radius + 1, 2 * radius + 1, CV_8U));
  return result;
}

Rgb LabFromRgb(const Rgb& rgb) {
  const float r = LinearFromSrgb(rgb[0]);
  const float g = LinearFromSrgb(rgb[1]);
  const float b = LinearFromSrgb(rgb[2]);
  const float x = 0.4124564f * r + 0.3575761f * g + 0.1804375f * b;
  const float y = 0.2126729f * r + 0.7151522f * g + 0.0721750f * b;
  const float z = 0.0193339f * r + 0.1191920f * g + 0.9503041f * b;
  const float fx = LabCurve(x / 0.95047f), fy = LabCurve(y);
  const float fz = LabCurve(z / 1.08883f);
  return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

RgbPlane LabFromRgb(const RgbPlane& rgb) {
  RgbPlane lab(rgb.height, rgb.width);
  for (int i = 0; i < rgb.size(); ++i) {
    lab.values[i] = LabFromRgb(rgb.values[i]);
  }
  return lab;
}

RgbPlane SmoothRim(const RgbPlane& colours, const Mask& mask,
                   const Plane<float>& distance_inside, double width,
                   double sigma) {
  Mask ring(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    ring.values[i] = mask.values[i] && distance_inside.values[i] <= width + 1;
  }
  Plane<float> reach;
  const RgbPlane mean = BlurWithin(colours, ring, sigma, &reach);
  RgbPlane result = colours;
  for (int i = 0; i < mask.size(); ++i) {
    if (mask.values[i]) {
      const float t = std::clamp(
          static_cast<float>((width + 1 - distance_inside.values[i]) / width),
          0.0f, 1.0f);
      for (int c = 0; c < 3; ++c) {
        result.values[i][c] += (mean.values[i][c] - colours.values[i][c]) * t;
      }
    } else if (reach.values[i] > 1e-3f) {
      result.values[i] = mean.values[i];
    }
  }
  return result;
}

}  // namespace dg4d::inflation
