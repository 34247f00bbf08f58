#include "dg4d/geometry/inflation/motion.h"

#include <limits>
#include <numbers>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dg4d::inflation {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kRadians = kPi / 180;

double Sine(double t) { return std::sin(2 * kPi * t); }
double Lift(double t) { return (1 - std::cos(2 * kPi * t)) / 2; }

// The curve whose tangent leans by angle q^1.3 at arc length q, from the
// origin upwards: (across, along) for q in [0, kEnd], in units of the height.
class Arc {
 public:
  static constexpr double kEnd = 1.15;

  explicit Arc(double angle) {
    const auto lean = [&](int i) {
      return angle * std::pow(kEnd * i / kSamples, 1.3);
    };
    for (int i = 1; i <= kSamples; ++i) {
      const double a = lean(i - 1), b = lean(i), step = kEnd / kSamples;
      across_[i] = across_[i - 1] + 0.5 * step * (std::sin(a) + std::sin(b));
      along_[i] = along_[i - 1] + 0.5 * step * (std::cos(a) + std::cos(b));
    }
  }

  std::array<double, 2> At(double q) const {
    const double position = q / kEnd * kSamples;
    const int i = std::min(static_cast<int>(position), kSamples - 1);
    const double t = position - i;
    return {across_[i] * (1 - t) + across_[i + 1] * t,
            along_[i] * (1 - t) + along_[i + 1] * t};
  }

 private:
  static constexpr int kSamples = 128;
  double across_[kSamples + 1] = {};
  double along_[kSamples + 1] = {};
};

struct Bounds {
  double low_x = std::numeric_limits<double>::infinity(), low_y = low_x;
  double high_x = -low_x, high_y = -low_x;

  void Include(const std::array<double, 2>& p) {
    low_x = std::min(low_x, p[0]);
    high_x = std::max(high_x, p[0]);
    low_y = std::min(low_y, p[1]);
    high_y = std::max(high_y, p[1]);
  }
  bool Contains(const Bounds& other) const {
    return low_x <= other.low_x && low_y <= other.low_y &&
           high_x >= other.high_x && high_y >= other.high_y;
  }
};

}  // namespace

const std::vector<Motion::Named>& Motion::All() {
  static const auto& all = *new std::vector<Named>{
      {"idle", &Motion::Idle},     {"dance", &Motion::Dance},
      {"twist", &Motion::Twist},   {"wave", &Motion::Wave},
      {"sway", &Motion::Sway},     {"hop", &Motion::Hop},
      {"nod", &Motion::Nod},       {"squash", &Motion::Squash},
      {"turn", &Motion::Turn},     {"breathe", &Motion::Breathe},
      {"wobble", &Motion::Wobble},
  };
  return all;
}

absl::StatusOr<Motion> Motion::Create(const Inflation& inflation,
                                      const std::string& name,
                                      double amplitude) {
  for (const Named& named : All()) {
    if (name != named.name) continue;
    Motion motion(inflation);
    motion.step_ = named.step;
    motion.amplitude_ = amplitude;
    return motion;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no motion named '", name,
                   "'; there are: ", absl::StrJoin(MotionNames(), ", ")));
}

std::vector<std::string> MotionNames() {
  return {"idle", "dance",  "twist", "wave",    "sway",  "hop",
          "nod",  "squash", "turn",  "breathe", "wobble"};
}

Motion::Motion(const Inflation& inflation) : inflation_(&inflation) {
  const ReferenceFrame& frame = inflation.frame;
  const Mask mask = inflation.cutout.mask();
  int top = mask.height, bottom = -1;
  double sum_x = 0;
  int count = 0;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!mask(y, x)) continue;
      top = std::min(top, y);
      bottom = y;
      sum_x += x;
      ++count;
    }
  }
  const int rows = bottom - top + 1;
  std::vector<int> foot;
  for (int y = bottom; y > bottom - 0.06 * rows; --y) {
    for (int x = 0; x < mask.width; ++x) {
      if (mask(y, x)) foot.push_back(x);
    }
  }
  const auto middle = foot.begin() + foot.size() / 2;
  std::nth_element(foot.begin(), middle, foot.end());
  bottom_ = frame.OnRay(0, bottom + 0.5, 0)[1];
  height_ = frame.OnRay(0, top - 0.5, 0)[1] - bottom_;
  foot_x_ = frame.OnRay(*middle, 0, 0)[0];
  centre_x_ = frame.OnRay(sum_x / count, 0, 0)[0];

  limbs_ = FindLimbs(mask, inflation.heights);
  for (const Limb& limb : limbs_) {
    std::vector<float>& weights = limb_weights_.emplace_back();
    for (const auto& [x, y] : inflation.surface.pixels) {
      weights.push_back(Sample(limb.weight, x, y));
    }
  }
}

Motion::Vertices Motion::At(double phase) const {
  Vertices vertices = inflation_->surface.vertices;
  const double t = phase - std::floor(phase);
  if (t > 0) (this->*step_)(t, vertices);
  return vertices;
}

void Motion::FitToPicture(int count) {
  constexpr double kMargin = 0.02;
  constexpr int kMostTimes = 6;
  const ReferenceFrame& frame = inflation_->frame;
  const auto extent = [&](const Vertices& vertices, Bounds& bounds) {
    for (const Vector& vertex : vertices) bounds.Include(frame.Project(vertex));
  };
  Bounds allowed;
  const double low = kMargin * frame.size - 0.5;
  const double high = (1 - kMargin) * frame.size - 0.5;
  allowed.Include({low, low});
  allowed.Include({high, high});
  extent(inflation_->surface.vertices, allowed);
  for (int time = 0; time < kMostTimes; ++time) {
    Bounds reached;
    for (int i = 0; i < count; ++i) extent(At(double(i) / count), reached);
    if (allowed.Contains(reached)) return;
    amplitude_ *= 0.8;
  }
}

void Motion::Idle(double t, Vertices& vertices) const {
  SwingLimbs(14 * amplitude_, t, vertices);
  Swell(0.05 * amplitude_ * Lift(t), vertices);
  Rotate(10 * amplitude_ * Sine(t), Yaw::kGrowing, vertices);
  Bend(7 * amplitude_ * Sine(t), 0, vertices);
}

void Motion::Dance(double t, Vertices& vertices) const {
  const double beat = Sine(2 * t);
  SwingLimbs(20 * amplitude_, 2 * t, vertices);
  Stretch(1 - 0.05 * amplitude_ * beat * beat, vertices);
  Rotate(16 * amplitude_ * Sine(t), Yaw::kGrowing, vertices);
  Bend(11 * amplitude_ * Sine(t), 0, vertices);
}

void Motion::Twist(double t, Vertices& vertices) const {
  Rotate(22 * amplitude_ * Sine(t), Yaw::kGrowing, vertices);
}

void Motion::Wave(double t, Vertices& vertices) const {
  SwingLimbs(20 * amplitude_, t, vertices);
}

void Motion::Sway(double t, Vertices& vertices) const {
  Bend(16 * amplitude_ * Sine(t), 0, vertices);
}

// Crouch, leap, land. The amplitude is that of the leap alone.
void Motion::Hop(double t, Vertices& vertices) const {
  if (t < 0.2) {
    Stretch(1 - 0.13 * std::sin(5 * kPi * t), vertices);
  } else if (t < 0.6) {
    const double w = (t - 0.2) / 0.4;
    Stretch(1 + 0.07 * std::sin(kPi * w), vertices);
    const double rise = 0.10 * amplitude_ * height_ * 4 * w * (1 - w);
    for (Vector& vertex : vertices) vertex[1] += rise;
  } else {
    const double w = (t - 0.6) / 0.4;
    Stretch(1 - 0.15 * std::exp(-3.2 * w) * std::sin(2 * kPi * w), vertices);
  }
}

void Motion::Nod(double t, Vertices& vertices) const {
  Bend(14 * amplitude_ * Lift(t), 2, vertices);
}

void Motion::Squash(double t, Vertices& vertices) const {
  Stretch(1 - 0.10 * amplitude_ * Sine(t), vertices);
}

void Motion::Turn(double t, Vertices& vertices) const {
  Rotate(18 * amplitude_ * Sine(t), Yaw::kEven, vertices);
}

void Motion::Breathe(double t, Vertices& vertices) const {
  Swell(0.07 * amplitude_ * Lift(t), vertices);
}

// A wave that runs upwards, less what it is at rest.
void Motion::Wobble(double t, Vertices& vertices) const {
  for (Vector& vertex : vertices) {
    const double m = std::clamp(Level(vertex[1]), 0.0, 1.1);
    vertex[0] += 0.03 * amplitude_ * height_ * std::pow(m, 1.2) *
                 (Sine(t - 0.6 * m) + Sine(0.6 * m));
  }
}

void Motion::Rotate(double degrees, Yaw yaw, Vertices& vertices) const {
  for (Vector& vertex : vertices) {
    double angle = degrees * kRadians;
    if (yaw == Yaw::kGrowing) {
      const double n = std::clamp(Level(vertex[1]), 0.0, 1.0);
      angle *= n * n * (3 - 2 * n);
    }
    const double x = vertex[0] - centre_x_, z = vertex[2];
    vertex[0] = centre_x_ + x * std::cos(angle) + z * std::sin(angle);
    vertex[2] = -x * std::sin(angle) + z * std::cos(angle);
  }
}

void Motion::Bend(double degrees, int axis, Vertices& vertices) const {
  const double angle = degrees * kRadians;
  const Arc arc(angle);
  const double foot = axis == 0 ? foot_x_ : 0;
  for (Vector& vertex : vertices) {
    const double n = Level(vertex[1]);
    const double q = std::clamp(n, 0.0, Arc::kEnd);
    const double lean = angle * std::pow(q, 1.3);
    const auto [across, along] = arc.At(q);
    const double offset = vertex[axis] - foot;
    const double beyond = (n - q) * height_;
    vertex[axis] = foot + across * height_ + offset * std::cos(lean) +
                   beyond * std::sin(lean);
    vertex[1] = bottom_ + along * height_ - offset * std::sin(lean) +
                beyond * std::cos(lean);
  }
}

void Motion::Stretch(double factor, Vertices& vertices) const {
  const double across = 1 / std::sqrt(factor);
  for (Vector& vertex : vertices) {
    vertex[0] = centre_x_ + (vertex[0] - centre_x_) * across;
    vertex[1] = bottom_ + (vertex[1] - bottom_) * factor;
    vertex[2] *= across;
  }
}

void Motion::Swell(double gain, Vertices& vertices) const {
  for (Vector& vertex : vertices) {
    const double n = Level(vertex[1]);
    const double d = (n - 0.5) / 0.28;
    const double b = std::exp(-d * d);
    const double m = std::clamp(1.4 * n, 0.0, 1.0);
    const double lifted = m * m * (3 - 2 * m);
    vertex[0] = centre_x_ + (vertex[0] - centre_x_) * (1 + 0.5 * gain * b);
    vertex[1] = bottom_ + (vertex[1] - bottom_) * (1 + 0.35 * gain * lifted);
    vertex[2] *= 1 + 1.5 * gain * b;
  }
}

void Motion::SwingLimbs(double degrees, double t, Vertices& vertices) const {
  const ReferenceFrame& frame = inflation_->frame;
  for (size_t k = 0; k < limbs_.size(); ++k) {
    const Limb& limb = limbs_[k];
    if (limb.anchored) continue;
    const Vector pivot = frame.OnRay(limb.pivot[0], limb.pivot[1], 0);
    const double tip_x = frame.OnRay(limb.tip[0], 0, 0)[0];
    const double side = tip_x < centre_x_ ? -1 : 1;
    // A long tail swings through a smaller angle.
    const double most = std::min(degrees * kRadians,
                                 0.15 * height_ / (limb.length * frame.pixel));
    for (size_t i = 0; i < vertices.size(); ++i) {
      const double weight = limb_weights_[k][i];
      if (weight == 0) continue;
      Vector& vertex = vertices[i];
      const double angle = side * most * Sine(t) * weight;
      const double x = vertex[0] - pivot[0], y = vertex[1] - pivot[1];
      vertex[0] = pivot[0] + x * std::cos(angle) - y * std::sin(angle);
      vertex[1] = pivot[1] + x * std::sin(angle) + y * std::cos(angle);
      vertex[2] += 0.35 * most * Lift(t) * weight * std::hypot(x, y);
    }
  }
}

}  // namespace dg4d::inflation
