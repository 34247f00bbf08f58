#ifndef DG4D_TESTDATA_PAINT_H_
#define DG4D_TESTDATA_PAINT_H_

#include <functional>

#include "testdata/ray_march.h"

namespace dg4d::pictures {

inline constexpr float kPi = 3.14159265f;

// One colour everywhere.
std::function<Vec(Vec)> Plain(Vec colour);

// Sharp to about a pixel: 1 inside, where `d` < 0.
float Ink(float d);

// 1 on one of two alternating stripes of `width` along `coordinate`.
float Stripes(float coordinate, float width);

// Distance from a stroke of half width `half` between two points of a plane.
float Stroke(float x, float y, Vec a, Vec b, float half);

// Adds an eye: dark and glossy with a painted light.
void AddEye(Picture& picture, Vec center, Vec radii);

}  // namespace dg4d::pictures

#endif  // DG4D_TESTDATA_PAINT_H_
