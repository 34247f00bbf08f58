#ifndef DG4D_KERNELS_ADAM_MATH_H_
#define DG4D_KERNELS_ADAM_MATH_H_

#include <cmath>

#include "dg4d/kernels/host_device.h"

// One entry of a parameter under Adam (Kingma & Ba 2015, algorithm 1).

namespace dg4d::adam {

// What a step needs beside the entries. Bias corrections are folded in:
//   value -= rate * m / (sqrt(v) * root_correction + epsilon)
struct StepConstants {
  float beta1;
  float beta2;
  float rate;             // over 1 - beta1^t
  float root_correction;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
};

// Steps one entry down `gradient`, or leaves it where that is not finite.
// Returns whether it is. Without branches, for the vectoriser; always inlined,
// for compilers do not inline into a function that is cloned for several CPUs.
__attribute__((always_inline)) DG4D_HOST_DEVICE inline bool StepEntry(
    const StepConstants& c, float gradient, float& value, float& m, float& v) {
  const bool finite = std::fabs(gradient) <= __FLT_MAX__;
  const float new_m = c.beta1 * m + (1 - c.beta1) * gradient;
  const float new_v = c.beta2 * v + (1 - c.beta2) * gradient * gradient;
  const float move =
      c.rate * new_m / (std::sqrt(new_v) * c.root_correction + c.epsilon);
  m = finite ? new_m : m;
  v = finite ? new_v : v;
  value -= finite ? move : 0.0f;
  return finite;
}

}  // namespace dg4d::adam

#endif  // DG4D_KERNELS_ADAM_MATH_H_
