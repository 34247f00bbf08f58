#ifndef DG4D_IMAGING_MASK_H_
#define DG4D_IMAGING_MASK_H_

#include <opencv2/core.hpp>

#include "absl/functional/function_ref.h"

namespace dg4d {

// Helpers for masks: CV_8UC1, 0 or 255.

// Width of the strip along the border that counts as background.
int RingWidth(cv::Size size);

// Whether (x, y) is within `width` pixels of the border.
bool OnRing(int x, int y, cv::Size size, int width);

// Whether a component, of which `row` of the statistics tells, is at the
// border.
bool TouchesBorder(const int* row, cv::Size size);

// A disc of `radius`, as a structuring element.
cv::Mat Disc(int radius);

// Labels the components of `mask` and clears those that `keep` returns false
// for. `connectivity` is 4 or 8.
void FilterComponents(
    cv::Mat& mask, int connectivity,
    absl::FunctionRef<bool(int area, bool touches_border)> keep);

// Drops specks of object, which noise leaves behind: components of less than
// a fiftieth of the largest.
void KeepLargeParts(cv::Mat& object);

// Distance to the contour of `object` in pixels, positive inside (CV_32FC1),
// after smoothing: teeth narrower than `sigma` go, as do threads narrower than
// 1.6 `sigma`; straight edges stay where they are.
cv::Mat SmoothDistance(const cv::Mat& object, double sigma);

}  // namespace dg4d

#endif  // DG4D_IMAGING_MASK_H_
