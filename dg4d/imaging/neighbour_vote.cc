#include "dg4d/imaging/neighbour_vote.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace dg4d {
namespace {

constexpr int kAxes = 5;  // x, y, L, a, b
using Point = std::array<float, kAxes>;

// Two numbers for each cell: the object's votes, and all.
class Grid {
 public:
  Grid(const cv::Mat& lab, const VoteReach& reach) {
    Point low, high;
    low.fill(std::numeric_limits<float>::max());
    high.fill(std::numeric_limits<float>::lowest());
    scale_.fill(static_cast<float>(1 / reach.colour));
    scale_[0] = scale_[1] = static_cast<float>(1 / reach.place);
    origin_.fill(0);
    for (int y = 0; y < lab.rows; ++y) {
      for (int x = 0; x < lab.cols; ++x) {
        const Point p = At(lab, y, x);
        for (int i = 0; i < kAxes; ++i) {
          low[i] = std::min(low[i], p[i]);
          high[i] = std::max(high[i], p[i]);
        }
      }
    }
    size_t cells = 1;
    for (int i = 0; i < kAxes; ++i) {
      stride_[i] = cells;
      size_[i] = static_cast<int>(high[i] - low[i]) + 3;
      cells *= size_[i];
    }
    origin_ = low;
    votes_.resize(cells);
  }

  // Where a pixel lies, in cells.
  Point At(const cv::Mat& lab, int y, int x) const {
    const cv::Vec3f& c = lab.at<cv::Vec3f>(y, x);
    Point p = {static_cast<float>(x), static_cast<float>(y), c[0], c[1], c[2]};
    for (int i = 0; i < kAxes; ++i) p[i] = p[i] * scale_[i] - origin_[i];
    return p;
  }

  void Add(const Point& p, float object) {
    Visit(p, [&](size_t cell, float weight) {
      votes_[cell][0] += weight * object;
      votes_[cell][1] += weight;
    });
  }

  // 1 2 1 along each axis.
  void Blur() {
    for (int axis = 0; axis < kAxes; ++axis) {
      const size_t step = stride_[axis];
      const size_t block = step * size_[axis];
      for (size_t start = 0; start < votes_.size(); start += block) {
        for (size_t lane = start; lane < start + step; ++lane) {
          std::array<float, 2> before = {0, 0};
          for (int i = 0; i < size_[axis]; ++i) {
            std::array<float, 2>& here = votes_[lane + i * step];
            const std::array<float, 2> was = here;
            for (int k = 0; k < 2; ++k) {
              const float after =
                  i + 1 < size_[axis] ? votes_[lane + (i + 1) * step][k] : 0;
              here[k] = before[k] + 2 * was[k] + after;
            }
            before = was;
          }
        }
      }
    }
  }

  float Share(const Point& p) const {
    float object = 0, all = 0;
    Visit(p, [&](size_t cell, float weight) {
      object += weight * votes_[cell][0];
      all += weight * votes_[cell][1];
    });
    return all > 0 ? object / all : 0.5f;
  }

 private:
  // The 32 cells around `p` and their multilinear weights.
  template <typename Function>
  void Visit(const Point& p, const Function& function) const {
    size_t base = 0;
    Point fraction;
    for (int i = 0; i < kAxes; ++i) {
      const int cell = std::clamp(static_cast<int>(p[i]), 0, size_[i] - 2);
      fraction[i] = p[i] - cell;
      base += cell * stride_[i];
    }
    for (int corner = 0; corner < 1 << kAxes; ++corner) {
      float weight = 1;
      size_t cell = base;
      for (int i = 0; i < kAxes; ++i) {
        const bool upper = (corner >> i & 1) != 0;
        weight *= upper ? fraction[i] : 1 - fraction[i];
        if (upper) cell += stride_[i];
      }
      if (weight > 0) function(cell, weight);
    }
  }

  Point scale_, origin_;
  std::array<int, kAxes> size_;
  std::array<size_t, kAxes> stride_;
  std::vector<std::array<float, 2>> votes_;
};

}  // namespace

cv::Mat NeighbourVote(const cv::Mat& lab, const cv::Mat& object,
                      const VoteReach& reach) {
  Grid grid(lab, reach);
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      grid.Add(grid.At(lab, y, x), object.at<float>(y, x));
    }
  }
  grid.Blur();
  cv::Mat share(lab.size(), CV_32FC1);
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      share.at<float>(y, x) = grid.Share(grid.At(lab, y, x));
    }
  }
  return share;
}

}  // namespace dg4d
