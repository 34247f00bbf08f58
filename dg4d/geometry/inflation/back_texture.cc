#include "dg4d/geometry/inflation/back_texture.h"

#include <opencv2/imgproc.hpp>

#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"
#include "dg4d/geometry/inflation/front_colours.h"
#include "dg4d/geometry/inflation/segments.h"

namespace dg4d::inflation {
namespace {

constexpr int kSweeps = 400;  // at 256 pixels
constexpr float kRelaxation = 0.85f;

// Pixels whose colours the back keeps.
Mask Core(const Segmentation& segmentation, const Mask& mask,
          const Plane<float>& distance, double scale) {
  std::vector<double> area(segmentation.segments), contact = area;
  for (int i = 0; i < mask.size(); ++i) {
    if (!mask.values[i]) continue;
    ++area[segmentation.segment.values[i]];
    if (distance.values[i] <= 3 * scale) {
      contact[segmentation.segment.values[i]] += 1 / (3 * scale);
    }
  }
  Mask keep(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    if (!mask.values[i]) continue;
    const int s = segmentation.segment.values[i];
    keep.values[i] = contact[s] >= 0.15 * std::sqrt(area[s]) &&
                     area[s] >= 12 * scale * scale;
  }
  keep = OpenCross(keep);
  Mask rim(mask.height, mask.width), keep_or_outside = rim;
  for (int i = 0; i < mask.size(); ++i) {
    rim.values[i] = mask.values[i] && distance.values[i] <= 1.5 * scale;
    keep.values[i] |= rim.values[i];
    keep_or_outside.values[i] = keep.values[i] || !mask.values[i];
  }
  Mask core = ErodeCross(keep_or_outside);
  for (int i = 0; i < mask.size(); ++i) {
    core.values[i] = core.values[i] && keep.values[i] && mask.values[i];
  }
  return Count(core) > 0 ? core : rim;
}

// Clusters of all pixels of the mask: those of the core as they are, the rest
// from the nearest core pixel, with borders smoothed.
Plane<int> FillLabels(const Segmentation& segmentation, const Mask& mask,
                      const Mask& core, double scale) {
  Plane<int> labels = segmentation.cluster;
  const Plane<int> nearest = NearestSet(core);
  for (int i = 0; i < mask.size(); ++i) {
    if (mask.values[i]) labels.values[i] = labels.values[nearest.values[i]];
  }
  const int clusters = static_cast<int>(segmentation.colours.size());
  for (int pass = 0; pass < 4; ++pass) {
    Plane<float> strongest(mask.height, mask.width, 0);
    Plane<int> winner = labels;
    for (int c = 0; c < clusters; ++c) {
      Plane<float> indicator(mask.height, mask.width);
      for (int i = 0; i < mask.size(); ++i) {
        indicator.values[i] = labels.values[i] == c;
      }
      indicator = Blur(indicator, 3 * scale);
      for (int i = 0; i < mask.size(); ++i) {
        if (!mask.values[i] || core.values[i]) continue;
        if (indicator.values[i] > strongest.values[i]) {
          strongest.values[i] = indicator.values[i];
          winner.values[i] = c;
        }
      }
    }
    labels = std::move(winner);
  }
  return labels;
}

std::vector<Rgb> MeanCoreColours(const RgbPlane& colours,
                                 const Plane<int>& labels, const Mask& core,
                                 int clusters) {
  std::vector<std::array<double, 4>> sums(clusters, {0, 0, 0, 0});
  for (int i = 0; i < core.size(); ++i) {
    if (!core.values[i]) continue;
    std::array<double, 4>& sum = sums[labels.values[i]];
    for (int c = 0; c < 3; ++c) sum[c] += colours.values[i][c];
    sum[3] += 1;
  }
  std::vector<Rgb> means(clusters, Rgb{0.5f, 0.5f, 0.5f});
  for (int k = 0; k < clusters; ++k) {
    for (int c = 0; c < 3 && sums[k][3] > 0; ++c) {
      means[k][c] = static_cast<float>(sums[k][c] / sums[k][3]);
    }
  }
  return means;
}

// A pixel to fill, its four neighbours (itself where there is none) and how
// much each counts.
struct Cell {
  int index;
  int neighbour[4];
  float weight[4];
};

// Colours flow inside a material, hardly across.
std::vector<Cell> MakeCells(const Plane<int>& labels, const Mask& mask,
                            const Mask& core,
                            const std::vector<Rgb>& cluster_colours) {
  const int clusters = static_cast<int>(cluster_colours.size());
  Plane<float> flow(clusters, clusters);
  for (int a = 0; a < clusters; ++a) {
    for (int b = 0; b < clusters; ++b) {
      flow(a, b) =
          std::exp(-SquaredDifference(cluster_colours[a], cluster_colours[b]) /
                   (14.0f * 14.0f)) +
          0.001f;
    }
  }
  std::vector<Cell> cells;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!mask(y, x) || core(y, x)) continue;
      Cell cell;
      cell.index = y * mask.width + x;
      const int dy[4] = {-1, 1, 0, 0}, dx[4] = {0, 0, -1, 1};
      float total = 0;
      for (int k = 0; k < 4; ++k) {
        const int v = y + dy[k], u = x + dx[k];
        const bool inside = mask.contains(v, u) && mask(v, u);
        cell.neighbour[k] = inside ? v * mask.width + u : cell.index;
        cell.weight[k] = inside ? flow(labels(y, x), labels(v, u)) : 0;
        total += cell.weight[k];
      }
      for (float& weight : cell.weight) weight /= std::max(total, 1e-6f);
      cells.push_back(cell);
    }
  }
  return cells;
}

void Relax(const std::vector<Cell>& cells, int sweeps, RgbPlane& colours) {
  std::vector<Rgb> next(cells.size());
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const Cell& cell = cells[i];
      const Rgb& old = colours.values[cell.index];
      Rgb mean = {0, 0, 0};
      for (int k = 0; k < 4; ++k) {
        const Rgb& other = colours.values[cell.neighbour[k]];
        for (int c = 0; c < 3; ++c) mean[c] += cell.weight[k] * other[c];
      }
      for (int c = 0; c < 3; ++c) {
        next[i][c] = old[c] + kRelaxation * (mean[c] - old[c]);
      }
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      colours.values[cells[i].index] = next[i];
    }
  }
}

// Two wide medians and a light blur: small detail goes, broad stripes stay.
RgbPlane DropDetail(const RgbPlane& colours, double scale) {
  const int size =
      2 * std::max(1, static_cast<int>(std::lround(4 * scale))) + 1;
  const cv::Mat in(colours.height, colours.width, CV_32FC3,
                   const_cast<Rgb*>(colours.values.data()));
  cv::Mat bytes;
  in.convertTo(bytes, CV_8UC3, 255);
  cv::medianBlur(bytes, bytes, size);
  cv::medianBlur(bytes, bytes, size);
  RgbPlane result(colours.height, colours.width);
  cv::Mat out(colours.height, colours.width, CV_32FC3, result.values.data());
  bytes.convertTo(out, CV_32FC3, 1.0 / 255);
  return Blur(result, 0.7 * scale);
}

}  // namespace

RgbPlane BackTexture(const RgbPlane& front_colours, const Mask& mask) {
  const double scale = mask.width / 256.0;
  const Plane<float> distance = DistanceInside(mask);
  const Segmentation segmentation = SegmentColours(front_colours, mask);
  const Mask core = Core(segmentation, mask, distance, scale);
  const Plane<int> labels = FillLabels(segmentation, mask, core, scale);
  const std::vector<Rgb> means =
      MeanCoreColours(front_colours, labels, core,
                      static_cast<int>(segmentation.colours.size()));
  RgbPlane back = front_colours;
  for (int i = 0; i < mask.size(); ++i) {
    if (mask.values[i] && !core.values[i]) {
      back.values[i] = means[labels.values[i]];
    }
  }
  Relax(MakeCells(labels, mask, core, segmentation.colours),
        std::max(1, static_cast<int>(kSweeps * scale)), back);
  ExtendNearest(mask, back);
  const RgbPlane plain = DropDetail(back, scale);
  for (int i = 0; i < mask.size(); ++i) {
    const float t = mask.values[i]
                        ? SmoothStep(static_cast<float>(
                              (distance.values[i] - 2 * scale) / (6 * scale)))
                        : 0;
    for (int c = 0; c < 3; ++c) {
      back.values[i][c] += (plain.values[i][c] - back.values[i][c]) * t;
    }
  }
  back = SmoothRim(back, mask, distance, 3 * scale, 3 * scale);
  return BlendAtRim(FrontTexture(front_colours, mask), back, mask);
}

RgbPlane BlendAtRim(const RgbPlane& front, const RgbPlane& back,
                    const Mask& mask) {
  const float width = 5 * static_cast<float>(mask.width / 256.0);
  const Plane<float> distance = DistanceInside(mask);
  RgbPlane result = front;
  for (int i = 0; i < mask.size(); ++i) {
    const float t = SmoothStep((distance.values[i] - 1) / width);
    for (int c = 0; c < 3; ++c) {
      result.values[i][c] += (back.values[i][c] - result.values[i][c]) * t;
    }
  }
  return result;
}

}  // namespace dg4d::inflation
