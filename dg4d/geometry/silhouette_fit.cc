#include "dg4d/geometry/silhouette_fit.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "dg4d/geometry/mesh_view.h"
#include "dg4d/geometry/surface.h"

namespace dg4d {
namespace {

// The wish that the point at `share` of the way from vertex a to b move by
// `offset` (world units) along the normal.
struct Wish {
  int32_t a, b;
  double share;
  double offset;
  double pixels;  // the same as seen
  double weight;
};

class Outline {
 public:
  explicit Outline(const SilhouetteView& view)
      : width_(view.camera.width),
        height_(view.camera.height),
        alpha_(view.alpha.contiguous()) {}

  // Bilinear; 0 outside the picture.
  double Alpha(double x, double y) const {
    const double u = x - 0.5, v = y - 0.5;
    const int x0 = static_cast<int>(std::floor(u));
    const int y0 = static_cast<int>(std::floor(v));
    const double fx = u - x0, fy = v - y0;
    return (At(x0, y0) * (1 - fx) + At(x0 + 1, y0) * fx) * (1 - fy) +
           (At(x0, y0 + 1) * (1 - fx) + At(x0 + 1, y0 + 1) * fx) * fy;
  }

  // How far along the unit vector (dx, dy) from (x, y) alpha falls below 1/2:
  // the place nearest to 0. More than `reach` if it does so nowhere within
  // `reach` either way.
  double FindFall(double x, double y, double dx, double dy,
                  double reach) const {
    constexpr double kStep = 0.25;
    const int steps = static_cast<int>(reach / kStep);
    double nearest = reach + 1;
    double before = Alpha(x - steps * kStep * dx, y - steps * kStep * dy);
    for (int i = -steps; i < steps; ++i) {
      const double s = (i + 1) * kStep;
      const double after = Alpha(x + s * dx, y + s * dy);
      if (before >= 0.5 && after < 0.5) {
        const double place =
            s - kStep + kStep * (before - 0.5) / (before - after);
        if (std::abs(place) < std::abs(nearest)) nearest = place;
      }
      before = after;
    }
    return nearest;
  }

 private:
  double At(int x, int y) const {
    return x < 0 || y < 0 || x >= width_ || y >= height_
               ? 0
               : alpha_.data_ptr<float>()[int64_t{y} * width_ + x];
  }

  const int width_, height_;
  const at::Tensor alpha_;
};

// What one view wishes: at each place where the normal turns away from the
// camera along an edge, and nothing of the mesh is seen beyond.
std::vector<Wish> WishesOf(const SilhouetteView& view, const Surface& surface,
                           const std::vector<Vec3>& normals,
                           const IndexLists& neighbours, double reach) {
  const Projector projector(view.camera);
  const SurfaceView seen = ViewSurface(surface, view.camera);
  const Outline outline(view);
  const auto empty = [&](double x, double y) {
    const int column = static_cast<int>(std::floor(x));
    const int row = static_cast<int>(std::floor(y));
    return column < 0 || row < 0 || column >= seen.width ||
           row >= seen.height ||
           seen.triangles[int64_t{row} * seen.width + column] < 0;
  };
  const auto facing = [&](int32_t vertex) {
    return Dot(normals[vertex],
               projector.position() - surface.vertices[vertex]);
  };
  std::vector<Wish> wishes;
  for (int32_t a = 0; a < static_cast<int32_t>(normals.size()); ++a) {
    const double facing_a = facing(a);
    for (const int32_t* n = neighbours.First(a); n != neighbours.Last(a); ++n) {
      const int32_t b = *n;
      const double facing_b = b > a ? facing(b) : 0;
      if (b < a || (facing_a > 0) == (facing_b > 0)) continue;
      const double share = facing_a / (facing_a - facing_b);
      const Vec3 point = surface.vertices[a] +
                         share * (surface.vertices[b] - surface.vertices[a]);
      const Vec3 normal =
          Normalized(normals[a] + share * (normals[b] - normals[a]));
      const Vec3 p = projector.Project(point);
      const double pixel = p.z / projector.focal();
      if (!(p.z > 0)) continue;
      const Vec3 ahead = projector.Project(point + pixel * normal);
      const double length = std::hypot(ahead.x - p.x, ahead.y - p.y);
      // Below 1/2 the normals of the ends differ so much that their mean is
      // not across the view.
      if (length < 0.5) continue;
      const double dx = (ahead.x - p.x) / length;
      const double dy = (ahead.y - p.y) / length;
      if (!empty(p.x + 1.25 * dx, p.y + 1.25 * dy)) continue;
      const double distance = outline.FindFall(p.x, p.y, dx, dy, reach);
      if (distance > reach) continue;
      wishes.push_back(
          {a, b, share, distance * pixel / length, distance, view.weight});
    }
  }
  return wishes;
}

double RootMeanSquare(const std::vector<Wish>& wishes) {
  double sum = 0, weight = 0;
  for (const Wish& wish : wishes) {
    sum += wish.weight * wish.pixels * wish.pixels;
    weight += wish.weight;
  }
  return weight > 0 ? std::sqrt(sum / weight) : 0;
}

// Minimises sum w (u_a (1 - s) + u_b s - d)^2 + stiffness sum (u_i - u_j)^2 +
// small sum u^2 over the offsets u, by conjugate gradients.
std::vector<double> SolveOffsets(const std::vector<Wish>& wishes,
                                 const IndexLists& neighbours,
                                 double stiffness) {
  constexpr double kRest = 1e-4;
  constexpr int kIterations = 200;
  const auto count = static_cast<size_t>(neighbours.size());
  const auto apply = [&](const std::vector<double>& u) {
    std::vector<double> result(count);
    for (size_t i = 0; i < count; ++i) {
      double sum = kRest * u[i];
      for (const int32_t* n = neighbours.First(i); n != neighbours.Last(i);
           ++n) {
        sum += stiffness * (u[i] - u[*n]);
      }
      result[i] = sum;
    }
    for (const Wish& wish : wishes) {
      const double value =
          wish.weight * (u[wish.a] * (1 - wish.share) + u[wish.b] * wish.share);
      result[wish.a] += value * (1 - wish.share);
      result[wish.b] += value * wish.share;
    }
    return result;
  };
  std::vector<double> u(count), residual(count);
  for (const Wish& wish : wishes) {
    residual[wish.a] += wish.weight * wish.offset * (1 - wish.share);
    residual[wish.b] += wish.weight * wish.offset * wish.share;
  }
  std::vector<double> direction = residual;
  double square = std::inner_product(residual.begin(), residual.end(),
                                     residual.begin(), 0.0);
  const double enough = 1e-8 * square;
  for (int i = 0; i < kIterations && square > enough; ++i) {
    const std::vector<double> image = apply(direction);
    const double step =
        square / std::inner_product(direction.begin(), direction.end(),
                                    image.begin(), 0.0);
    for (size_t k = 0; k < count; ++k) {
      u[k] += step * direction[k];
      residual[k] -= step * image[k];
    }
    const double next = std::inner_product(residual.begin(), residual.end(),
                                           residual.begin(), 0.0);
    for (size_t k = 0; k < count; ++k) {
      direction[k] = residual[k] + next / square * direction[k];
    }
    square = next;
  }
  return u;
}

}  // namespace

SilhouetteFit FitSilhouettes(const Mesh& mesh,
                             absl::Span<const SilhouetteView> views,
                             const SilhouetteOptions& options) {
  Surface surface = SurfaceOf(mesh);
  const IndexLists neighbours = NeighboursOfVertices(surface);
  SilhouetteFit fit;
  const auto gather = [&](const std::vector<Vec3>& normals) {
    std::vector<Wish> wishes;
    for (const SilhouetteView& view : views) {
      const std::vector<Wish> more =
          WishesOf(view, surface, normals, neighbours, options.reach);
      wishes.insert(wishes.end(), more.begin(), more.end());
    }
    return wishes;
  };
  std::vector<Vec3> normals = VertexNormalsOf(surface);
  std::vector<Wish> wishes = gather(normals);
  fit.error_before = RootMeanSquare(wishes);
  for (int round = 0; round < options.rounds; ++round) {
    const std::vector<double> offsets =
        SolveOffsets(wishes, neighbours, options.stiffness);
    for (size_t i = 0; i < offsets.size(); ++i) {
      surface.vertices[i] += offsets[i] * normals[i];
    }
    normals = VertexNormalsOf(surface);
    wishes = gather(normals);
  }
  fit.error_after = RootMeanSquare(wishes);
  fit.mesh = MeshOf(surface);
  return fit;
}

}  // namespace dg4d
