#ifndef DG4D_GEOMETRY_INFLATION_FILTERS_H_
#define DG4D_GEOMETRY_INFLATION_FILTERS_H_

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// Gaussian blur with reflected borders, cut at 4 standard deviations.
Plane<float> Blur(const Plane<float>& plane, double sigma);
RgbPlane Blur(const RgbPlane& plane, double sigma);

// Blurred values of the pixels of `within` divided by the blurred mask: no
// value from outside `within` takes part. `weight`, if given, receives the
// blurred mask; where it is below 1e-6 the value stays.
Plane<float> BlurWithin(const Plane<float>& plane, const Mask& within,
                        double sigma, Plane<float>* weight = nullptr);
RgbPlane BlurWithin(const RgbPlane& plane, const Mask& within, double sigma,
                    Plane<float>* weight = nullptr);

// Every pixel outside `known` takes the value of the nearest known pixel.
// Nothing changes if no pixel is known.
void ExtendNearest(const Mask& known, Plane<float>& plane);
void ExtendNearest(const Mask& known, RgbPlane& plane);

// Bilinear to another size, between pixel centres.
Plane<float> ResizeBilinear(const Plane<float>& plane, int height, int width);
RgbPlane ResizeBilinear(const RgbPlane& plane, int height, int width);

// With the 3x3 cross. Beyond the border counts as set for Erode, unset for
// Dilate.
Mask ErodeCross(const Mask& mask);
Mask DilateCross(const Mask& mask);
inline Mask OpenCross(const Mask& mask) {
  return DilateCross(ErodeCross(mask));
}

// `mask` with every hole (background that does not reach the border) filled.
Mask FillHoles(const Mask& mask);

// Connected components of the set pixels: labels 1..count, 0 outside.
struct Components {
  int count = 0;
  Plane<int> labels;
  std::vector<int> areas;  // [count + 1]; areas[0] is the outside
};
enum class Connectivity { kFour = 4, kEight = 8 };
Components ConnectedComponents(const Mask& mask, Connectivity connectivity);

// The smallest value of the square of `radius` around each pixel.
Plane<float> MinimumFilter(const Plane<float>& plane, int radius);

// CIE L*a*b* (D65) of sRGB in [0, 1]; L in 0..100.
RgbPlane LabFromRgb(const RgbPlane& rgb);
Rgb LabFromRgb(const Rgb& rgb);

// Averages `colours` along the contour of `mask`: over the outermost `width`
// pixels they turn into the blurred (`sigma`) colours of the rim. Outside the
// mask the rim's colours continue as far as the blur reaches.
RgbPlane SmoothRim(const RgbPlane& colours, const Mask& mask,
                   const Plane<float>& distance_inside, double width,
                   double sigma);

inline float SquaredDifference(const Rgb& a, const Rgb& b) {
  const float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_FILTERS_H_
