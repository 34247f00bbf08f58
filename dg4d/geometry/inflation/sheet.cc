#include "dg4d/geometry/inflation/sheet.h"

namespace dg4d::inflation {
namespace {

constexpr float kLevel = 0.5f;
constexpr double kNearest = 0.02;  // pixels between a contour and a grid point

class Builder {
 public:
  explicit Builder(const Plane<float>& alpha)
      : alpha_(alpha),
        grid_points_(alpha.height + 2, alpha.width + 2, -1),
        right_crossings_(alpha.height + 2, alpha.width + 2, -1),
        down_crossings_(alpha.height + 2, alpha.width + 2, -1) {}

  Sheet Build() {
    for (int y = -1; y < alpha_.height; ++y) {
      for (int x = -1; x < alpha_.width; ++x) AddCell(y, x);
    }
    return std::move(sheet_);
  }

 private:
  struct Corner {
    int y, x;
  };
  struct Vertex {
    int index;
    bool crossing;
  };

  float Value(const Corner& c) const {
    return alpha_.contains(c.y, c.x) ? alpha_(c.y, c.x) : 0;
  }
  bool Inside(const Corner& c) const { return Value(c) > kLevel; }

  int AddPoint(double x, double y) {
    sheet_.points.push_back({x, y});
    return static_cast<int>(sheet_.points.size()) - 1;
  }

  Vertex GridPoint(const Corner& c) {
    int& index = grid_points_(c.y + 1, c.x + 1);
    if (index < 0) index = AddPoint(c.x, c.y);
    return {index, false};
  }

  Vertex Crossing(Corner a, Corner b) {
    if (a.y > b.y || a.x > b.x) std::swap(a, b);
    int& index = a.y == b.y ? right_crossings_(a.y + 1, a.x + 1)
                            : down_crossings_(a.y + 1, a.x + 1);
    if (index < 0) {
      const double from = Value(a), to = Value(b);
      const double t =
          std::clamp((kLevel - from) / (to - from), kNearest, 1 - kNearest);
      index = AddPoint(a.x + t * (b.x - a.x), a.y + t * (b.y - a.y));
    }
    return {index, true};
  }

  void AddTriangle(int a, int b, int c) {
    sheet_.triangles.push_back({a, b, c});
  }

  // Convex, counter-clockwise, `apex` being the common corner of its triangles.
  void AddPolygon(const std::vector<Vertex>& polygon, int apex) {
    const int n = static_cast<int>(polygon.size());
    const auto at = [&](int i) { return polygon[(apex + i) % n].index; };
    for (int i = 1; i + 1 < n; ++i) AddTriangle(at(0), at(i), at(i + 1));
    for (int i = 0; i < n; ++i) {
      const Vertex &from = polygon[i], &to = polygon[(i + 1) % n];
      if (from.crossing && to.crossing) {
        sheet_.contour.push_back({from.index, to.index});
      }
    }
  }

  // Whether two opposite inside corners hang together: alpha interpolated to
  // the middle of the cell says so. Diagonal lines then stay whole.
  bool Joined(const Corner (&corners)[4]) const {
    float total = 0;
    for (const Corner& c : corners) total += Value(c);
    return total / 4 > kLevel - 1e-4f;
  }

  void AddBridge(const Corner (&corners)[4]) {
    const int first = Inside(corners[0]) ? 0 : 1;
    std::vector<Vertex> polygon;
    for (int i = first; i < 4; i += 2) {
      const Corner &here = corners[i], &next = corners[(i + 1) % 4];
      polygon.push_back(GridPoint(here));
      polygon.push_back(Crossing(here, next));
      polygon.push_back(Crossing(corners[(i + 2) % 4], next));
    }
    AddPolygon(polygon, 0);
  }

  void AddCell(int y, int x) {
    // Counter-clockwise on the screen from the top left.
    const Corner corners[4] = {{y, x}, {y + 1, x}, {y + 1, x + 1}, {y, x + 1}};
    int inside = 0;
    for (const Corner& c : corners) inside += Inside(c);
    if (inside == 0) return;
    if (inside == 4) {
      std::vector<Vertex> square;
      for (const Corner& c : corners) square.push_back(GridPoint(c));
      AddPolygon(square, (x + y) & 1);
      return;
    }
    const bool opposite =
        inside == 2 && Inside(corners[0]) == Inside(corners[2]);
    if (opposite && Joined(corners)) {
      AddBridge(corners);
      return;
    }
    if (inside == 1 || opposite) {
      for (int i = 0; i < 4; ++i) {
        if (!Inside(corners[i])) continue;
        const Vertex corner = GridPoint(corners[i]);
        AddPolygon({corner, Crossing(corners[i], corners[(i + 1) % 4]),
                    Crossing(corners[i], corners[(i + 3) % 4])},
                   0);
      }
      return;
    }
    int first = 0;  // the first inside corner after an outside one
    while (!Inside(corners[first]) || Inside(corners[(first + 3) % 4])) ++first;
    std::vector<Vertex> polygon;
    for (int i = 0; i < inside; ++i) {
      polygon.push_back(GridPoint(corners[(first + i) % 4]));
    }
    const int last = (first + inside - 1) % 4;
    polygon.push_back(Crossing(corners[last], corners[(last + 1) % 4]));
    polygon.push_back(Crossing(corners[first], corners[(first + 3) % 4]));
    AddPolygon(polygon, inside == 3 ? 1 : 0);
  }

  const Plane<float>& alpha_;
  Plane<int> grid_points_, right_crossings_, down_crossings_;
  Sheet sheet_;
};

}  // namespace

Sheet MarchingSquares(const Plane<float>& alpha) {
  return Builder(alpha).Build();
}

}  // namespace dg4d::inflation
