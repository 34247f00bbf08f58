#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_TEST_WORLD_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_TEST_WORLD_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "dg4d/kernels/gaussian_raster.h"
#include "dg4d/kernels/gaussian_raster_math.h"
#include "dg4d/kernels/spherical_harmonics.h"

// What the tests of the rasteriser draw: random worlds of Gaussians, and a loss
// of their images with its gradients.

namespace dg4d {

template <typename Real>
using Values = std::vector<Real>;

// Inputs that own their arrays: one set of parameters per time, image b of time
// b mod T. Cameras stand around the origin at distance 2, level with it.
template <typename Real>
struct World {
  int64_t count, times, images;
  int width, height, degree;
  Values<Real> means, quaternions, log_scales, logits, sh;
  Values<Real> views, focals, background, offsets;
  std::vector<int64_t> time_of_image;
  Real low_pass = Real(0.3);
  bool portable = false;

  int64_t sh_size() const { return 3 * (degree + 1) * (degree + 1); }

  GaussianRasterInputs<Real> Inputs() const {
    return {.count = count,
            .times = times,
            .images = images,
            .width = width,
            .height = height,
            .sh_degree = degree,
            .means = means.data(),
            .quaternions = quaternions.data(),
            .log_scales = log_scales.data(),
            .opacity_logits = logits.data(),
            .sh = sh.data(),
            .means_stride = 3 * count,
            .quaternions_stride = 4 * count,
            .log_scales_stride = 3 * count,
            .opacity_logits_stride = count,
            .sh_stride = sh_size() * count,
            .view_from_world = views.data(),
            .focal_lengths = focals.data(),
            .time_of_image = time_of_image.data(),
            .background = background.data(),
            .screen_offsets = offsets.data(),
            .low_pass = low_pass,
            .portable = portable};
  }
};

struct WorldOptions {
  int64_t count = 0, times = 1, images = 1;
  int width = 16, height = 16, degree = 0;
  double pixels = 2;  // about the Gaussians' size on the image
  double spread = 0.8;
};

template <typename Real>
World<Real> MakeWorld(const WorldOptions& options) {
  const auto [count, times, images, width, height, degree, pixels, spread] =
      options;
  World<Real> world{count, times, images, width, height, degree};
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto fill = [&](int64_t size, double middle, double range) {
    Values<Real> values(size);
    for (Real& x : values) x = Real(middle + range * uniform(random));
    return values;
  };
  const double focal = 1.1 * height;
  world.means = fill(3 * times * count, 0, spread);
  world.quaternions = fill(4 * times * count, 0, 1);
  world.log_scales = fill(3 * times * count, std::log(pixels * 2 / focal), 0.5);
  world.logits = fill(times * count, 0, 2);
  world.sh = fill(world.sh_size() * times * count, 0, 0.7);
  world.offsets = fill(2 * images * count, 0, 0.1);
  world.background = fill(3 * images, 0.5, 0.5);
  for (int64_t b = 0; b < images; ++b) {
    const double c = std::cos(2 * M_PI * b / images);
    const double s = std::sin(2 * M_PI * b / images);
    for (const double x : {c, 0., -s, 0., 0., -1., 0., 0., -s, 0., -c, 2.}) {
      world.views.push_back(Real(x));
    }
    world.focals.insert(world.focals.end(), {Real(focal), Real(1.05 * focal)});
    world.time_of_image.push_back(b % times);
  }
  return world;
}

// One Gaussian at the origin in front of one camera.
template <typename Real>
World<Real> MakeSingle(double scale, double logit, int width, int height) {
  World<Real> world = MakeWorld<Real>(
      {.count = 1, .width = width, .height = height, .spread = 0});
  world.log_scales.assign(3, Real(std::log(scale)));
  world.logits = {Real(logit)};
  world.offsets = {0, 0};
  return world;
}

template <typename Real>
struct Images {
  Values<Real> rgb, alpha, depth;
  std::vector<int32_t> radii;
  bool operator==(const Images&) const = default;
};

template <typename Real>
struct Gradients {
  Values<Real> means, quaternions, log_scales, logits, sh, background, offsets;
  bool operator==(const Gradients&) const = default;
};

// What the definition makes of single pixels: no tiles, no rectangles, libm's
// exp. In double, of worlds of any type.
class Definition {
 public:
  struct Pixel {
    double rgb[3], alpha, depth;
  };

  template <typename Real>
  Definition(const World<Real>& world, int64_t image) {
    using namespace gaussian_raster;
    const auto row_of = [](const Values<Real>& values, int64_t row, int size) {
      Values<double> one(values.begin() + row * size,
                         values.begin() + (row + 1) * size);
      return one;
    };
    const View<double> view = MakeView(row_of(world.views, image, 12).data(),
                                       row_of(world.focals, image, 2).data(),
                                       world.width, world.height);
    background_ = row_of(world.background, image, 3);
    for (int64_t i = 0; i < world.count; ++i) {
      const int64_t row = world.time_of_image[image] * world.count + i;
      const Values<double> mean = row_of(world.means, row, 3);
      const WorldGaussian<double> gaussian = ActivateGaussian<double>(
          row_of(world.quaternions, row, 4).data(),
          row_of(world.log_scales, row, 3).data(), world.logits[row]);
      Seen seen{ProjectGaussian<double>(
                    view, mean.data(), gaussian.covariance, world.low_pass,
                    row_of(world.offsets, image * world.count + i, 2).data()),
                gaussian.opacity};
      if (!(seen.footprint.z > 0.2)) continue;
      ShColor<double>(
          world.degree,
          row_of(world.sh, row, static_cast<int>(world.sh_size())).data(),
          mean.data(), view.position, seen.rgb);
      seen_.push_back(seen);
    }
    std::stable_sort(seen_.begin(), seen_.end(),
                     [](const Seen& x, const Seen& y) {
                       return x.footprint.z < y.footprint.z;
                     });
  }

  Pixel At(int x, int y) const {
    Pixel pixel = {};
    double light = 1;
    for (const Seen& seen : seen_) {
      const double dx = seen.footprint.mean[0] - x;
      const double dy = seen.footprint.mean[1] - y;
      const auto [xx, xy, yy] = seen.footprint.covariance;
      const double distance = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) /
                              (xx * yy - xy * xy);
      const double covered =
          std::min(0.99, seen.opacity * std::exp(-distance / 2));
      if (covered < 1.0 / 255) continue;
      if (light * (1 - covered) < 1e-4) break;
      for (int c = 0; c < 3; ++c) pixel.rgb[c] += covered * light * seen.rgb[c];
      pixel.alpha += covered * light;
      pixel.depth += covered * light * seen.footprint.z;
      light *= 1 - covered;
    }
    for (int c = 0; c < 3; ++c) pixel.rgb[c] += light * background_[c];
    return pixel;
  }

 private:
  struct Seen {
    gaussian_raster::Footprint<double> footprint;
    double opacity, rgb[3];
  };
  std::vector<Seen> seen_;
  Values<double> background_;
};

template <typename Real>
Images<double> DrawByDefinition(const World<Real>& world) {
  const int64_t pixels = int64_t{world.width} * world.height;
  Images<double> images{Values<double>(3 * pixels * world.images),
                        Values<double>(pixels * world.images),
                        Values<double>(pixels * world.images),
                        {}};
  for (int64_t b = 0; b < world.images; ++b) {
    const Definition definition(world, b);
    for (int64_t at = 0; at < pixels; ++at) {
      const auto pixel = definition.At(static_cast<int>(at % world.width),
                                       static_cast<int>(at / world.width));
      for (int c = 0; c < 3; ++c) {
        images.rgb[(3 * b + c) * pixels + at] = pixel.rgb[c];
      }
      images.alpha[b * pixels + at] = pixel.alpha;
      images.depth[b * pixels + at] = pixel.depth;
    }
  }
  return images;
}

template <typename Real>
Images<Real> Draw(const GaussianRasterInputs<Real>& inputs,
                  GaussianRasterWorkspace<Real>& workspace) {
  const int64_t pixels = inputs.images * inputs.width * inputs.height;
  // Filled, so that what is not written shows.
  Images<Real> images{Values<Real>(3 * pixels, 7), Values<Real>(pixels, 7),
                      Values<Real>(pixels, 7),
                      std::vector<int32_t>(inputs.images * inputs.count, 7)};
  GaussianRasterForwardCpu<Real>(
      inputs, {images.rgb.data(), images.alpha.data(), images.depth.data()},
      images.radii.data(), workspace);
  return images;
}

template <typename Real>
Images<Real> Draw(const World<Real>& world) {
  GaussianRasterWorkspace<Real> workspace;
  return Draw(world.Inputs(), workspace);
}

// How much each value of the images counts in the loss of the tests. The same
// for each image.
template <typename Real>
Images<Real> LossWeights(int64_t images, int64_t pixels) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto fill = [&](int64_t size) {
    Values<Real> one(size), all;
    for (Real& x : one) x = Real(uniform(random));
    for (int64_t b = 0; b < images; ++b) {
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  };
  return {fill(3 * pixels), fill(pixels), fill(pixels), {}};
}

template <typename Real>
Real Loss(const World<Real>& world) {
  const Images<Real> images = Draw(world);
  const Images<Real> weights =
      LossWeights<Real>(world.images, world.width * world.height);
  const auto dot = [](const Values<Real>& a, const Values<Real>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), Real(0));
  };
  return dot(images.rgb, weights.rgb) + dot(images.alpha, weights.alpha) +
         dot(images.depth, weights.depth);
}

template <typename Real>
Gradients<Real> LossGradients(const GaussianRasterInputs<Real>& inputs) {
  GaussianRasterWorkspace<Real> workspace;
  Draw(inputs, workspace);
  const Images<Real> weights =
      LossWeights<Real>(inputs.images, inputs.width * inputs.height);
  const int64_t rows = inputs.times * inputs.count;
  const int sh_size = 3 * (inputs.sh_degree + 1) * (inputs.sh_degree + 1);
  Gradients<Real> gradients{Values<Real>(3 * rows, 7),
                            Values<Real>(4 * rows, 7),
                            Values<Real>(3 * rows, 7),
                            Values<Real>(rows, 7),
                            Values<Real>(sh_size * rows, 7),
                            Values<Real>(3 * inputs.images, 7),
                            Values<Real>(2 * inputs.images * inputs.count, 7)};
  GaussianRasterBackwardCpu<Real>(
      inputs, {weights.rgb.data(), weights.alpha.data(), weights.depth.data()},
      workspace,
      {gradients.means.data(), gradients.quaternions.data(),
       gradients.log_scales.data(), gradients.logits.data(),
       gradients.sh.data(), gradients.background.data(),
       gradients.offsets.data()});
  return gradients;
}

template <typename Real>
Gradients<Real> LossGradients(const World<Real>& world) {
  return LossGradients(world.Inputs());
}

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_TEST_WORLD_H_
