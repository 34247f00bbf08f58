#include <algorithm>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_kernel.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_math.h"

// Loops over features are what the compiler vectorises; each `...Range` below
// is compiled twice and picks its version when the program starts.
#define DG4D_FOR_THIS_CPU \
  __attribute__((target_clones("arch=haswell", "default")))
#define DG4D_INLINE inline __attribute__((always_inline))

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int kAxisPairs[3][2] = {{0, 1}, {0, 2}, {1, 2}};  // xy xz yz
constexpr int kMaxFeatures = 256;
constexpr int64_t kPointsPerChunk = 256;
constexpr int kFeaturesPerTask = 16;  // of one cache line

// Everything that the passes of one call share.
template <typename Scalar>
struct Work {
  const HexPlaneLevel<Scalar>& level;
  const HexPlaneLevelGradients<Scalar>* gradients = nullptr;
  std::vector<Tap<Scalar>> time_taps;  // [T]
  std::vector<Scalar> lines;           // [T, 3, space_nodes, F]
  // Backward only.
  std::vector<Scalar> space;           // [N, F], product of the space planes
  std::vector<Scalar> space_gradient;  // [3, N, F], of each space plane's value
  std::vector<Scalar> line_gradient;   // as lines

  const Scalar* Line(int time, int axis) const {
    return lines.data() + (static_cast<int64_t>(time) * 3 + axis) *
                              level.space_nodes * level.features;
  }
  Scalar* LineGradient(int time, int axis) {
    return line_gradient.data() + (static_cast<int64_t>(time) * 3 + axis) *
                                      level.space_nodes * level.features;
  }
};

template <typename Scalar>
Work<Scalar> Begin(const HexPlaneLevel<Scalar>& level) {
  Work<Scalar> work{level};
  const int64_t line = static_cast<int64_t>(level.space_nodes) * level.features;
  work.lines.resize(level.times * 3 * line);
  for (int t = 0; t < level.times; ++t) {
    const Tap<Scalar> tap = work.time_taps.emplace_back(
        TimeTap<Scalar>(static_cast<Scalar>(level.time[t]), level.time_nodes,
                        level.cyclic_time));
    for (int axis = 0; axis < 3; ++axis) {
      const Scalar* low = level.planes[3 + axis] + tap.low * line;
      const Scalar* high = level.planes[3 + axis] + tap.high * line;
      Scalar* out = work.lines.data() + (t * 3 + axis) * line;
      for (int64_t i = 0; i < line; ++i) {
        out[i] = low[i] + tap.weight * (high[i] - low[i]);
      }
    }
  }
  return work;
}

// The value of one space plane, and its slopes along the plane's two axes.
template <typename Scalar>
DG4D_INLINE void SamplePlane(const Scalar* __restrict plane, int nodes,
                             int features, const Tap<Scalar>& a,
                             const Tap<Scalar>& b, Scalar* __restrict value,
                             Scalar* __restrict slope_a,
                             Scalar* __restrict slope_b) {
  const int64_t row = static_cast<int64_t>(nodes) * features;
  const Scalar* p00 = plane + b.low * row + a.low * features;
  const Scalar* p01 = plane + b.low * row + a.high * features;
  const Scalar* p10 = plane + b.high * row + a.low * features;
  const Scalar* p11 = plane + b.high * row + a.high * features;
  for (int f = 0; f < features; ++f) {
    const Scalar low = p00[f] + a.weight * (p01[f] - p00[f]);
    const Scalar high = p10[f] + a.weight * (p11[f] - p10[f]);
    value[f] = low + b.weight * (high - low);
    if (slope_a == nullptr) continue;
    slope_a[f] = a.slope * ((1 - b.weight) * (p01[f] - p00[f]) +
                            b.weight * (p11[f] - p10[f]));
    slope_b[f] = b.slope * (high - low);
  }
}

template <typename Scalar>
DG4D_INLINE void PointTaps(const HexPlaneLevel<Scalar>& level, int64_t n,
                           Tap<Scalar> taps[3]) {
  for (int axis = 0; axis < 3; ++axis) {
    taps[axis] = SpaceTap(level.coordinates[n * 3 + axis], level.space_nodes);
  }
}

template <typename Scalar>
DG4D_INLINE void Forward(const Work<Scalar>& work, int64_t begin, int64_t end) {
  const HexPlaneLevel<Scalar>& level = work.level;
  const int features = level.features;
  Scalar values[3][kMaxFeatures];
  for (int64_t n = begin; n < end; ++n) {
    Tap<Scalar> taps[3];
    PointTaps(level, n, taps);
    for (int p = 0; p < 3; ++p) {
      SamplePlane<Scalar>(level.planes[p], level.space_nodes, features,
                          taps[kAxisPairs[p][0]], taps[kAxisPairs[p][1]],
                          values[p], nullptr, nullptr);
    }
    for (int f = 0; f < features; ++f)
      values[0][f] *= values[1][f] * values[2][f];
    for (int t = 0; t < level.times; ++t) {
      Scalar* __restrict out =
          level.output + (t * level.points + n) * level.stride;
      for (int f = 0; f < features; ++f) out[f] = values[0][f];
      for (int axis = 0; axis < 3; ++axis) {
        const Scalar* low = work.Line(t, axis) + taps[axis].low * features;
        const Scalar* high = work.Line(t, axis) + taps[axis].high * features;
        const Scalar weight = taps[axis].weight;
        for (int f = 0; f < features; ++f) {
          out[f] *= low[f] + weight * (high[f] - low[f]);
        }
      }
    }
  }
}

// What a point's gradients mean for the values of its space planes and for its
// coordinates. Writes only what belongs to points [begin, end).
template <typename Scalar>
DG4D_INLINE void BackwardPoints(Work<Scalar>& work, int64_t begin,
                                int64_t end) {
  const HexPlaneLevel<Scalar>& level = work.level;
  const int features = level.features;
  Scalar value[3][kMaxFeatures], slope[3][2][kMaxFeatures];
  Scalar line[3][kMaxFeatures], space_gradient[kMaxFeatures];
  Scalar* const coordinates = work.gradients->coordinates;
  for (int64_t n = begin; n < end; ++n) {
    Tap<Scalar> taps[3];
    PointTaps(level, n, taps);
    for (int p = 0; p < 3; ++p) {
      SamplePlane<Scalar>(level.planes[p], level.space_nodes, features,
                          taps[kAxisPairs[p][0]], taps[kAxisPairs[p][1]],
                          value[p], slope[p][0], slope[p][1]);
    }
    Scalar* __restrict space = work.space.data() + n * features;
    for (int f = 0; f < features; ++f) {
      space[f] = value[0][f] * value[1][f] * value[2][f];
      space_gradient[f] = 0;
    }
    Scalar moved[3] = {0, 0, 0};
    for (int t = 0; t < level.times; ++t) {
      for (int axis = 0; axis < 3; ++axis) {
        const Scalar* low = work.Line(t, axis) + taps[axis].low * features;
        const Scalar* high = work.Line(t, axis) + taps[axis].high * features;
        const Scalar weight = taps[axis].weight;
        for (int f = 0; f < features; ++f) {
          line[axis][f] = low[f] + weight * (high[f] - low[f]);
        }
      }
      const Scalar* __restrict g =
          work.gradients->output + (t * level.points + n) * level.stride;
      for (int f = 0; f < features; ++f) {
        space_gradient[f] += g[f] * line[0][f] * line[1][f] * line[2][f];
      }
      if (coordinates == nullptr) continue;
      for (int axis = 0; axis < 3; ++axis) {
        const Scalar* low = work.Line(t, axis) + taps[axis].low * features;
        const Scalar* high = work.Line(t, axis) + taps[axis].high * features;
        const Scalar* other_a = line[(axis + 1) % 3];
        const Scalar* other_b = line[(axis + 2) % 3];
        Scalar sum = 0;
        for (int f = 0; f < features; ++f) {
          sum += g[f] * space[f] * other_a[f] * other_b[f] * (high[f] - low[f]);
        }
        moved[axis] += taps[axis].slope * sum;
      }
    }
    for (int p = 0; p < 3; ++p) {
      Scalar* __restrict out =
          work.space_gradient.data() + (p * level.points + n) * features;
      const Scalar* other_a = value[(p + 1) % 3];
      const Scalar* other_b = value[(p + 2) % 3];
      for (int f = 0; f < features; ++f) {
        out[f] = space_gradient[f] * other_a[f] * other_b[f];
      }
      if (coordinates == nullptr) continue;
      for (int k = 0; k < 2; ++k) {
        Scalar sum = 0;
        for (int f = 0; f < features; ++f) sum += out[f] * slope[p][k][f];
        moved[kAxisPairs[p][k]] += sum;
      }
    }
    if (coordinates == nullptr) continue;
    for (int axis = 0; axis < 3; ++axis) {
      coordinates[n * 3 + axis] += moved[axis];
    }
  }
}

// Adds up one space plane's gradient for features [first, last).
template <typename Scalar>
DG4D_INLINE void ScatterPlane(const Work<Scalar>& work, int p, int first,
                              int last) {
  const HexPlaneLevel<Scalar>& level = work.level;
  const int features = level.features;
  const int64_t row = static_cast<int64_t>(level.space_nodes) * features;
  Scalar* const plane = work.gradients->planes[p];
  for (int64_t n = 0; n < level.points; ++n) {
    const Scalar* coordinate = level.coordinates + n * 3;
    const auto a = SpaceTap(coordinate[kAxisPairs[p][0]], level.space_nodes);
    const auto b = SpaceTap(coordinate[kAxisPairs[p][1]], level.space_nodes);
    const Scalar* __restrict g =
        work.space_gradient.data() + (p * level.points + n) * features;
    Scalar* p00 = plane + b.low * row + a.low * features;
    Scalar* p01 = plane + b.low * row + a.high * features;
    Scalar* p10 = plane + b.high * row + a.low * features;
    Scalar* p11 = plane + b.high * row + a.high * features;
    const Scalar w11 = a.weight * b.weight, w01 = a.weight - w11;
    const Scalar w10 = b.weight - w11, w00 = 1 - a.weight - w10;
    for (int f = first; f < last; ++f) {
      p00[f] += w00 * g[f];
      p01[f] += w01 * g[f];
      p10[f] += w10 * g[f];
      p11[f] += w11 * g[f];
    }
  }
}

// Adds up the gradients of the three lines of one time.
template <typename Scalar>
DG4D_INLINE void ScatterLines(Work<Scalar>& work, int t) {
  const HexPlaneLevel<Scalar>& level = work.level;
  const int features = level.features;
  Scalar line[3][kMaxFeatures];
  for (int64_t n = 0; n < level.points; ++n) {
    Tap<Scalar> taps[3];
    PointTaps(level, n, taps);
    for (int axis = 0; axis < 3; ++axis) {
      const Scalar* low = work.Line(t, axis) + taps[axis].low * features;
      const Scalar* high = work.Line(t, axis) + taps[axis].high * features;
      const Scalar weight = taps[axis].weight;
      for (int f = 0; f < features; ++f) {
        line[axis][f] = low[f] + weight * (high[f] - low[f]);
      }
    }
    const Scalar* __restrict space = work.space.data() + n * features;
    const Scalar* __restrict g =
        work.gradients->output + (t * level.points + n) * level.stride;
    for (int axis = 0; axis < 3; ++axis) {
      const Scalar* other_a = line[(axis + 1) % 3];
      const Scalar* other_b = line[(axis + 2) % 3];
      Scalar* low = work.LineGradient(t, axis) + taps[axis].low * features;
      Scalar* high = work.LineGradient(t, axis) + taps[axis].high * features;
      const Scalar weight = taps[axis].weight;
      for (int f = 0; f < features; ++f) {
        const Scalar value = g[f] * space[f] * other_a[f] * other_b[f];
        low[f] += (1 - weight) * value;
        high[f] += weight * value;
      }
    }
  }
}

#define DG4D_HEXPLANE_RANGES(Scalar)                                           \
  DG4D_FOR_THIS_CPU void ForwardRange(const Work<Scalar>& work, int64_t begin, \
                                      int64_t end) {                           \
    Forward(work, begin, end);                                                 \
  }                                                                            \
  DG4D_FOR_THIS_CPU void BackwardPointsRange(Work<Scalar>& work,               \
                                             int64_t begin, int64_t end) {     \
    BackwardPoints(work, begin, end);                                          \
  }                                                                            \
  DG4D_FOR_THIS_CPU void ScatterPlaneRange(const Work<Scalar>& work, int p,    \
                                           int first, int last) {              \
    ScatterPlane(work, p, first, last);                                        \
  }                                                                            \
  DG4D_FOR_THIS_CPU void ScatterLinesRange(Work<Scalar>& work, int t) {        \
    ScatterLines(work, t);                                                     \
  }
DG4D_HEXPLANE_RANGES(float)
DG4D_HEXPLANE_RANGES(double)
#undef DG4D_HEXPLANE_RANGES

template <typename Scalar>
void RunForward(const HexPlaneLevel<Scalar>& level) {
  const Work<Scalar> work = Begin(level);
  ParallelFor(level.points, kPointsPerChunk, [&](int64_t begin, int64_t end) {
    ForwardRange(work, begin, end);
  });
}

template <typename Scalar>
void RunBackward(const HexPlaneLevel<Scalar>& level,
                 const HexPlaneLevelGradients<Scalar>& gradients) {
  Work<Scalar> work = Begin(level);
  work.gradients = &gradients;
  work.space.resize(level.points * level.features);
  work.space_gradient.resize(3 * level.points * level.features);
  work.line_gradient.resize(work.lines.size());
  ParallelFor(level.points, kPointsPerChunk, [&](int64_t begin, int64_t end) {
    BackwardPointsRange(work, begin, end);
  });

  // Each task owns what it adds to: a slice of one plane's features, or the
  // lines of one time.
  const int slices = (level.features + kFeaturesPerTask - 1) / kFeaturesPerTask;
  ParallelFor(3 * slices + level.times, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      if (task >= 3 * slices) {
        ScatterLinesRange(work, static_cast<int>(task) - 3 * slices);
        continue;
      }
      const int first = static_cast<int>(task % slices) * kFeaturesPerTask;
      ScatterPlaneRange(work, static_cast<int>(task / slices), first,
                        std::min(first + kFeaturesPerTask, level.features));
    }
  });

  const int64_t line = static_cast<int64_t>(level.space_nodes) * level.features;
  ParallelFor(3, 1, [&](int64_t begin, int64_t end) {
    for (int64_t axis = begin; axis < end; ++axis) {
      for (int t = 0; t < level.times; ++t) {
        const Tap<Scalar>& tap = work.time_taps[t];
        const Scalar* g = work.LineGradient(t, static_cast<int>(axis));
        Scalar* low = gradients.planes[3 + axis] + tap.low * line;
        Scalar* high = gradients.planes[3 + axis] + tap.high * line;
        for (int64_t i = 0; i < line; ++i) {
          low[i] += (1 - tap.weight) * g[i];
          high[i] += tap.weight * g[i];
        }
      }
    }
  });
}

}  // namespace

void HexPlaneForward(const HexPlaneLevel<float>& level) { RunForward(level); }
void HexPlaneForward(const HexPlaneLevel<double>& level) { RunForward(level); }
void HexPlaneBackward(const HexPlaneLevel<float>& level,
                      const HexPlaneLevelGradients<float>& gradients) {
  RunBackward(level, gradients);
}
void HexPlaneBackward(const HexPlaneLevel<double>& level,
                      const HexPlaneLevelGradients<double>& gradients) {
  RunBackward(level, gradients);
}

}  // namespace dg4d::dynamic_gaussians
