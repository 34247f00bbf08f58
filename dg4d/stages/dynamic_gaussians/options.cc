#include "dg4d/stages/dynamic_gaussians/options.h"

#include <algorithm>

#include "dg4d/base/status.h"

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int kMaxFeatures = 256;  // as hexplane_cpu.cc has room for

}  // namespace

absl::Status Options::Validate() const {
  if (iterations < 0 || frames < 0 || frames_per_step < 0) {
    return absl::InvalidArgumentError(
        "iterations, frames and frames_per_step must not be negative");
  }
  if (samples_per_frame < 1) {
    return absl::InvalidArgumentError("samples_per_frame must be at least 1");
  }
  if (widen_until < 0 || widen_until > 1) {
    return absl::InvalidArgumentError("widen_until must be from 0 to 1");
  }
  if (reference.size < 1 || reference.rgb_weight < 0 ||
      reference.alpha_weight < 0) {
    return absl::InvalidArgumentError(
        "reference.size must be positive and its weights not negative");
  }
  if (grid.space_resolution < 2 || grid.time_resolution < 2) {
    return absl::InvalidArgumentError(
        "grid.space_resolution and grid.time_resolution must be at least 2");
  }
  if (grid.features < 1 || grid.features > kMaxFeatures) {
    return absl::InvalidArgumentError("grid.features must be from 1 to 256");
  }
  if (grid.level_factors.empty() ||
      *std::min_element(grid.level_factors.begin(), grid.level_factors.end()) <
          1) {
    return absl::InvalidArgumentError(
        "grid.level_factors must be one or more positive numbers");
  }
  if (grid.half_extent < 0) {
    return absl::InvalidArgumentError("grid.half_extent must not be negative");
  }
  if (network.width < 1 || network.depth < 1) {
    return absl::InvalidArgumentError(
        "network.width and network.depth must be positive");
  }
  if (!network.move_positions && !network.move_scales &&
      !network.move_rotations && !network.move_opacities) {
    return absl::InvalidArgumentError(
        "the network must move something: set one of network.move_... to "
        "true");
  }
  for (const double weight :
       {regularisation.space_variation, regularisation.time_roughness,
        regularisation.time_deviation, regularisation.rigidity}) {
    if (weight < 0) {
      return absl::InvalidArgumentError(
          "weights of the regularisation must not be negative");
    }
  }
  if (densify.interval > 0 && !optimize_gaussians) {
    return absl::InvalidArgumentError(
        "densify.interval needs Gaussians that are fitted: set "
        "optimize_gaussians to true");
  }
  DG4D_RETURN_IF_ERROR(Annotate(views.Validate(), "views"));
  return Annotate(densify.Validate(), "densify");
}

MotionShape Options::Shape(int frame_count, bool loops) const {
  return {.deformation = {.grid = {.space_resolution = grid.space_resolution,
                                   .time_resolution = grid.time_resolution,
                                   .level_factors = grid.level_factors,
                                   .features = grid.features},
                          .use_grid = grid.enabled,
                          .width = network.width,
                          .depth = network.depth,
                          .move_means = network.move_positions,
                          .move_log_scales = network.move_scales,
                          .move_quaternions = network.move_rotations,
                          .move_opacity_logits = network.move_opacities},
          .frames = frame_count,
          .loops = loops,
          .anchors_first_frame = anchor_first_frame,
          .half_extent = grid.half_extent};
}

}  // namespace dg4d::dynamic_gaussians
