// Splatting as the papers write it, for every pixel and every Gaussian, with
// automatic gradients: what the fast renderers are held to.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <vector>

#include "dg4d/core/gaussian_batch.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"

namespace dg4d::gaussian_reference {
namespace {

constexpr double kOpacityCap = 0.99;
constexpr double kMinAlpha = 1.0 / 255;
constexpr double kMinTransmittance = 1e-4;
constexpr double kShearBound = 1.3;

struct Settings {
  double low_pass;
  double near;
};

// The Gaussians of one time, or the gradients' path to some of them.
struct Parameters {
  at::Tensor means;           // [N, 3]
  at::Tensor quaternions;     // [N, 4]
  at::Tensor log_scales;      // [N, 3]
  at::Tensor opacity_logits;  // [N]
  at::Tensor sh;              // [N, K, 3]
  at::Tensor offsets;         // [N, 2], NDC

  // The rows `index` [M].
  Parameters Rows(const at::Tensor& index) const {
    return {means.index_select(0, index),
            quaternions.index_select(0, index),
            log_scales.index_select(0, index),
            opacity_logits.index_select(0, index),
            sh.index_select(0, index),
            offsets.index_select(0, index)};
  }
};

at::Tensor RotationMatrices(const at::Tensor& quaternions) {
  const at::Tensor unit =
      quaternions /
      quaternions.square().sum(-1, /*keepdim=*/true).sqrt().clamp_min(1e-12);
  const std::vector<at::Tensor> q = unit.unbind(-1);
  const at::Tensor &w = q[0], &x = q[1], &y = q[2], &z = q[3];
  return at::stack(
             {1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
              2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
              2 * (x * z - w * y), 2 * (y * z + w * x),
              1 - 2 * (x * x + y * y)},
             -1)
      .view({-1, 3, 3});
}

// [N, K] functions of unit directions [N, 3].
at::Tensor ShFunctions(const at::Tensor& directions, int degree) {
  const std::vector<at::Tensor> d = directions.unbind(-1);
  const at::Tensor &x = d[0], &y = d[1], &z = d[2];
  const at::Tensor xx = x * x, yy = y * y, zz = z * z;
  std::vector<at::Tensor> functions = {at::ones_like(x) * kSh0};
  const auto append = [&functions](std::initializer_list<at::Tensor> more) {
    functions.insert(functions.end(), more);
  };
  if (degree >= 1) {
    const double c = 0.4886025119029199;
    append({-c * y, c * z, -c * x});
  }
  if (degree >= 2) {
    const double c = 1.0925484305920792;
    append({c * x * y, -c * y * z, 0.31539156525252005 * (2 * zz - xx - yy),
            -c * x * z, 0.5462742152960396 * (xx - yy)});
  }
  if (degree >= 3) {
    const double a = 0.5900435899266435, b = 0.4570457994644658;
    append({-a * y * (3 * xx - yy), 2.890611442640554 * x * y * z,
            -b * y * (4 * zz - xx - yy),
            0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
            -b * x * (4 * zz - xx - yy), 1.445305721320277 * z * (xx - yy),
            -a * x * (xx - 3 * yy)});
  }
  return at::stack(functions, -1);
}

struct Splats {
  at::Tensor centres;      // [N, 2], pixels from the top left corner
  at::Tensor covariances;  // [N, 2, 2]
  at::Tensor depths;       // [N]
  at::Tensor opacities;    // [N]
  at::Tensor colours;      // [N, 3]
  at::Tensor normals;      // [N, 3], in the world
};

Splats Project(const Parameters& gaussians, const Camera& camera,
               const Settings& settings) {
  const auto options = gaussians.means.options();
  const std::array<double, 12> values = ViewFromWorld(camera);
  const at::Tensor view_from_world =
      at::tensor(at::ArrayRef<double>(values), at::kDouble)
          .view({3, 4})
          .to(options);
  const at::Tensor rotation = view_from_world.slice(1, 0, 3);
  const at::Tensor points =
      gaussians.means.matmul(rotation.t()) + view_from_world.select(1, 3);
  const at::Tensor z = points.select(1, 2);
  const at::Tensor slopes = points.slice(1, 0, 2) / z.unsqueeze(1);  // [N, 2]

  const double focal = camera.focal();
  const at::Tensor half_size =
      at::tensor({camera.width / 2.0, camera.height / 2.0}, at::kDouble)
          .to(options);
  const at::Tensor bound = half_size * (kShearBound / focal);
  const at::Tensor sheared = slopes.clamp(-bound, bound);
  // Rows focal / z (rotation row k - slope_k rotation row 2).
  const at::Tensor affine =
      (focal / z).view({-1, 1, 1}) *
      (rotation.slice(0, 0, 2) -
       sheared.unsqueeze(2) * rotation.slice(0, 2, 3));  // [N, 2, 3]
  const at::Tensor rotations = RotationMatrices(gaussians.quaternions);
  const at::Tensor axes =
      affine.matmul(rotations * gaussians.log_scales.exp().unsqueeze(1));
  const at::Tensor low_pass =
      at::tensor({settings.low_pass, 0.0, 0.0, settings.low_pass}, at::kDouble)
          .view({2, 2})
          .to(options);

  const std::array<double, 3> position = camera.position();
  const at::Tensor towards =
      gaussians.means -
      at::tensor(at::ArrayRef<double>(position), at::kDouble).to(options);
  const at::Tensor directions =
      towards / towards.square().sum(-1, /*keepdim=*/true).sqrt();
  const int degree = ShDegreeOf(gaussians.sh.size(1));
  const at::Tensor colours =
      0.5 +
      (ShFunctions(directions, degree).unsqueeze(2) * gaussians.sh).sum(1);
  // Of the shortest axis, the column of the rotation.
  const at::Tensor shortest =
      gaussians.log_scales.argmin(1).view({-1, 1, 1}).expand({-1, 3, 1});
  const at::Tensor axis = rotations.gather(2, shortest).squeeze(2);
  const at::Tensor away = (axis * towards).sum(1, /*keepdim=*/true) > 0;

  return {.centres = focal * slopes + half_size * (1 + gaussians.offsets),
          .covariances = axes.matmul(axes.transpose(1, 2)) + low_pass,
          .depths = z,
          .opacities = gaussians.opacity_logits.sigmoid(),
          .colours = colours.clamp_min(0),
          .normals = at::where(away, -axis, axis)};
}

at::Tensor Determinants(const at::Tensor& covariances) {
  const at::Tensor c = covariances.view({-1, 4});
  return c.select(1, 0) * c.select(1, 3) - c.select(1, 1) * c.select(1, 2);
}

// The pixels that three standard deviations span along the longer axis, [N]
// int32; 0 for splats whose rectangle of visible coverage holds no pixel.
at::Tensor Radii(const Splats& splats, const Camera& camera) {
  const at::Tensor variances = splats.covariances.diagonal(0, 1, 2);  // [N, 2]
  const at::Tensor middle = variances.mean(1);
  const at::Tensor spread =
      (middle * middle - Determinants(splats.covariances)).clamp_min(0.1);
  const at::Tensor radii = (3 * (middle + spread.sqrt()).sqrt()).ceil();

  const at::Tensor reach = 2 * (splats.opacities / kMinAlpha).log();
  const at::Tensor extents =
      (reach.clamp_min(0).unsqueeze(1) * variances).sqrt();
  const at::Tensor low = splats.centres - extents;
  const at::Tensor high = splats.centres + extents;
  const at::Tensor seen = (reach >= 0) & (high >= 0.5).all(1) &
                          (low.select(1, 0) <= camera.width - 0.5) &
                          (low.select(1, 1) <= camera.height - 0.5);
  return (radii * seen).to(at::kInt);
}

// Indices of the Gaussians in front of the camera whose values are all finite,
// front to back.
at::Tensor Drawable(const Splats& splats, const Settings& settings) {
  const at::Tensor determinants = Determinants(splats.covariances);
  const at::Tensor all =
      at::cat({splats.centres, splats.covariances.view({-1, 4}),
               splats.depths.unsqueeze(1), splats.opacities.unsqueeze(1),
               splats.colours, determinants.unsqueeze(1)},
              1);
  const at::Tensor drawable = at::isfinite(all).all(1) &
                              (splats.depths > settings.near) &
                              (determinants > 0);
  const at::Tensor index = drawable.nonzero().view(-1);
  return index.index_select(
      0, std::get<1>(splats.depths.index_select(0, index).sort(
             /*stable=*/true, /*dim=*/0, /*descending=*/false)));
}

// Coverage of each pixel by each splat: [N, H, W].
at::Tensor Alphas(const Splats& splats, const Camera& camera) {
  const auto options = splats.centres.options();
  const auto along = [&](int axis, int pixels) {
    return splats.centres.select(1, axis).unsqueeze(1) -
           (at::arange(pixels, options) + 0.5);
  };
  const at::Tensor dx = along(0, camera.width).unsqueeze(1);
  const at::Tensor dy = along(1, camera.height).unsqueeze(2);
  const at::Tensor c = splats.covariances;
  const auto entry = [&](int i, int j) {
    return c.select(1, i).select(1, j).view({-1, 1, 1});
  };
  const at::Tensor distances =
      (entry(1, 1) * dx * dx - 2 * entry(0, 1) * dx * dy +
       entry(0, 0) * dy * dy) /
      Determinants(c).view({-1, 1, 1});
  const at::Tensor alphas =
      (splats.opacities.view({-1, 1, 1}) * (-0.5 * distances).exp())
          .clamp_max(kOpacityCap);
  return at::where((alphas >= kMinAlpha) & (distances >= 0), alphas,
                   at::zeros({}, options));
}

// One image: rgb and normals [3, H, W], the depths and alpha [1, H, W], radii
// [N].
GaussianRendering RenderOne(const Parameters& gaussians, const Camera& camera,
                            const at::Tensor& background,
                            const Settings& settings) {
  const auto options = gaussians.means.options();
  at::Tensor index, radii;
  {
    // What cannot be drawn must not meet gradients: 0 times NaN is NaN.
    const at::NoGradGuard no_gradients;
    const Splats all = Project(gaussians, camera, settings);
    index = Drawable(all, settings);
    radii =
        at::zeros({gaussians.means.size(0)}, options.dtype(at::kInt))
            .index_copy(0, index, Radii(all, camera).index_select(0, index));
  }
  const Splats splats = Project(gaussians.Rows(index), camera, settings);
  at::Tensor alphas = Alphas(splats, camera);
  // A Gaussian that would close a pixel is not drawn there, nor any behind.
  const at::Tensor open = (1 - alphas).cumprod(0) >= kMinTransmittance;
  alphas = at::where(open, alphas, at::zeros({}, options));

  const int64_t count = index.size(0);
  const at::Tensor light =
      at::cat({at::ones({1, camera.height, camera.width}, options),
               (1 - alphas).cumprod(0)});  // before each splat, and after all
  const at::Tensor weights = (alphas * light.slice(0, 0, count)).flatten(1);
  const auto blend = [&](const at::Tensor& values) {  // [M, C]
    return values.t().matmul(weights).view({-1, camera.height, camera.width});
  };
  // The splat in which the light falls to a half: before it more, after it not.
  const at::Tensor halved =
      (light.slice(0, 0, count) > 0.5) & (light.slice(0, 1) <= 0.5);
  return {.rgb = blend(splats.colours) +
                 background.view({3, 1, 1}) * light.slice(0, count),
          .alpha = blend(at::ones({count, 1}, options)),
          .depth = blend(splats.depths.unsqueeze(1)),
          .radii = radii,
          .median_depth = (halved * splats.depths.detach().view({-1, 1, 1}))
                              .sum(0, /*keepdim=*/true),
          .normals = blend(splats.normals)};
}

}  // namespace

class GaussianReference final : public GaussianRenderer {
 public:
  using Options = SplattingOptions;

  explicit GaussianReference(const Options& options) : options_(options) {}

  GaussianRendering Render(const GaussianBatch& batch,
                           absl::Span<const Camera> cameras,
                           const at::Tensor& background,
                           const at::Tensor& screen_offsets) const override {
    CheckGaussianBatch(batch, cameras, background, screen_offsets);
    std::vector<at::Tensor> rgb, alpha, depth, radii, median, normals;
    for (size_t b = 0; b < cameras.size(); ++b) {
      const auto at_time = [&](const at::Tensor& parameter) {
        return parameter.select(
            0, parameter.size(0) == 1 ? 0 : batch.time_of_camera[b]);
      };
      const Parameters gaussians = {
          .means = at_time(batch.means),
          .quaternions = at_time(batch.quaternions),
          .log_scales = at_time(batch.log_scales),
          .opacity_logits = at_time(batch.opacity_logits).select(1, 0),
          .sh = at_time(batch.sh),
          .offsets =
              screen_offsets.defined()
                  ? screen_offsets.select(0, b)
                  : at::zeros({batch.means.size(1), 2}, batch.means.options())};
      const GaussianRendering one =
          RenderOne(gaussians, cameras[b], background.select(0, b),
                    {.low_pass = options_.low_pass, .near = options_.near});
      rgb.push_back(one.rgb);
      alpha.push_back(one.alpha);
      depth.push_back(one.depth);
      radii.push_back(one.radii);
      median.push_back(one.median_depth);
      normals.push_back(one.normals);
    }
    return {
        .rgb = at::stack(rgb),
        .alpha = at::stack(alpha),
        .depth = at::stack(depth),
        .radii = at::stack(radii),
        .median_depth = batch.median_depth ? at::stack(median) : at::Tensor(),
        .normals = batch.normals ? at::stack(normals) : at::Tensor()};
  }

 private:
  const Options options_;
};

DG4D_REGISTER(Renderer, GaussianReference, "gaussian_reference",
              "Draws Gaussians plainly and slowly: the measure of the others.");

}  // namespace dg4d::gaussian_reference
