#ifndef DG4D_GEOMETRY_INFLATION_MEASURES_H_
#define DG4D_GEOMETRY_INFLATION_MEASURES_H_

#include <string>
#include <vector>

#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/proxy_renderer.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"

namespace dg4d::inflation {

// How good an inflation is: a number and the range in which it is accepted.
struct Measure {
  std::string name;
  double value;
  double low, high;  // -infinity and infinity: reported only

  bool accepted() const { return value >= low && value <= high; }
};

// The acceptance measures of a still proxy. `camera` sees the picture.
std::vector<Measure> MeasureInflation(const Inflation& inflation,
                                      const Image& picture,
                                      const Camera& camera);

// One line a measure: name, value, range, and whether it is accepted.
std::string MeasureTable(const std::vector<Measure>& measures);

// What the proxy looks like, three rows of five views on white: the picture and
// azimuths 0, 30, 60, 90; 180, 150, -60, -90 and 30 from 25 degrees above; the
// bare surface at 0, 35, 65, 90 and 30 from above.
Image ContactSheet(const Inflation& inflation, const Image& picture,
                   const Camera& camera);

// Rows of equally large images.
Image Tile(const std::vector<std::vector<Image>>& rows);

// `mesh` in grey, lit from `camera`.
Image RenderBare(const Mesh& mesh, const Camera& camera);

// `camera` moved around the origin.
Camera TurnedCamera(const Camera& camera, double azimuth_degrees,
                    double elevation_degrees = 0);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_MEASURES_H_
