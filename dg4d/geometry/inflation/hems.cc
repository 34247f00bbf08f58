#include "dg4d/geometry/inflation/hems.h"

#include <limits>

#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

struct Box {
  int top, bottom, left, right;  // inclusive
  int height() const { return bottom - top + 1; }
  int width() const { return right - left + 1; }
};

// A horizontal run of mask pixels and the widths of the runs above it that led
// here, its own last.
struct Run {
  int begin, end;
  std::vector<int> lineage;

  int width() const { return end - begin; }
};

struct Candidate {
  int row, begin, end, drop;  // drop: rows below which the part has ended
};

bool BoundingBox(const Mask& mask, Box& box) {
  box = {mask.height, -1, mask.width, -1};
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!mask(y, x)) continue;
      box.top = std::min(box.top, y);
      box.bottom = y;
      box.left = std::min(box.left, x);
      box.right = std::max(box.right, x);
    }
  }
  return box.bottom >= 0;
}

std::vector<Run> RunsOfRow(const Mask& mask, int y,
                           const std::vector<Run>& above, int longest) {
  std::vector<Run> runs;
  for (int x = 0; x < mask.width;) {
    if (!mask(y, x)) {
      ++x;
      continue;
    }
    Run run = {x, x, {}};
    while (run.end < mask.width && mask(y, run.end)) ++run.end;
    for (const Run& parent : above) {
      if (parent.begin < run.end && run.begin < parent.end) {
        run.lineage.insert(run.lineage.end(), parent.lineage.begin(),
                           parent.lineage.end());
      }
    }
    if (static_cast<int>(run.lineage.size()) > longest) {
      run.lineage.erase(run.lineage.begin(), run.lineage.end() - longest);
    }
    run.lineage.push_back(run.width());
    x = run.end;
    runs.push_back(std::move(run));
  }
  return runs;
}

// Consecutive rows above the last one that are at least half its width.
int RowsOfHalfWidth(const std::vector<int>& lineage) {
  const int width = lineage.back();
  int rows = 0;
  for (int i = static_cast<int>(lineage.size()) - 2;
       i >= 0 && 2 * lineage[i] >= width; --i) {
    ++rows;
  }
  return rows;
}

bool EndsAbruptly(const Mask& mask, const Box& box, int y, const Run& run,
                  int drop, double min_aspect) {
  const int w = run.width();
  if (y + drop >= box.bottom - 0.05 * box.height()) return false;
  if (w < 0.15 * std::max(box.height(), box.width())) return false;
  const std::vector<int>& lineage = run.lineage;
  const int recent = std::min(static_cast<int>(lineage.size()),
                              1 + static_cast<int>(0.35 * box.height()));
  if (w < 0.93 * *std::max_element(lineage.end() - recent, lineage.end())) {
    return false;
  }
  const int above =
      static_cast<int>(lineage.size()) - 1 - static_cast<int>(0.15 * w);
  if (above < 0 || lineage[above] < 0.75 * w) return false;
  int covered = 0, parts = 0;
  for (int x = run.begin; x < run.end; ++x) {
    covered += mask(y + drop, x);
    parts += mask(y + drop, x) && (x == run.begin || !mask(y + drop, x - 1));
  }
  // Legs, or one stem that is a good deal thinner: a head on a body is no hem.
  const double most = parts > 1 ? 0.55 : 0.35;
  if (covered < 0.02 * w || covered > most * w) return false;
  return RowsOfHalfWidth(lineage) >= min_aspect * w;
}

std::vector<Candidate> FindCandidates(const Mask& mask, const Box& box,
                                      double min_aspect) {
  const int longest = box.height();
  std::vector<Candidate> found;
  std::vector<Run> above;
  for (int y = box.top; y <= box.bottom; ++y) {
    std::vector<Run> runs = RunsOfRow(mask, y, above, longest);
    for (const Run& run : runs) {
      const int drop = std::max(3, static_cast<int>(0.22 * run.width()));
      if (EndsAbruptly(mask, box, y, run, drop, min_aspect)) {
        found.push_back({y, run.begin, run.end, drop});
      }
    }
    above = std::move(runs);
  }
  return found;
}

// Of candidates close above each other only the lowest is the hem.
std::vector<Candidate> KeepLowest(const std::vector<Candidate>& candidates) {
  std::vector<Candidate> kept;
  for (const Candidate& upper : candidates) {
    bool lowest = true;
    for (const Candidate& lower : candidates) {
      if (lower.row > upper.row && lower.row - upper.row < upper.drop &&
          lower.begin < upper.end && upper.begin < lower.end) {
        lowest = false;
      }
    }
    if (lowest) kept.push_back(upper);
  }
  return kept;
}

struct SilhouetteHem {
  std::vector<float> row;     // the last row above the background
  std::vector<uint8_t> open;  // whether background was seen below it
  int open_columns = 0;
};

// Where the silhouette shows the hem, and straight lines between.
SilhouetteHem TraceSilhouette(const Mask& mask, const Candidate& candidate) {
  const int n = candidate.end - candidate.begin;
  SilhouetteHem hem = {std::vector<float>(n), std::vector<uint8_t>(n), 0};
  const int last = std::min(candidate.row + candidate.drop + candidate.drop / 4,
                            mask.height - 1);
  for (int i = 0; i < n; ++i) {
    for (int y = candidate.row; y <= last && !hem.open[i]; ++y) {
      if (mask(y, candidate.begin + i)) continue;
      hem.row[i] = static_cast<float>(y - 1);
      hem.open[i] = 1;
      ++hem.open_columns;
    }
  }
  int previous = -1;
  for (int i = 0; i < n; ++i) {
    if (hem.open[i]) {
      previous = i;
      continue;
    }
    int next = i;
    while (next < n && !hem.open[next]) ++next;
    if (previous < 0 && next == n) break;
    if (previous < 0) {
      hem.row[i] = hem.row[next];
    } else if (next == n) {
      hem.row[i] = hem.row[previous];
    } else {
      const float t = float(i - previous) / float(next - previous);
      hem.row[i] = hem.row[previous] * (1 - t) + hem.row[next] * t;
    }
  }
  return hem;
}

// How much the colour changes across each row, at most 40 (Lab).
Plane<float> ColourSteps(const Mask& mask, const RgbPlane& colours) {
  RgbPlane painted = colours;
  for (int i = 0; i < mask.size(); ++i) {
    if (!mask.values[i]) painted.values[i] = {1, 0, 1};
  }
  const RgbPlane lab = LabFromRgb(Blur(painted, 1.5));
  Plane<float> steps(mask.height, mask.width);
  for (int y = 2; y + 2 < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      steps(y, x) = std::min(
          40.0f, std::sqrt(SquaredDifference(lab(y + 2, x), lab(y - 2, x))));
    }
  }
  return steps;
}

// The path of least cost, one row per column: it seeks strong colour steps near
// the silhouette's hem and avoids jumps (Viterbi).
std::vector<int> SnapToColours(const Plane<float>& steps,
                               const Candidate& candidate,
                               const SilhouetteHem& hem) {
  constexpr float kForbidden = 1e6f;
  constexpr int kLongestStep = 3;
  const int n = static_cast<int>(hem.row.size());
  const float reach = 0.6f * candidate.drop;
  const auto [low, high] = std::minmax_element(hem.row.begin(), hem.row.end());
  const int first = std::max(0, static_cast<int>(*low - reach));
  const int last =
      std::min(steps.height - 1, static_cast<int>(*high + reach) + 1);
  const int states = last - first + 1;

  std::vector<float> cost(states, 0), previous(states);
  Plane<int> from(n, states);
  for (int i = 0; i < n; ++i) {
    previous.swap(cost);
    for (int s = 0; s < states; ++s) {
      float best = i == 0 ? 0 : std::numeric_limits<float>::max();
      for (int step = -kLongestStep; i > 0 && step <= kLongestStep; ++step) {
        const int t = s + step;
        if (t < 0 || t >= states) continue;
        const float value = previous[t] + 1.5f * std::abs(step);
        if (value < best) {
          best = value;
          from(i, s) = t;
        }
      }
      const float row = static_cast<float>(first + s);
      const float offset = std::abs(row - hem.row[i]);
      const bool allowed =
          offset <= reach && !(hem.open[i] && row > hem.row[i] + 1);
      cost[s] = best - steps(first + s, candidate.begin + i) + 0.2f * offset +
                (allowed ? 0 : kForbidden);
    }
  }
  std::vector<int> path(n);
  int state = static_cast<int>(std::min_element(cost.begin(), cost.end()) -
                               cost.begin());
  for (int i = n - 1; i >= 0; --i) {
    path[i] = first + state;
    state = from(i, state);
  }
  return path;
}

}  // namespace

std::vector<Hem> FindHems(const Mask& mask, const RgbPlane& colours,
                          double min_aspect) {
  std::vector<Hem> hems;
  const Mask filled = FillHoles(mask);
  Box box;
  if (!BoundingBox(filled, box)) return hems;
  const std::vector<Candidate> candidates =
      KeepLowest(FindCandidates(filled, box, min_aspect));
  if (candidates.empty()) return hems;
  const Plane<float> steps = ColourSteps(mask, colours);
  for (const Candidate& candidate : candidates) {
    const SilhouetteHem silhouette = TraceSilhouette(filled, candidate);
    if (silhouette.open_columns < 4) continue;
    const std::vector<int> path = SnapToColours(steps, candidate, silhouette);
    Plane<float> curve(1, static_cast<int>(path.size()));
    std::copy(path.begin(), path.end(), curve.values.begin());
    curve = Blur(curve, 1.5);
    for (int i = 0; i < curve.width; ++i) {
      // The ledge shall carry the garment's colour and not the leg's.
      if (!silhouette.open[i]) curve(0, i) -= 2;
    }
    hems.push_back({candidate.row, candidate.begin, std::move(curve.values)});
  }
  return hems;
}

}  // namespace dg4d::inflation
