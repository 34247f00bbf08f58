#include "dg4d/geometry/texture_bake.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/geometry/mesh_view.h"
#include "dg4d/geometry/surface.h"

namespace dg4d {
namespace {

constexpr int64_t kGrain = 1 << 14;
// Weight of the colour spread along the surface: it decides only where the
// views see nothing, or next to nothing.
constexpr double kSpreadWeight = 1e-7;
constexpr double kLeastCosine = 0.1;

// A texel within a chart.
struct Texel {
  int32_t index;  // row * size + column
  int32_t triangle;
  std::array<float, 3> weights;  // of the triangle's corners
  Vec3 position;
  Vec3 normal;
  std::array<double, 4> sum = {};  // weighted rgb, and the weights
};

std::vector<Texel> FindTexels(const Mesh& mesh, const Surface& surface,
                              int size) {
  const TexelMap map = MapTexels(mesh, size);
  const std::vector<Vec3> normals = VertexNormalsOf(surface);
  std::vector<Texel> texels;
  for (size_t i = 0; i < map.triangles.size(); ++i) {
    if (map.triangles[i] < 0) continue;
    Texel texel;
    texel.index = static_cast<int32_t>(i);
    texel.triangle = map.triangles[i];
    const float a = map.barycentrics[2 * i], b = map.barycentrics[2 * i + 1];
    texel.weights = {a, b, 1 - a - b};
    const TriangleIndices& corners = surface.triangles[texel.triangle];
    for (int k = 0; k < 3; ++k) {
      texel.position += double{texel.weights[k]} * surface.vertices[corners[k]];
      texel.normal += double{texel.weights[k]} * normals[corners[k]];
    }
    texel.normal = Normalized(texel.normal);
    texels.push_back(texel);
  }
  return texels;
}

// How far each pixel is from what the view does not see continuously, 0 to 1
// over `reach` pixels: empty pixels, and steps in depth.
std::vector<float> EdgeFade(const SurfaceView& view, double step,
                            double reach) {
  const int width = view.width, height = view.height;
  std::vector<uint8_t> edge(view.depths.size(), 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int i = y * width + x;
      if (view.triangles[i] < 0) edge[i] = 1;
      for (const int j :
           {x + 1 < width ? i + 1 : i, y + 1 < height ? i + width : i}) {
        if (view.triangles[i] >= 0 && view.triangles[j] >= 0 &&
            std::abs(view.depths[i] - view.depths[j]) > step) {
          // What is behind is uncertain, what is in front ends here too.
          edge[i] = edge[j] = 1;
        }
      }
    }
  }
  const int radius = static_cast<int>(std::ceil(reach));
  std::vector<float> fade(edge.size(), 1);
  ParallelFor(height, 16, [&](int64_t begin, int64_t end) {
    for (int y = static_cast<int>(begin); y < end; ++y) {
      for (int x = 0; x < width; ++x) {
        double nearest = reach * reach;
        for (int dy = -radius; dy <= radius; ++dy) {
          for (int dx = -radius; dx <= radius; ++dx) {
            const int u = x + dx, v = y + dy;
            const double square = dx * dx + dy * dy;
            if (square >= nearest || u < 0 || v < 0 || u >= width ||
                v >= height || !edge[v * width + u]) {
              continue;
            }
            nearest = square;
          }
        }
        const double t = std::sqrt(nearest) / reach;
        fade[y * width + x] = static_cast<float>(t * t * (3 - 2 * t));
      }
    }
  });
  return fade;
}

// Adds what one view shows to the texels that it sees.
class ViewBaker {
 public:
  ViewBaker(const Surface& surface, const BakeView& view,
            const BakeOptions& options)
      : view_(view),
        options_(options),
        projector_(view.camera),
        width_(view.camera.width),
        height_(view.camera.height),
        seen_(ViewSurface(surface, view.camera)),
        rgb_(view.rgb.contiguous()),
        alpha_(view.alpha.contiguous()) {
    for (const float depth : seen_.depths) {
      nearest_ = depth > 0 ? std::min(nearest_, double{depth}) : nearest_;
    }
    pixel_ = nearest_ / projector_.focal();
    fade_ = EdgeFade(seen_, 6 * pixel_, std::max(options.fade_pixels, 0.5));
  }

  void Add(Texel& texel) const {
    const Vec3 p = projector_.Project(texel.position);
    if (!(p.z > 0) || p.x < 0.5 || p.y < 0.5 || p.x > width_ - 0.5 ||
        p.y > height_ - 0.5) {
      return;
    }
    const double cosine =
        Dot(texel.normal, Normalized(projector_.position() - texel.position));
    if (cosine <= kLeastCosine) return;
    // The four pixels around, for bilinear lookups.
    const double u = p.x - 0.5, v = p.y - 0.5;
    const int x = std::min(static_cast<int>(u), width_ - 2);
    const int y = std::min(static_cast<int>(v), height_ - 2);
    const double fx = u - x, fy = v - y;
    const double shares[4] = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy,
                              fx * fy};
    const int pixels[4] = {y * width_ + x, y * width_ + x + 1,
                           (y + 1) * width_ + x, (y + 1) * width_ + x + 1};
    const double slope = std::sqrt(1 - cosine * cosine) / cosine;
    const double tolerance = pixel_ * (1.5 + 1.5 * std::min(slope, 6.0));
    double visible = 0, fade = 0, alpha = 0;
    for (int k = 0; k < 4; ++k) {
      const float depth = seen_.depths[pixels[k]];
      if (depth == 0 || p.z <= depth + tolerance) visible += shares[k];
      fade += shares[k] * fade_[pixels[k]];
      alpha += shares[k] * alpha_.data_ptr<float>()[pixels[k]];
    }
    if (visible < 0.999 || alpha < 0.3) return;
    // A little is left at the very edge, for parts thinner than the fade.
    const double weight = view_.weight * std::pow(cosine, options_.sharpness) *
                          (0.02 + 0.98 * fade) * alpha;
    for (int c = 0; c < 3; ++c) {
      const float* plane = rgb_.data_ptr<float>() + c * width_ * height_;
      double value = 0;
      for (int k = 0; k < 4; ++k) value += shares[k] * plane[pixels[k]];
      texel.sum[c] += weight * std::clamp(value / alpha, 0.0, 1.0);
    }
    texel.sum[3] += weight;
  }

 private:
  const BakeView& view_;
  const BakeOptions& options_;
  const Projector projector_;
  const int width_, height_;
  const SurfaceView seen_;
  const at::Tensor rgb_, alpha_;
  double nearest_ = 1e30;
  double pixel_ = 0;  // world size of a pixel at the object
  std::vector<float> fade_;
};

// Colours of the vertices: those of the texels around each, and where no view
// sees any, spread along the surface.
std::vector<Vec3> SpreadColours(const Surface& surface,
                                const std::vector<Texel>& texels) {
  std::vector<std::array<double, 4>> sums(surface.vertices.size());
  for (const Texel& texel : texels) {
    if (texel.sum[3] < kSpreadWeight) continue;
    const TriangleIndices& corners = surface.triangles[texel.triangle];
    for (int k = 0; k < 3; ++k) {
      for (int c = 0; c < 3; ++c) {
        sums[corners[k]][c] += texel.weights[k] * texel.sum[c] / texel.sum[3];
      }
      sums[corners[k]][3] += texel.weights[k];
    }
  }
  std::vector<Vec3> colours(sums.size(), Vec3{0.5, 0.5, 0.5});
  std::vector<uint8_t> known(sums.size(), 0);
  for (size_t i = 0; i < sums.size(); ++i) {
    if (sums[i][3] < 1e-6) continue;
    colours[i] = Vec3{sums[i][0], sums[i][1], sums[i][2]} * (1 / sums[i][3]);
    known[i] = 1;
  }
  // Rings of unknown vertices, from the known ones inwards, then relaxation.
  const IndexLists neighbours = NeighboursOfVertices(surface);
  const auto mean = [&](int32_t vertex, const std::vector<uint8_t>& use,
                        Vec3& result) {
    Vec3 sum;
    int count = 0;
    for (const int32_t* n = neighbours.First(vertex);
         n != neighbours.Last(vertex); ++n) {
      if (!use[*n]) continue;
      sum += colours[*n];
      ++count;
    }
    if (count > 0) result = sum * (1.0 / count);
    return count > 0;
  };
  std::vector<int32_t> filled;
  for (std::vector<uint8_t> reached = known;;) {
    std::vector<int32_t> ring;
    for (size_t i = 0; i < reached.size(); ++i) {
      const auto vertex = static_cast<int32_t>(i);
      if (!reached[i] && mean(vertex, reached, colours[i])) {
        ring.push_back(vertex);
      }
    }
    for (const int32_t vertex : ring) reached[vertex] = 1;
    filled.insert(filled.end(), ring.begin(), ring.end());
    if (ring.empty()) break;
  }
  const std::vector<uint8_t> all(known.size(), 1);
  constexpr int kSweeps = 100;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (const int32_t vertex : filled) mean(vertex, all, colours[vertex]);
  }
  return colours;
}

// Colour and weight of a texture's texels, and of its smaller copies.
using Texture = std::vector<std::array<float, 4>>;

// Fills the texels of no weight from the nearest coarser copy that has some.
void PushPull(int size, Texture& texture) {
  if (size == 1) return;
  const int half = (size + 1) / 2;
  Texture coarse(size_t(half) * half);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const auto& fine = texture[size_t(y) * size + x];
      auto& sum = coarse[size_t(y / 2) * half + x / 2];
      for (int c = 0; c < 3; ++c) sum[c] += fine[3] * fine[c];
      sum[3] += fine[3];
    }
  }
  for (auto& texel : coarse) {
    if (texel[3] == 0) continue;
    for (int c = 0; c < 3; ++c) texel[c] /= texel[3];
    texel[3] = std::min(texel[3], 1.0f);
  }
  PushPull(half, coarse);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      auto& fine = texture[size_t(y) * size + x];
      if (fine[3] > 0) continue;
      const double u = std::clamp((x + 0.5) / 2 - 0.5, 0.0, half - 1.0);
      const double v = std::clamp((y + 0.5) / 2 - 0.5, 0.0, half - 1.0);
      const int x0 = static_cast<int>(u), y0 = static_cast<int>(v);
      const int x1 = std::min(x0 + 1, half - 1),
                y1 = std::min(y0 + 1, half - 1);
      const double fx = u - x0, fy = v - y0;
      for (int c = 0; c < 4; ++c) {
        fine[c] =
            static_cast<float>((coarse[size_t(y0) * half + x0][c] * (1 - fx) +
                                coarse[size_t(y0) * half + x1][c] * fx) *
                                   (1 - fy) +
                               (coarse[size_t(y1) * half + x0][c] * (1 - fx) +
                                coarse[size_t(y1) * half + x1][c] * fx) *
                                   fy);
      }
      fine[3] = 1;
    }
  }
}

}  // namespace

Image BakeTexture(const Mesh& mesh, absl::Span<const BakeView> views,
                  const BakeOptions& options) {
  const Surface surface = SurfaceOf(mesh);
  const int size = options.size;
  std::vector<Texel> texels = FindTexels(mesh, surface, size);
  const auto count = static_cast<int64_t>(texels.size());
  for (const BakeView& view : views) {
    const ViewBaker baker(surface, view, options);
    ParallelFor(count, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) baker.Add(texels[i]);
    });
  }
  const std::vector<Vec3> spread = SpreadColours(surface, texels);
  Texture texture(size_t(size) * size);
  for (const Texel& texel : texels) {
    const TriangleIndices& corners = surface.triangles[texel.triangle];
    auto& target = texture[texel.index];
    for (int c = 0; c < 3; ++c) {
      double fill = 0;
      for (int k = 0; k < 3; ++k) {
        fill += texel.weights[k] * spread[corners[k]][c];
      }
      target[c] = static_cast<float>((texel.sum[c] + kSpreadWeight * fill) /
                                     (texel.sum[3] + kSpreadWeight));
    }
    target[3] = 1;
  }
  PushPull(size, texture);
  Image image;
  image.pixels = at::empty({size, size, 3}, at::kFloat);
  float* pixel = image.pixels.data_ptr<float>();
  for (const auto& texel : texture) {
    for (int c = 0; c < 3; ++c) *pixel++ = std::clamp(texel[c], 0.0f, 1.0f);
  }
  return image;
}

}  // namespace dg4d
