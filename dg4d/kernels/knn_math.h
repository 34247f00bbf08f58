#ifndef DG4D_KERNELS_KNN_MATH_H_
#define DG4D_KERNELS_KNN_MATH_H_

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

}  // namespace dg4d::knn

#endif  // DG4D_KERNELS_KNN_MATH_H_
