#include "dg4d/geometry/inflation/ground.h"

namespace dg4d::inflation {
namespace {

constexpr double kFootHeight = 0.06;  // of the object's: the zone of feet
constexpr double kFlatHeight = 0.02;  // of the object's: counts as level
constexpr double kFlatShare = 0.55;   // of a foot's columns that must be level

bool IsFlat(const std::vector<int>& bottom, int begin, int end,
            double tolerance) {
  const int lowest =
      *std::max_element(bottom.begin() + begin, bottom.begin() + end);
  int level = 0;
  for (int x = begin; x < end; ++x) level += bottom[x] >= lowest - tolerance;
  return level >= kFlatShare * (end - begin);
}

Foot MakeFoot(const Mask& mask, const std::vector<int>& bottom, int begin,
              int end) {
  Foot foot = {begin, {}, 0};
  for (int x = begin; x < end; ++x) {
    foot.ground.push_back(bottom[x] + 1);
    int top = bottom[x];
    while (top >= 0 && mask(top, x)) --top;
    foot.depth = std::max(foot.depth, bottom[x] - top);
  }
  return foot;
}

}  // namespace

std::vector<Foot> FindFeet(const Mask& mask) {
  std::vector<int> bottom(mask.width, -1);
  int first = mask.height, last = -1;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!mask(y, x)) continue;
      bottom[x] = y;
      first = std::min(first, y);
      last = y;
    }
  }
  std::vector<Foot> feet;
  if (last < 0) return feet;
  const double height = last - first + 1;
  const double lowest = last - kFootHeight * height;
  for (int begin = 0; begin < mask.width;) {
    if (bottom[begin] < 0 || bottom[begin] < lowest) {
      ++begin;
      continue;
    }
    int end = begin;
    while (end < mask.width && bottom[end] >= 0 && bottom[end] >= lowest) ++end;
    if (IsFlat(bottom, begin, end, std::max(1.0, kFlatHeight * height))) {
      feet.push_back(MakeFoot(mask, bottom, begin, end));
    }
    begin = end;
  }
  return feet;
}

}  // namespace dg4d::inflation
