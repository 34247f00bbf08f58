#include "dg4d/geometry/inflation/surface_gaussians.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

using Vector = std::array<double, 3>;

constexpr double kSteepest = 1.8;  // slope up to which squares cover
constexpr double kOpacity = 0.95;

Vector Minus(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
double Dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
Vector Cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
          a[0] * b[1] - a[1] * b[0]};
}
Vector Times(const Vector& a, double f) {
  return {a[0] * f, a[1] * f, a[2] * f};
}
Vector Plus(const Vector& a, const Vector& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
Vector Unit(const Vector& a) {
  const double length = std::sqrt(Dot(a, a));
  return length > 0 ? Times(a, 1 / length) : Vector{0, 0, 1};
}

// w, x, y, z of the rotation with these columns (right-handed, orthonormal).
std::array<double, 4> Quaternion(const Vector& a, const Vector& b,
                                 const Vector& c) {
  const double m[3][3] = {
      {a[0], b[0], c[0]}, {a[1], b[1], c[1]}, {a[2], b[2], c[2]}};
  const double trace = m[0][0] + m[1][1] + m[2][2];
  if (trace > 0) {
    const double s = 2 * std::sqrt(trace + 1);
    return {s / 4, (m[2][1] - m[1][2]) / s, (m[0][2] - m[2][0]) / s,
            (m[1][0] - m[0][1]) / s};
  }
  int i = 0;
  if (m[1][1] > m[0][0]) i = 1;
  if (m[2][2] > m[i][i]) i = 2;
  const int j = (i + 1) % 3, k = (i + 2) % 3;
  const double s = 2 * std::sqrt(1 + m[i][i] - m[j][j] - m[k][k]);
  std::array<double, 4> q;
  q[0] = (m[k][j] - m[j][k]) / s;
  q[1 + i] = s / 4;
  q[1 + j] = (m[j][i] + m[i][j]) / s;
  q[1 + k] = (m[k][i] + m[i][k]) / s;
  return q;
}

struct Disc {
  Vector centre;     // ReferenceFrame
  Vector tangent_x;  // its covariance is tangent_x tangent_x' +
  Vector tangent_y;  // tangent_y tangent_y' + thickness^2 n n'
  double thickness;
  Rgb colour;
};

class Builder {
 public:
  Builder(const Inflation& inflation, const SurfaceGaussianOptions& options)
      : in_(inflation),
        options_(options),
        frame_(inflation.frame),
        unit_(std::max(1, static_cast<int>(std::lround(frame_.size / 256.0)))),
        mask_(inflation.cutout.mask()),
        lab_(LabFromRgb(inflation.front)),
        back_lab_(LabFromRgb(inflation.back)) {}

  std::vector<Disc> Build() {
    AddSquares(/*front=*/true, unit_, in_.front, lab_);
    AddSquares(/*front=*/false, 2 * unit_, in_.back, back_lab_);
    AddRim();
    return std::move(discs_);
  }

 private:
  void AddSquares(bool front, int smallest, const RgbPlane& colours,
                  const RgbPlane& lab) {
    const RgbPlane levels[3] = {colours, Blur(colours, 0.7 * unit_),
                                Blur(colours, 1.4 * unit_)};
    const int largest = 4 * unit_;
    for (int y = 0; y < frame_.size; y += largest) {
      for (int x = 0; x < frame_.size; x += largest) {
        AddSquare(front, x, y, largest, smallest, levels, lab);
      }
    }
  }

  void AddSquare(bool front, int x, int y, int size, int smallest,
                 const RgbPlane (&levels)[3], const RgbPlane& lab) {
    const double inside = ShareInside(x, y, size);
    if (inside == 0) return;
    if (size > smallest && (inside < 1 || Varies(x, y, size, lab))) {
      const int half = size / 2;
      for (int i = 0; i < 4; ++i) {
        AddSquare(front, x + i % 2 * half, y + i / 2 * half, half, smallest,
                  levels, lab);
      }
      return;
    }
    if (inside < 0.5) return;
    const int level = size == unit_ ? 0 : size == 2 * unit_ ? 1 : 2;
    AddLeaf(front, x + (size - 1) / 2.0, y + (size - 1) / 2.0, size,
            levels[level]);
  }

  double ShareInside(int x0, int y0, int size) const {
    int inside = 0;
    for (int y = y0; y < y0 + size; ++y) {
      for (int x = x0; x < x0 + size; ++x) {
        inside += mask_.contains(y, x) && mask_(y, x);
      }
    }
    return double(inside) / (size * size);
  }

  bool Varies(int x0, int y0, int size, const RgbPlane& lab) const {
    std::array<double, 3> sum = {}, squares = {};
    double low = 1e9, high = 0;
    for (int y = y0; y < y0 + size; ++y) {
      for (int x = x0; x < x0 + size; ++x) {
        for (int c = 0; c < 3; ++c) {
          sum[c] += lab(y, x)[c];
          squares[c] += double(lab(y, x)[c]) * lab(y, x)[c];
        }
        const double height = in_.heights.Height(x, y);
        low = std::min(low, height);
        high = std::max(high, height);
      }
    }
    const double n = size * size;
    double variance = 0;
    for (int c = 0; c < 3; ++c) {
      variance += squares[c] / n - (sum[c] / n) * (sum[c] / n);
    }
    return variance > options_.colour_tolerance * options_.colour_tolerance ||
           high - low > size;
  }

  void AddLeaf(bool front, double x, double y, int size,
               const RgbPlane& colours) {
    const double step = 0.5 * size;
    const double h = in_.heights.Height(x, y);
    const double slope_x =
        (in_.heights.Height(x + step, y) - in_.heights.Height(x - step, y)) /
        (2 * step);
    const double slope_y =
        (in_.heights.Height(x, y + step) - in_.heights.Height(x, y - step)) /
        (2 * step);
    if (std::hypot(slope_x, slope_y) >= kSteepest) return;
    const double z = h * frame_.pixel;
    Vector centre = frame_.OnRay(x, y, z);
    if (!front) {
      centre =
          BackPoint(frame_, x, y, z, Sample(in_.surface.straightness, x, y));
    }
    const double side = front ? 1 : -1;
    const double pixel = frame_.pixel * (1 - centre[2] / frame_.radius);
    const double half = Narrowed(0.5 * size) * pixel;
    const Vector tangent_x = Times({1, 0, side * slope_x}, half);
    const Vector tangent_y = Times({0, -1, side * slope_y}, half);
    // Tangents run right and down the picture: their product points away from
    // the camera.
    const Vector outward =
        Times(Unit(Cross(tangent_x, tangent_y)), front ? -1 : 1);
    centre = Plus(centre, Times(outward, -0.1 * size * frame_.pixel));
    discs_.push_back(
        {centre, tangent_x, tangent_y, 0.25 * half, Sample(colours, x, y)});
  }

  // One disc for each spacing^2 of area, at even steps of the area added up
  // triangle by triangle; where in its triangle, by a sequence that spreads.
  void AddRim() {
    const double spacing = options_.rim_spacing * unit_ * frame_.pixel;
    const Plane<float> reach = LocalRadius();
    double area = 0;
    int64_t placed = 0;
    for (size_t t = 0; t < in_.surface.triangles.size(); ++t) {
      const auto& corners = in_.surface.triangles[t];
      const Vector& a = in_.surface.vertices[corners[0]];
      const Vector edge_b = Minus(in_.surface.vertices[corners[1]], a);
      const Vector edge_c = Minus(in_.surface.vertices[corners[2]], a);
      const Vector normal = Cross(edge_b, edge_c);
      if (!in_.surface.IsWall(static_cast<int>(t)) &&
          std::hypot(normal[0], normal[1]) < kSteepest * std::abs(normal[2])) {
        continue;
      }
      area += 0.5 * std::sqrt(Dot(normal, normal));
      while (area > (placed + 0.5) * spacing * spacing) {
        AddRimDisc(corners, Unit(normal), placed++, reach);
      }
    }
  }

  void AddRimDisc(const std::array<int, 3>& corners, const Vector& outward,
                  int64_t index, const Plane<float>& reach) {
    double u = std::fmod(0.7548776662 * index, 1.0);
    double v = std::fmod(0.5698402910 * index, 1.0);
    if (u + v > 1) {
      u = 1 - u;
      v = 1 - v;
    }
    const double weights[3] = {1 - u - v, u, v};
    Vector centre = {0, 0, 0};
    double x = 0, y = 0, front = 0;
    for (int k = 0; k < 3; ++k) {
      const int vertex = corners[k];
      centre = Plus(centre, Times(in_.surface.vertices[vertex], weights[k]));
      x += weights[k] * in_.surface.pixels[vertex][0];
      y += weights[k] * in_.surface.pixels[vertex][1];
      front += weights[k] * (vertex < in_.surface.sheet_vertices());
    }
    const double inset =
        std::min((0.55 + 2.5 * options_.low_pass) * unit_,
                 0.6 * Sample(reach, 2 * x + 0.5, 2 * y + 0.5));
    centre = Plus(centre, Times(outward, -inset * frame_.pixel));
    const Vector side =
        std::abs(outward[1]) < 0.9 ? Vector{0, 1, 0} : Vector{1, 0, 0};
    const double sigma =
        Narrowed(0.6 * options_.rim_spacing * unit_) * frame_.pixel;
    const Vector tangent_x = Times(Unit(Cross(side, outward)), sigma);
    const Vector tangent_y = Times(Unit(Cross(outward, tangent_x)), sigma);
    const Rgb f = Sample(in_.front, x, y), b = Sample(in_.back, x, y);
    Rgb colour;
    for (int c = 0; c < 3; ++c) {
      colour[c] = static_cast<float>(b[c] + (f[c] - b[c]) * front);
    }
    discs_.push_back({centre, tangent_x, tangent_y, 0.2 * sigma, colour});
  }

  // A standard deviation (pixels) less what the renderer's low-pass adds beyond
  // that for which the sizes of squares and discs were chosen.
  double Narrowed(double sigma) const {
    constexpr double kChosenFor = 0.1;  // pixels^2
    const double variance = sigma * sigma - (options_.low_pass - kChosenFor);
    return std::sqrt(std::max(variance, 0.04 * sigma * sigma));
  }

  // Half the thickness of the part that a point of the rim belongs to: no disc
  // may be set back through it.
  Plane<float> LocalRadius() const {
    Plane<float> negated = in_.heights.inscribed;
    for (float& value : negated.values) value = -value;
    Plane<float> radius = MinimumFilter(negated, 4 * unit_);
    for (float& value : radius.values) value = std::max(0.0f, -value);
    return radius;
  }

  const Inflation& in_;
  const SurfaceGaussianOptions& options_;
  const ReferenceFrame& frame_;
  const int unit_;  // pixels of the geometry to one of 256
  const Mask mask_;
  const RgbPlane lab_, back_lab_;
  std::vector<Disc> discs_;
};

// Directions and standard deviations in the plane of the disc.
struct Axes {
  Vector x, y, normal;
  double sigma_x, sigma_y;
};

Axes PrincipalAxes(const Disc& disc) {
  Axes axes;
  axes.normal = Unit(Cross(disc.tangent_x, disc.tangent_y));
  const Vector e = Unit(disc.tangent_x);
  const Vector f = Cross(axes.normal, e);
  const double a = Dot(disc.tangent_x, e), b = Dot(disc.tangent_y, e);
  const double c = Dot(disc.tangent_y, f);
  // [[a b] [0 c]] times its transpose.
  const double xx = a * a + b * b, xy = b * c, yy = c * c;
  const double angle = 0.5 * std::atan2(2 * xy, xx - yy);
  const double middle = 0.5 * (xx + yy);
  const double spread = std::hypot(0.5 * (xx - yy), xy);
  axes.x = Plus(Times(e, std::cos(angle)), Times(f, std::sin(angle)));
  axes.y = Cross(axes.normal, axes.x);
  axes.sigma_x = std::sqrt(middle + spread);
  axes.sigma_y = std::sqrt(std::max(middle - spread, 1e-16));
  return axes;
}

}  // namespace

absl::Status SurfaceGaussianOptions::Validate() const {
  if (!(low_pass >= 0) || !(colour_tolerance > 0) || !(rim_spacing >= 0.5)) {
    return absl::InvalidArgumentError(
        "low_pass must not be negative, colour_tolerance positive and "
        "rim_spacing at least 0.5");
  }
  return absl::OkStatus();
}

Gaussians SurfaceGaussians(const Inflation& inflation,
                           const SurfaceGaussianOptions& options) {
  const std::vector<Disc> discs = Builder(inflation, options).Build();
  const int64_t n = static_cast<int64_t>(discs.size());
  const ReferenceFrame& frame = inflation.frame;
  const auto world = [&](const Vector& d) {
    Vector result;
    for (int i = 0; i < 3; ++i) {
      result[i] =
          frame.right[i] * d[0] + frame.up[i] * d[1] + frame.back[i] * d[2];
    }
    return result;
  };
  Gaussians gaussians;
  gaussians.means = at::empty({n, 3}, at::kFloat);
  gaussians.quaternions = at::empty({n, 4}, at::kFloat);
  gaussians.log_scales = at::empty({n, 3}, at::kFloat);
  gaussians.opacity_logits = at::empty({n, 1}, at::kFloat);
  at::Tensor rgb = at::empty({n, 3}, at::kFloat);
  gaussians.opacity_logits.fill_(std::log(kOpacity / (1 - kOpacity)));
  float* mean = gaussians.means.data_ptr<float>();
  float* quaternion = gaussians.quaternions.data_ptr<float>();
  float* scale = gaussians.log_scales.data_ptr<float>();
  float* colour = rgb.data_ptr<float>();
  for (const Disc& disc : discs) {
    const Axes axes = PrincipalAxes(disc);
    for (const double value : frame.World(disc.centre)) *mean++ = value;
    for (const double value :
         Quaternion(world(axes.x), world(axes.y), world(axes.normal))) {
      *quaternion++ = value;
    }
    for (const double sigma : {axes.sigma_x, axes.sigma_y, disc.thickness}) {
      *scale++ = std::log(sigma);
    }
    for (const float value : disc.colour) {
      *colour++ = std::clamp(value, 0.0f, 1.0f);
    }
  }
  gaussians.sh = ShFromRgb(rgb);
  return gaussians;
}

}  // namespace dg4d::inflation
