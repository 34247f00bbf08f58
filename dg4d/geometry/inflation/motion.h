#ifndef DG4D_GEOMETRY_INFLATION_MOTION_H_
#define DG4D_GEOMETRY_INFLATION_MOTION_H_

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/limbs.h"

namespace dg4d::inflation {

// Motions by name, the most useful first: idle, dance, twist, wave, sway, hop,
// nod, squash, turn, breathe, wobble.
std::vector<std::string> MotionNames();

// A deformation of space that returns to where it began, applied to the surface
// of an inflation: phase 0 and phase 1 are the surface at rest.
class Motion {
 public:
  using Vertices = std::vector<std::array<double, 3>>;  // ReferenceFrame

  // `amplitude` 1 is the motion as meant, 0 none. InvalidArgument names the
  // motions if there is none called `name`. `inflation` must outlive this.
  static absl::StatusOr<Motion> Create(const Inflation& inflation,
                                       const std::string& name,
                                       double amplitude);

  // The surface's vertices at `phase`, in cycles.
  Vertices At(double phase) const;

  // Lowers the amplitude, by up to 6 times a fifth, until at the `count` phases
  // 0, 1 / count, ... the reference camera sees every vertex: within the
  // picture less a margin of 2 %, or where the surface at rest reaches further,
  // within that.
  void FitToPicture(int count);

  double amplitude() const { return amplitude_; }
  double height() const { return height_; }  // of the object, world units
  const std::vector<Limb>& limbs() const { return limbs_; }

 private:
  using Vector = std::array<double, 3>;
  using Step = void (Motion::*)(double phase, Vertices& vertices) const;
  struct Named {
    const char* name;
    Step step;
  };
  static const std::vector<Named>& All();

  explicit Motion(const Inflation& inflation);

  // Each motion in terms of the deformations below; angles in degrees.
  void Idle(double t, Vertices& vertices) const;
  void Dance(double t, Vertices& vertices) const;
  void Twist(double t, Vertices& vertices) const;
  void Wave(double t, Vertices& vertices) const;
  void Sway(double t, Vertices& vertices) const;
  void Hop(double t, Vertices& vertices) const;
  void Nod(double t, Vertices& vertices) const;
  void Squash(double t, Vertices& vertices) const;
  void Turn(double t, Vertices& vertices) const;
  void Breathe(double t, Vertices& vertices) const;
  void Wobble(double t, Vertices& vertices) const;

  // About the vertical axis through the object, more the higher, or evenly.
  enum class Yaw { kGrowing, kEven };
  void Rotate(double degrees, Yaw yaw, Vertices& vertices) const;
  // An arc that starts upright at the feet, sideways (axis 0) or towards the
  // camera (axis 2).
  void Bend(double degrees, int axis, Vertices& vertices) const;
  // Along the height, keeping the volume.
  void Stretch(double factor, Vertices& vertices) const;
  // Swells the middle by `gain` and lifts what is above.
  void Swell(double gain, Vertices& vertices) const;
  // Swings the limbs that do not stand on the ground about their pivots.
  void SwingLimbs(double degrees, double t, Vertices& vertices) const;

  // 0 at the bottom of the object, 1 at its top.
  double Level(double y) const { return (y - bottom_) / height_; }

  const Inflation* inflation_;
  Step step_ = nullptr;
  double amplitude_ = 1;
  double bottom_ = 0, height_ = 1;  // world units
  double foot_x_ = 0, centre_x_ = 0;
  std::vector<Limb> limbs_;
  std::vector<std::vector<float>> limb_weights_;  // [limbs][vertices]
};

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_MOTION_H_
