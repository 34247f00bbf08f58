#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_KERNEL_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_KERNEL_H_

#include <cstdint>

namespace dg4d::dynamic_gaussians {

// One level of a HexPlane, evaluated at N points and T times. All points are
// seen at all times, so a point's space features are made once, and a time's
// planes first become three lines. Raw pointers, row-major; Scalar is float or
// double.
template <typename Scalar>
struct HexPlaneLevel {
  int64_t points = 0;  // N
  int times = 0;       // T
  int space_nodes = 0;
  int time_nodes = 0;
  int features = 0;  // F
  bool cyclic_time = false;

  const Scalar* coordinates = nullptr;  // [N, 3]
  const double* time = nullptr;         // [T]
  const Scalar* planes[6] = {};         // xy xz yz xt yt zt, [., ., F]
  int64_t stride = 0;                   // between rows of `output`
  Scalar* output = nullptr;             // [T, N, stride], first F written
};

template <typename Scalar>
struct HexPlaneLevelGradients {
  const Scalar* output = nullptr;  // [T, N, stride], first F read
  Scalar* planes[6] = {};          // added to
  Scalar* coordinates = nullptr;   // [N, 3], added to; may be null
};

// The regularisers of one level (hexplane.h), each times a weight.
template <typename Scalar>
struct HexPlaneRegularisers {
  int space_nodes = 0;
  int time_nodes = 0;
  int features = 0;
  bool cyclic_time = false;
  const Scalar* planes[6] = {};
  Scalar space_variation = 0;
  Scalar time_roughness = 0;
  Scalar time_deviation = 0;
};

// Same bytes for any number of threads.
void HexPlaneForward(const HexPlaneLevel<float>& level);
void HexPlaneForward(const HexPlaneLevel<double>& level);
void HexPlaneBackward(const HexPlaneLevel<float>& level,
                      const HexPlaneLevelGradients<float>& gradients);
void HexPlaneBackward(const HexPlaneLevel<double>& level,
                      const HexPlaneLevelGradients<double>& gradients);

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_KERNEL_H_
