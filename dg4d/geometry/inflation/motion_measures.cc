#include "dg4d/geometry/inflation/motion_measures.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <limits>

#include "dg4d/geometry/inflation/motion.h"
#include "dg4d/geometry/inflation/proxy_renderer.h"

namespace dg4d::inflation {
namespace {

constexpr int kFrames = 16;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Distance(const std::array<double, 3>& a,
                const std::array<double, 3>& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

double LargestMove(const Motion::Vertices& a, const Motion::Vertices& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, Distance(a[i], b[i]));
  }
  return largest;
}

// The value below which a share of `values` lies.
double Percentile(std::vector<double>& values, double share) {
  const auto place =
      values.begin() + static_cast<int64_t>(share * (values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace

std::vector<Measure> MeasureMotion(const Inflation& inflation,
                                   const std::string& name) {
  Motion motion = *Motion::Create(inflation, name, 1);
  motion.FitToPicture(kFrames);
  const Motion::Vertices rest = inflation.surface.vertices;
  Motion::Vertices previous = rest;
  double step = 0, move = 0, volume_sum = 0, volume_squares = 0;
  std::vector<double> stretch;
  for (int i = 1; i <= kFrames; ++i) {
    const Motion::Vertices vertices = motion.At(double(i) / kFrames);
    step = std::max(step, LargestMove(vertices, previous));
    move = std::max(move, LargestMove(vertices, rest));
    const double volume =
        AnalyzeTopology(MeshOf(inflation, vertices)).signed_volume;
    volume_sum += volume / kFrames;
    volume_squares += volume * volume / kFrames;
    for (const auto& triangle : inflation.surface.triangles) {
      const double length = Distance(rest[triangle[0]], rest[triangle[1]]);
      if (length < 1e-9) continue;
      stretch.push_back(Distance(vertices[triangle[0]], vertices[triangle[1]]) /
                        length);
    }
    previous = vertices;
  }
  const double variance =
      std::max(0.0, volume_squares - volume_sum * volume_sum);
  const bool idle = name == "idle";
  return {
      {name + ": |end - start|", LargestMove(motion.At(1 - 1e-9), rest), 0,
       1e-6},
      {name + ": amplitude after fitting", motion.amplitude(), -kInfinity,
       kInfinity},
      {name + ": largest move / height", move / motion.height(), -kInfinity,
       kInfinity},
      {name + ": largest step / height", step / motion.height(), 0,
       idle ? 0.08 : kInfinity},
      {name + ": volume, deviation / mean", std::sqrt(variance) / volume_sum, 0,
       idle ? 0.05 : kInfinity},
      {name + ": edge stretch, 0.5 %", Percentile(stretch, 0.005), 0.75, 1},
      {name + ": edge stretch, 99.5 %", Percentile(stretch, 0.995), 1, 1.3},
  };
}

Image MotionSheet(const Inflation& inflation, const Camera& camera) {
  std::vector<std::vector<Image>> rows;
  for (const char* name : {"idle", "dance", "wave", "twist", "hop", "sway"}) {
    Motion motion = *Motion::Create(inflation, name, 1);
    motion.FitToPicture(kFrames);
    std::vector<Image>& row = rows.emplace_back();
    for (const int i : {0, 3, 5, 8, 11, 13}) {
      const ProxyRenderer renderer(
          {MeshOf(inflation, motion.At(double(i) / kFrames))});
      row.push_back({Composite(StraightImage(renderer.Render(
                                   0, camera.WithSize(160, 160))))
                         .permute({1, 2, 0})
                         .contiguous()});
    }
  }
  return Tile(rows);
}

}  // namespace dg4d::inflation
