#include "dg4d/geometry/inflation/measures.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kView = 256;

// Premultiplied [H, W, 4] on white: [3, H, W].
at::Tensor OnWhite(const at::Tensor& rgba) {
  return (rgba.narrow(2, 0, 3) + (1 - rgba.narrow(2, 3, 1))).permute({2, 0, 1});
}

Mask MaskOf(const at::Tensor& alpha) {  // [H, W]
  const at::Tensor values = alpha.contiguous();
  Mask mask(static_cast<int>(values.size(0)), static_cast<int>(values.size(1)));
  const float* in = values.data_ptr<float>();
  for (int i = 0; i < mask.size(); ++i) mask.values[i] = in[i] > 0.5f;
  return mask;
}

int LargeComponents(const Mask& mask) {
  const Components components = ConnectedComponents(mask, Connectivity::kEight);
  int count = 0;
  for (int i = 1; i <= components.count; ++i) count += components.areas[i] > 4;
  return count;
}

double InsidePsnr(const at::Tensor& a, const at::Tensor& b, const Mask& mask) {
  const Mask inside = ErodeCross(ErodeCross(mask));
  const at::Tensor squared =
      (a - b).square().mean(0).to(at::kDouble).contiguous();
  const double* values = squared.data_ptr<double>();
  double total = 0;
  int count = 0;
  for (int i = 0; i < inside.size(); ++i) {
    if (!inside.values[i]) continue;
    total += values[i];
    ++count;
  }
  return -10 * std::log10(std::max(total, 1e-12) / std::max(count, 1));
}

double Iou(const Mask& a, const Mask& b) {
  int both = 0, either = 0;
  for (int i = 0; i < a.size(); ++i) {
    both += a.values[i] && b.values[i];
    either += a.values[i] || b.values[i];
  }
  return either == 0 ? 1 : double(both) / either;
}

void AddFrontMeasures(const at::Tensor& front, const Image& picture,
                      std::vector<Measure>& measures) {
  const Image small = Resize(picture, kView, kView);
  const at::Tensor composite = Composite(small);
  const at::Tensor shown = OnWhite(front);
  const Mask mask = MaskOf(small.pixels.select(2, 3));
  measures.push_back({"front PSNR", Psnr(shown, composite), 36, kInfinity});
  measures.push_back(
      {"front PSNR inside", InsidePsnr(shown, composite, mask), 44, kInfinity});
  measures.push_back(
      {"front alpha IoU", Iou(MaskOf(front.select(2, 3)), mask), 0.995, 1});
}

void AddSurfaceMeasures(const Inflation& in, std::vector<Measure>& measures) {
  const MeshTopology topology = AnalyzeTopology(MeshOf(in));
  measures.push_back({"edges not closed", double(topology.open_edges), 0, 0});
  measures.push_back(
      {"non-manifold vertices", double(topology.non_manifold_vertices), 0, 0});
  measures.push_back(
      {"signed volume", topology.signed_volume, 1e-9, kInfinity});

  std::array<double, 3> low, high;
  low.fill(kInfinity);
  high.fill(-kInfinity);
  for (const auto& vertex : in.surface.vertices) {
    for (int c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], vertex[c]);
      high[c] = std::max(high[c], vertex[c]);
    }
  }
  const Mask mask = in.cutout.mask();
  const Plane<float> distance = DistanceInside(mask);
  const double radius =
      *std::max_element(distance.values.begin(), distance.values.end());
  const double depth = high[2] - low[2];
  measures.push_back({"depth / inscribed diameter",
                      depth / (2 * (radius - 0.5) * in.frame.pixel), 0.7, 1.4});
  measures.push_back(
      {"depth / width", depth / (high[0] - low[0]), -kInfinity, kInfinity});
  measures.push_back(
      {"depth / height", depth / (high[1] - low[1]), -kInfinity, kInfinity});
  measures.push_back({"hems", double(in.heights.hems), -kInfinity, kInfinity});
}

void AddViewMeasures(const Inflation& in, const ProxyRenderer& renderer,
                     const at::Tensor& front, const Camera& camera,
                     std::vector<Measure>& measures) {
  const at::Tensor side = renderer.Render(0, TurnedCamera(camera, 90));
  measures.push_back({"side / front area",
                      side.select(2, 3).sum().item<double>() /
                          front.select(2, 3).sum().item<double>(),
                      0.5, 1.1});
  const int expected = LargeComponents(in.cutout.mask());
  int most = 0, least = 1000;
  for (const double azimuth : {0, 30, 60, 90, 180}) {
    const at::Tensor rgba = renderer.Render(0, TurnedCamera(camera, azimuth));
    const int count = LargeComponents(MaskOf(rgba.select(2, 3)));
    most = std::max(most, count);
    least = std::min(least, count);
  }
  // Parts that lie apart in the picture may hide each other from the side.
  measures.push_back(
      {"most components in a view", double(most), 1, double(expected)});
  measures.push_back(
      {"fewest components in a view", double(least), 1, double(expected)});
  const at::Tensor covered = side.select(2, 3) > 0.5;
  const at::Tensor white =
      (side.narrow(2, 0, 3) / side.narrow(2, 3, 1).clamp_min(1e-6))
          .amin(2)
          .gt(0.97)
          .logical_and(covered);
  measures.push_back(
      {"white share of the side (0.01 unless the rim is white)",
       white.sum().item<double>() / std::max(1.0, covered.sum().item<double>()),
       -kInfinity, kInfinity});
}

double Detail(const RgbPlane& colours, const Plane<float>& distance) {
  Plane<float> luma(colours.height, colours.width);
  for (int i = 0; i < luma.size(); ++i) {
    const Rgb& c = colours.values[i];
    luma.values[i] = 0.299f * c[0] + 0.587f * c[1] + 0.114f * c[2];
  }
  const Plane<float> smooth = Blur(luma, 2);
  double total = 0;
  for (int i = 0; i < luma.size(); ++i) {
    if (distance.values[i] > 6) {
      total += std::abs(luma.values[i] - smooth.values[i]);
    }
  }
  return total;
}

void AddBackMeasures(const Inflation& in, std::vector<Measure>& measures) {
  const Mask mask = in.cutout.mask();
  const Plane<float> distance = DistanceInside(mask);
  const RgbPlane front = LabFromRgb(in.front), back = LabFromRgb(in.back);
  Mask rim(mask.height, mask.width);
  std::vector<int> rim_pixels;
  double total = 0;
  for (int i = 0; i < mask.size(); ++i) {
    if (!mask.values[i]) continue;
    if (distance.values[i] <= 3) {
      total += std::sqrt(SquaredDifference(front.values[i], back.values[i]));
      rim.values[i] = 1;
      rim_pixels.push_back(i);
    }
  }
  measures.push_back({"rim: Lab distance front to back",
                      total / std::max<size_t>(1, rim_pixels.size()), 0, 10});
  measures.push_back(
      {"back detail / front detail",
       Detail(in.back, distance) / std::max(1e-9, Detail(in.front, distance)),
       0, 0.7});
  std::vector<float> nearest;
  for (int i = 0; i < mask.size(); ++i) {
    if (!mask.values[i] || distance.values[i] <= 4) continue;
    float least = 1e9f;
    for (const int j : rim_pixels) {
      least =
          std::min(least, SquaredDifference(back.values[i], back.values[j]));
    }
    nearest.push_back(std::sqrt(least));
  }
  if (nearest.empty()) return;
  const auto ninth = nearest.begin() + nearest.size() * 9 / 10;
  std::nth_element(nearest.begin(), ninth, nearest.end());
  measures.push_back({"back: Lab distance to rim colours, 90 %", *ninth, 0, 8});
}

Image OnWhiteImage(const at::Tensor& rgba) {
  return ImageFromChw(OnWhite(rgba));
}

}  // namespace

Camera TurnedCamera(const Camera& camera, double azimuth_degrees,
                    double elevation_degrees) {
  Orbit orbit = OrbitOf(camera);
  orbit.azimuth_degrees += azimuth_degrees;
  orbit.elevation_degrees += elevation_degrees;
  return OrbitCamera(orbit, camera.WithSize(kView, kView));
}

std::vector<Measure> MeasureInflation(const Inflation& inflation,
                                      const Image& picture,
                                      const Camera& camera) {
  const ProxyRenderer renderer({MeshOf(inflation)});
  const at::Tensor front = renderer.Render(0, camera.WithSize(kView, kView));
  std::vector<Measure> measures;
  AddFrontMeasures(front, picture, measures);
  AddSurfaceMeasures(inflation, measures);
  AddViewMeasures(inflation, renderer, front, camera, measures);
  AddBackMeasures(inflation, measures);
  return measures;
}

std::string MeasureTable(const std::vector<Measure>& measures) {
  std::string table;
  for (const Measure& m : measures) {
    const bool reported = m.low == -kInfinity && m.high == kInfinity;
    absl::StrAppendFormat(
        &table, "%-52s %10.4f  %s\n", m.name, m.value,
        reported ? ""
                 : absl::StrCat("[", m.low, ", ", m.high, "] ",
                                m.accepted() ? "accepted" : "REJECTED"));
  }
  return table;
}

Image Tile(const std::vector<std::vector<Image>>& rows) {
  std::vector<at::Tensor> lines;
  for (const std::vector<Image>& row : rows) {
    std::vector<at::Tensor> pictures;
    for (const Image& image : row) pictures.push_back(image.pixels);
    lines.push_back(at::cat(pictures, 1));
  }
  return {at::cat(lines, 0).contiguous()};
}

Image RenderBare(const Mesh& mesh, const Camera& camera) {
  // The brightness of each vertex is its place on a ramp of greys.
  const at::Tensor normals = VertexNormals(mesh.vertices, mesh.triangles);
  const auto& m = camera.world_from_camera;
  const at::Tensor facing = normals.select(1, 0) * m[2] +
                            normals.select(1, 1) * m[6] +
                            normals.select(1, 2) * m[10];
  const at::Tensor upwards = normals.select(1, 0) * m[1] +
                             normals.select(1, 1) * m[5] +
                             normals.select(1, 2) * m[9];
  const at::Tensor shade =
      (0.15 + 0.6 * facing.clamp_min(0) + 0.15 * upwards).clamp(0.02, 0.98);
  Mesh bare = {.vertices = mesh.vertices, .triangles = mesh.triangles};
  bare.uvs = at::stack({shade, 0.5 * at::ones({mesh.vertex_count()})}, 1);
  bare.uv_triangles = mesh.triangles;
  const at::Tensor ramp = at::empty({2, 256, 3}, at::kFloat);
  for (int i = 0; i < 256; ++i) ramp.select(1, i).fill_((i + 0.5) / 256);
  bare.albedo = {ramp};
  return OnWhiteImage(ProxyRenderer({bare}).Render(0, camera));
}

Image ContactSheet(const Inflation& inflation, const Image& picture,
                   const Camera& camera) {
  const Mesh mesh = MeshOf(inflation);
  const ProxyRenderer renderer({mesh});
  const auto view = [&](double azimuth, double elevation = 0) {
    return OnWhiteImage(
        renderer.Render(0, TurnedCamera(camera, azimuth, elevation)));
  };
  const auto bare = [&](double azimuth, double elevation = 0) {
    return RenderBare(mesh, TurnedCamera(camera, azimuth, elevation));
  };
  return Tile({{ImageFromChw(Composite(Resize(picture, kView, kView))), view(0),
                view(30), view(60), view(90)},
               {view(180), view(150), view(-60), view(-90), view(30, -25)},
               {bare(0), bare(35), bare(65), bare(90), bare(30, -25)}});
}

}  // namespace dg4d::inflation
