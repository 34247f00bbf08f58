#include "dg4d/testing/synthetic_scene.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/blender_dataset.h"

namespace dg4d {
namespace {

using Vector = std::array<double, 3>;

constexpr double kPi = 3.14159265358979323846;
constexpr int kRows = 96;      // from pole to pole
constexpr int kColumns = 192;  // around

Vector operator+(const Vector& a, const Vector& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
Vector operator*(const Vector& a, double s) {
  return {a[0] * s, a[1] * s, a[2] * s};
}
Vector Mix(const Vector& a, const Vector& b, double share) {
  return a * (1 - share) + b * share;
}

double SmoothStep(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

// 0 to 1 and back along `x`, once a unit, with soft edges.
double Stripe(double x) {
  return SmoothStep(-0.35, 0.35, std::sin(2 * kPi * x));
}

constexpr double kTubeRadius = 0.17;
constexpr double kTubeHalfLength = 0.42;  // of the straight part
constexpr double kTubeBottom = -kTubeHalfLength - kTubeRadius;
constexpr double kTubeHeight = -2 * kTubeBottom;

// The polar angle runs along the capsule's outline at even speed.
Vector TubeRest(const Vector& d) {
  const double theta = std::acos(std::clamp(d[1], -1.0, 1.0));
  const double around = std::hypot(d[0], d[2]);
  const Vector side = around > 1e-12 ? Vector{d[0] / around, 0, d[2] / around}
                                     : Vector{1, 0, 0};
  const double cap = kPi / 2 * kTubeRadius;
  const double s = theta / kPi * (2 * cap + 2 * kTubeHalfLength);
  double radius = kTubeRadius, y;
  if (s < cap) {
    radius = kTubeRadius * std::sin(s / kTubeRadius);
    y = kTubeHalfLength + kTubeRadius * std::cos(s / kTubeRadius);
  } else if (s > cap + 2 * kTubeHalfLength) {
    const double angle = (2 * cap + 2 * kTubeHalfLength - s) / kTubeRadius;
    radius = kTubeRadius * std::sin(angle);
    y = -kTubeHalfLength - kTubeRadius * std::cos(angle);
  } else {
    y = kTubeHalfLength - (s - cap);
  }
  return side * radius + Vector{0, y, 0};
}

// The spine becomes an arc: upright at the bottom, turned by 50 degrees to
// either side at the top.
Vector TubeMove(const Vector& p, double phase) {
  const double bend = 50 * kPi / 180 * std::sin(2 * kPi * phase);
  const double n = (p[1] - kTubeBottom) / kTubeHeight;
  const double angle = bend * n;
  // sin(a)/a and (1 - cos a)/a, also where a is small.
  const double along = std::abs(angle) < 1e-6 ? 1 : std::sin(angle) / angle;
  const double across =
      std::abs(angle) < 1e-6 ? angle / 2 : (1 - std::cos(angle)) / angle;
  return {n * kTubeHeight * across + p[0] * std::cos(angle),
          kTubeBottom + n * kTubeHeight * along - p[0] * std::sin(angle), p[2]};
}

Vector TubeColor(const Vector& p) {
  const double around = std::atan2(p[2], p[0]) / (2 * kPi);
  const double height = (p[1] - kTubeBottom) / kTubeHeight;
  const Vector body =
      Mix({0.93, 0.45, 0.16}, {0.16, 0.42, 0.85}, SmoothStep(0.1, 0.9, height));
  const Vector stripe = Mix({0.98, 0.93, 0.75}, {0.10, 0.12, 0.30}, height);
  return Mix(body, stripe, Stripe(4 * height + 2 * around));
}

constexpr Vector kBoxHalf = {0.34, 0.52, 0.26};

Vector BoxRest(const Vector& d) {
  double sum = 0;
  for (const double x : d) sum += std::pow(std::abs(x), 8);
  const double scale = std::pow(sum, -1.0 / 8);
  return {d[0] * scale * kBoxHalf[0], d[1] * scale * kBoxHalf[1],
          d[2] * scale * kBoxHalf[2]};
}

Vector BoxMove(const Vector& p, double phase) {
  const double angle = 40 * kPi / 180 * std::sin(2 * kPi * phase) *
                       (p[1] + kBoxHalf[1]) / (2 * kBoxHalf[1]);
  return {p[0] * std::cos(angle) + p[2] * std::sin(angle), p[1],
          -p[0] * std::sin(angle) + p[2] * std::cos(angle)};
}

Vector BoxColor(const Vector& p) {
  // A colour a face, with a ring or bars on it.
  const Vector q = {p[0] / kBoxHalf[0], p[1] / kBoxHalf[1], p[2] / kBoxHalf[2]};
  int axis = 0;
  for (int i = 1; i < 3; ++i) {
    if (std::abs(q[i]) > std::abs(q[axis])) axis = i;
  }
  constexpr Vector kFaces[3][2] = {{{0.85, 0.20, 0.25}, {0.20, 0.65, 0.35}},
                                   {{0.95, 0.80, 0.25}, {0.45, 0.25, 0.65}},
                                   {{0.20, 0.45, 0.85}, {0.90, 0.55, 0.70}}};
  const Vector face = kFaces[axis][q[axis] > 0];
  const double u = q[(axis + 1) % 3], v = q[(axis + 2) % 3];
  const double ring = std::hypot(u, v);
  const double mark =
      q[axis] > 0 ? SmoothStep(0.34, 0.40, ring) - SmoothStep(0.62, 0.68, ring)
                  : Stripe(1.5 * u + 1.5 * v);
  return Mix(face, {0.96, 0.95, 0.92}, mark);
}

double BlobBumps(const Vector& d) {
  return 0.07 * std::sin(5 * d[0] + 1) * std::cos(4 * d[1]) +
         0.06 * std::sin(4 * d[2] - 3 * d[1]);
}

Vector BlobRest(const Vector& d) { return d * (0.5 * (1 + BlobBumps(d))); }

Vector BlobMove(const Vector& p, double phase) {
  const double swing = std::sin(2 * kPi * phase);
  // Wider as it gets lower: the volume stays nearly the same.
  const double wide = 1 + 0.16 * swing, high = 1 - 0.22 * swing;
  return {p[0] * wide, -0.5 + (p[1] + 0.5) * high, p[2] * wide};
}

Vector BlobColor(const Vector& p) {
  const double spots =
      std::sin(9 * p[0] + 1) * std::sin(9 * p[1]) * std::sin(9 * p[2] + 2);
  const Vector skin =
      Mix({0.35, 0.75, 0.40}, {0.95, 0.85, 0.35}, SmoothStep(-0.4, 0.5, p[1]));
  const Vector spotted =
      Mix(skin, {0.55, 0.15, 0.45}, SmoothStep(0.10, 0.25, spots));
  return Mix(spotted, {0.15, 0.35, 0.55}, SmoothStep(0.20, 0.35, -spots));
}

// Two bodies go round each other on an ellipse, so that either is in front
// once.
Vector Circling(const Vector& p, double phase, double offset) {
  const double angle = 2 * kPi * (phase + offset);
  return p + Vector{0.36 * std::cos(angle), 0.04 * std::sin(2 * angle),
                    0.30 * std::sin(angle)};
}

Vector BallRest(const Vector& d) { return d * 0.23; }
Vector BallMove(const Vector& p, double phase) { return Circling(p, phase, 0); }
Vector BallColor(const Vector& p) {
  const double bands = Stripe(6 * p[1] + 0.5 * std::sin(14 * p[0]));
  return Mix({0.92, 0.32, 0.20}, {0.99, 0.88, 0.62}, bands);
}

Vector BrickRest(const Vector& d) {
  const Vector p = BoxRest(d);
  return {p[0] * 0.55, p[1] * 0.62, p[2] * 0.70};
}
Vector BrickMove(const Vector& p, double phase) {
  return Circling(p, phase, 0.5);
}
Vector BrickColor(const Vector& p) {
  const double checks = Stripe(5 * p[0]) * Stripe(4 * p[1]) +
                        (1 - Stripe(5 * p[0])) * (1 - Stripe(4 * p[1]));
  return Mix({0.15, 0.50, 0.60}, {0.80, 0.92, 0.95},
             checks * SmoothStep(-0.5, 0.1, p[2]));
}

// What the nearest surface is at each sample of a picture.
struct Hits {
  Hits(int height, int width)
      : height(height),
        width(width),
        depth(static_cast<size_t>(height) * width,
              std::numeric_limits<double>::infinity()),
        rest(depth.size()),
        part(depth.size(), -1) {}

  int height, width;
  std::vector<double> depth;
  std::vector<std::array<float, 3>> rest;
  std::vector<int> part;
};

struct Corner {
  double x, y;  // in samples
  double inverse_depth;
  Vector rest;
};

// Fills in the samples whose centres lie in a triangle nearer than what was
// there. Rest positions are interpolated in space, not on the screen.
void DrawTriangle(const Corner& a, const Corner& b, const Corner& c, int part,
                  Hits& hits) {
  const double area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
  if (area == 0) return;
  const auto first = [](double low) {
    return std::max(0, static_cast<int>(std::ceil(low - 0.5)));
  };
  const int x0 = first(std::min({a.x, b.x, c.x}));
  const int y0 = first(std::min({a.y, b.y, c.y}));
  const double x1 = std::min(std::max({a.x, b.x, c.x}), hits.width * 1.0);
  const double y1 = std::min(std::max({a.y, b.y, c.y}), hits.height * 1.0);
  for (int y = y0; y + 0.5 <= y1; ++y) {
    for (int x = x0; x + 0.5 <= x1; ++x) {
      const double px = x + 0.5, py = y + 0.5;
      double wa = ((b.x - px) * (c.y - py) - (c.x - px) * (b.y - py)) / area;
      double wb = ((c.x - px) * (a.y - py) - (a.x - px) * (c.y - py)) / area;
      double wc = 1 - wa - wb;
      if (wa < 0 || wb < 0 || wc < 0) continue;
      wa *= a.inverse_depth;
      wb *= b.inverse_depth;
      wc *= c.inverse_depth;
      const double depth = 1 / (wa + wb + wc);
      const size_t i = static_cast<size_t>(y) * hits.width + x;
      if (depth >= hits.depth[i]) continue;
      hits.depth[i] = depth;
      hits.part[i] = part;
      for (int k = 0; k < 3; ++k) {
        hits.rest[i][k] = static_cast<float>(
            depth * (wa * a.rest[k] + wb * b.rest[k] + wc * c.rest[k]));
      }
    }
  }
}

}  // namespace

std::vector<std::string> SyntheticScene::Names() {
  return {"bending_tube", "twisting_box", "breathing_blob", "passing_parts"};
}

absl::StatusOr<SyntheticScene> SyntheticScene::Create(absl::string_view name) {
  if (name == "bending_tube") {
    return SyntheticScene({{TubeRest, TubeMove, TubeColor}});
  }
  if (name == "twisting_box") {
    return SyntheticScene({{BoxRest, BoxMove, BoxColor}});
  }
  if (name == "breathing_blob") {
    return SyntheticScene({{BlobRest, BlobMove, BlobColor}});
  }
  if (name == "passing_parts") {
    return SyntheticScene(
        {{BallRest, BallMove, BallColor}, {BrickRest, BrickMove, BrickColor}});
  }
  return absl::NotFoundError(absl::StrCat("no synthetic scene '", name,
                                          "'; there are ",
                                          absl::StrJoin(Names(), ", ")));
}

SyntheticScene::SyntheticScene(std::vector<Part> parts)
    : parts_(std::move(parts)) {
  for (int part = 0; part < static_cast<int>(parts_.size()); ++part) {
    const int base = static_cast<int>(rest_.size());
    const auto add_vertex = [&](int row, int column) {
      const double theta = kPi * row / kRows;
      const double phi = 2 * kPi * column / kColumns;
      rest_.push_back(
          parts_[part].rest({std::sin(theta) * std::sin(phi), std::cos(theta),
                             std::sin(theta) * std::cos(phi)}));
      part_of_vertex_.push_back(part);
    };
    const auto add_triangle = [&](int a, int b, int c) {
      triangles_.push_back({base + a, base + b, base + c});
      part_of_triangle_.push_back(part);
    };
    add_vertex(0, 0);
    for (int row = 1; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        add_vertex(row, column);
      }
    }
    add_vertex(kRows, 0);
    const int south = 1 + (kRows - 1) * kColumns;
    const auto vertex = [&](int row, int column) {
      if (row == 0) return 0;
      if (row == kRows) return south;
      return 1 + (row - 1) * kColumns + column % kColumns;
    };
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        const int a = vertex(row, column), b = vertex(row + 1, column);
        const int c = vertex(row + 1, column + 1);
        const int d = vertex(row, column + 1);
        if (row < kRows - 1) add_triangle(a, b, c);
        if (row > 0) add_triangle(a, c, d);
      }
    }
  }
}

Mesh SyntheticScene::Surface(double phase) const {
  Mesh mesh;
  mesh.vertices = at::empty({static_cast<int64_t>(rest_.size()), 3});
  float* vertices = mesh.vertices.mutable_data_ptr<float>();
  for (size_t i = 0; i < rest_.size(); ++i) {
    const Vector p = parts_[part_of_vertex_[i]].move(rest_[i], phase);
    for (int k = 0; k < 3; ++k) vertices[3 * i + k] = static_cast<float>(p[k]);
  }
  mesh.triangles =
      at::empty({static_cast<int64_t>(triangles_.size()), 3}, at::kInt);
  int* triangles = mesh.triangles.mutable_data_ptr<int>();
  for (size_t i = 0; i < triangles_.size(); ++i) {
    std::copy(triangles_[i].begin(), triangles_[i].end(), triangles + 3 * i);
  }
  return mesh;
}

Image SyntheticScene::Render(const Camera& camera, double phase,
                             int samples_per_side) const {
  const int s = samples_per_side;
  Hits hits(camera.height * s, camera.width * s);
  const auto camera_from_world = camera.camera_from_world();
  const double focal = camera.focal() * s;
  std::vector<Corner> corners(rest_.size());
  for (size_t i = 0; i < rest_.size(); ++i) {
    const Vector p = parts_[part_of_vertex_[i]].move(rest_[i], phase);
    Vector q;
    for (int row = 0; row < 3; ++row) {
      const double* m = camera_from_world.data() + 4 * row;
      q[row] = m[0] * p[0] + m[1] * p[1] + m[2] * p[2] + m[3];
    }
    corners[i] = {hits.width * 0.5 + focal * q[0] / -q[2],
                  hits.height * 0.5 - focal * q[1] / -q[2], 1 / -q[2],
                  rest_[i]};
  }
  for (size_t i = 0; i < triangles_.size(); ++i) {
    const auto& [a, b, c] = triangles_[i];
    if (corners[a].inverse_depth <= 0 || corners[b].inverse_depth <= 0 ||
        corners[c].inverse_depth <= 0) {
      continue;  // behind the camera
    }
    DrawTriangle(corners[a], corners[b], corners[c], part_of_triangle_[i],
                 hits);
  }

  Image image;
  image.pixels = at::empty({camera.height, camera.width, 4});
  float* out = image.pixels.mutable_data_ptr<float>();
  for (int y = 0; y < camera.height; ++y) {
    for (int x = 0; x < camera.width; ++x, out += 4) {
      Vector sum = {0, 0, 0};
      int hit = 0;
      for (int j = 0; j < s * s; ++j) {
        const size_t i =
            static_cast<size_t>(y * s + j / s) * hits.width + x * s + j % s;
        if (hits.part[i] < 0) continue;
        const auto& r = hits.rest[i];
        sum = sum + parts_[hits.part[i]].color({r[0], r[1], r[2]});
        ++hit;
      }
      for (int k = 0; k < 3; ++k) {
        out[k] = static_cast<float>(hit > 0 ? std::clamp(sum[k] / hit, 0.0, 1.0)
                                            : 0.0);
      }
      out[3] = static_cast<float>(hit) / static_cast<float>(s * s);
    }
  }
  return image;
}

absl::Status WriteSyntheticDataset(const SyntheticScene& scene,
                                   const SyntheticDatasetOptions& options,
                                   const std::string& folder) {
  constexpr double kGolden = 0.6180339887498949;  // spreads evenly, never meets
  Camera intrinsics;
  intrinsics.width = intrinsics.height = options.size;

  const auto write = [&](const std::string& split, int views, bool test) {
    BlenderDataset dataset;
    dataset.images.resize(static_cast<size_t>(options.frames) * views);
    for (int frame = 0; frame < options.frames; ++frame) {
      for (int view = 0; view < views; ++view) {
        const int index = frame * views + view;
        // Turns of the rig, and how high the camera stands.
        const double turn = test ? 0.5 / views : kGolden * frame;
        const double height =
            test ? (view % 2 == 0 ? 0.35 : 0.65)
                 : std::fmod(0.5 + kGolden * (view + views * frame), 1.0);
        Orbit orbit;
        orbit.radius = options.radius;
        orbit.azimuth_degrees =
            360 * (static_cast<double>(view) / views + turn);
        orbit.elevation_degrees = -50 + 80 * height;
        PosedImage& posed = dataset.images[index];
        posed.name = absl::StrFormat("%s/r_%03d.png", split, index);
        posed.camera = OrbitCamera(orbit, intrinsics);
        posed.time = options.frames > 1
                         ? static_cast<double>(frame) / (options.frames - 1)
                         : 0.0;
      }
    }
    ParallelFor(static_cast<int64_t>(dataset.images.size()), 1,
                [&](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) {
                    dataset.images[i].image = scene.Render(
                        dataset.images[i].camera,
                        static_cast<double>(i / views) / options.frames,
                        options.samples_per_side);
                  }
                });
    return WriteBlenderDataset(folder, split, dataset);
  };
  DG4D_RETURN_IF_ERROR(write("train", options.train_views, false));
  return write("test", options.test_views, true);
}

}  // namespace dg4d
