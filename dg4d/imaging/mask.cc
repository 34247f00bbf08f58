#include "dg4d/imaging/mask.h"

#include <algorithm>
#include <cstdint>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace dg4d {

int RingWidth(cv::Size size) {
  return std::max(1, std::min(size.width, size.height) / 50);
}

bool OnRing(int x, int y, cv::Size size, int width) {
  return x < width || y < width || x >= size.width - width ||
         y >= size.height - width;
}

bool TouchesBorder(const int* row, cv::Size size) {
  return row[cv::CC_STAT_LEFT] == 0 || row[cv::CC_STAT_TOP] == 0 ||
         row[cv::CC_STAT_LEFT] + row[cv::CC_STAT_WIDTH] == size.width ||
         row[cv::CC_STAT_TOP] + row[cv::CC_STAT_HEIGHT] == size.height;
}

cv::Mat Disc(int radius) {
  return cv::getStructuringElement(cv::MORPH_ELLIPSE,
                                   {2 * radius + 1, 2 * radius + 1});
}

void FilterComponents(cv::Mat& mask, int connectivity,
                      absl::FunctionRef<bool(int, bool)> keep) {
  cv::Mat labels, stats, centroids;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats,
                                                     centroids, connectivity);
  std::vector<uint8_t> kept(count, 0);
  for (int i = 1; i < count; ++i) {
    const int* row = stats.ptr<int>(i);
    kept[i] =
        keep(row[cv::CC_STAT_AREA], TouchesBorder(row, mask.size())) ? 255 : 0;
  }
  for (int y = 0; y < mask.rows; ++y) {
    for (int x = 0; x < mask.cols; ++x) {
      mask.at<uint8_t>(y, x) = kept[labels.at<int>(y, x)];
    }
  }
}

void KeepLargeParts(cv::Mat& object) {
  int largest = 0;
  FilterComponents(object, 8, [&](int area, bool) {
    largest = std::max(largest, area);
    return true;
  });
  FilterComponents(object, 8,
                   [&](int area, bool) { return area * 50 >= largest; });
}

cv::Mat SmoothDistance(const cv::Mat& object, double sigma) {
  // Beyond the border the object goes on as it meets it.
  const int margin = 1 + static_cast<int>(4 * sigma);
  cv::Mat padded, inside, outside, smooth;
  cv::copyMakeBorder(object, padded, margin, margin, margin, margin,
                     cv::BORDER_REPLICATE);
  cv::distanceTransform(padded, inside, cv::DIST_L2, cv::DIST_MASK_PRECISE);
  cv::distanceTransform(255 - padded, outside, cv::DIST_L2,
                        cv::DIST_MASK_PRECISE);
  // Distances count from pixel to pixel: the contour is between them.
  cv::Mat distance = inside - outside;
  for (int y = 0; y < distance.rows; ++y) {
    for (int x = 0; x < distance.cols; ++x) {
      float& d = distance.at<float>(y, x);
      d += d > 0 ? -0.5f : 0.5f;
    }
  }
  cv::GaussianBlur(distance, smooth, {}, sigma, sigma, cv::BORDER_REPLICATE);
  return smooth(cv::Rect(margin, margin, object.cols, object.rows)).clone();
}

}  // namespace dg4d
