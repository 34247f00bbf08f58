#ifndef TOOLS_EVALUATION_METRICS_H_
#define TOOLS_EVALUATION_METRICS_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "dg4d/scene/mesh.h"

namespace dg4d {

// Intersection over union of where two alphas (of one shape) are above a half;
// 1 if neither is anywhere.
double MaskIou(const at::Tensor& a, const at::Tensor& b);

// How much `rendered` changes from frame to frame otherwise than `truth` does:
// the mean absolute difference of the two differences, in [0, 2]. Frames of one
// camera, in order, at least two.
double TemporalFlicker(const std::vector<at::Tensor>& rendered,
                       const std::vector<at::Tensor>& truth);

// Points spread evenly over the surface, always the same: [count, 3] float32.
at::Tensor SampleSurface(const Mesh& mesh, int64_t count);

// The Chamfer distance of two surfaces in world units: the mean distance of
// points on one to the nearest on the other, both ways averaged. By samples, so
// that equal surfaces come out a little above 0 (about half the distance of
// samples, 0.004 for a unit sphere).
double ChamferDistance(const Mesh& a, const Mesh& b);

}  // namespace dg4d

#endif  // TOOLS_EVALUATION_METRICS_H_
