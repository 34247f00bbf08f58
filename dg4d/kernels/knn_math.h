#ifndef DG4D_KERNELS_KNN_MATH_H_
#define DG4D_KERNELS_KNN_MATH_H_

#include <cstdint>

#include "dg4d/kernels/host_device.h"

namespace dg4d::knn {

DG4D_HOST_DEVICE inline float SquaredDistance(const float* a, const float* b) {
  const float x = a[0] - b[0];
  const float y = a[1] - b[1];
  const float z = a[2] - b[2];
  return x * x + y * y + z * z;
}

// The least three of the numbers given so far, in order.
struct Least3 {
  // From here on a number changes nothing.
  DG4D_HOST_DEVICE float bound() const { return values[2]; }

  float values[3] = {__builtin_huge_valf(), __builtin_huge_valf(),
                     __builtin_huge_valf()};

  DG4D_HOST_DEVICE void Add(float value) {
    if (!(value < values[2])) return;
    if (value < values[1]) {
      values[2] = values[1];
      if (value < values[0]) {
        values[1] = values[0];
        values[0] = value;
      } else {
        values[1] = value;
      }
    } else {
      values[2] = value;
    }
  }

  // Over those given, up to three; 0 if none was.
  DG4D_HOST_DEVICE float Mean() const {
    float sum = 0;
    int count = 0;
    while (count < 3 && values[count] < __builtin_huge_valf()) {
      sum += values[count++];
    }
    return count == 0 ? 0 : sum / count;
  }
};

// The nearest `k` of the points given so far, in order; of equally near ones
// those that came first.
struct NearestK {
  static constexpr int kMost = 16;

  DG4D_HOST_DEVICE explicit NearestK(int k) : k(k) {}

  // From this distance on a point changes nothing.
  DG4D_HOST_DEVICE float bound() const {
    return count < k ? __builtin_huge_valf() : distances[k - 1];
  }

  DG4D_HOST_DEVICE void Add(float distance, int64_t number) {
    if (!(distance < bound())) return;
    int place = count < k ? count++ : k - 1;
    for (; place > 0 && distance < distances[place - 1]; --place) {
      distances[place] = distances[place - 1];
      numbers[place] = numbers[place - 1];
    }
    distances[place] = distance;
    numbers[place] = number;
  }

  int k;
  int count = 0;
  float distances[kMost];
  int64_t numbers[kMost];
};

}  // namespace dg4d::knn

#endif  // DG4D_KERNELS_KNN_MATH_H_
