#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_OPTIONS_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/options.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/stages/dynamic_gaussians/motion.h"
#include "dg4d/training/densify.h"
#include "dg4d/training/gaussian_parameters.h"
#include "dg4d/training/view_sampler.h"

namespace dg4d::dynamic_gaussians {

// What the video itself says: its frames from the reference camera.
struct ReferenceOptions {
  double rgb_weight = 10'000;
  double alpha_weight = 1000;
  int size = 256;
  bool follow_views = true;
  bool ramp = false;

  template <typename V>
  void Visit(V& v) {
    v("rgb_weight", rgb_weight,
      "Weight of the mean squared colour difference from the video's frames.");
    v("alpha_weight", alpha_weight,
      "Weight of the mean squared difference of alpha, where the video has "
      "it.");
    v("size", size, "Side at which they are compared, in pixels.");
    v("follow_views", follow_views,
      "Whether they are compared at the size of the guidances' views while "
      "that is less, which lets both be rendered together.");
    v("ramp", ramp, "Whether the weights grow from 0 over the stage.");
  }
};

struct GridOptions {
  bool enabled = true;
  int space_resolution = 32;
  int time_resolution = 8;
  std::vector<int> level_factors = {1};
  int features = 32;
  double half_extent = 0;

  template <typename V>
  void Visit(V& v) {
    v("enabled", enabled,
      "Whether the network sees the planes' features, or plain x, y, z, t.");
    v("space_resolution", space_resolution,
      "Nodes along x, y and z of the first level.");
    v("time_resolution", time_resolution, "Nodes along time, of all levels.");
    v("level_factors", level_factors,
      "For each level, how much finer in space than the first it is.");
    v("features", features, "Features of a level.");
    v("half_extent", half_extent,
      "Half the side of the cube around the origin that the planes span; 0: "
      "the box of the Gaussians.");
  }
};

struct NetworkOptions {
  int width = 64;
  int depth = 1;
  bool move_positions = true;
  bool move_scales = true;
  bool move_rotations = true;
  bool move_opacities = false;

  template <typename V>
  void Visit(V& v) {
    v("width", width, "Units of each layer.");
    v("depth", depth, "Layers of the trunk.");
    v("move_positions", move_positions, "Whether positions change in time.");
    v("move_scales", move_scales, "Whether scales change in time.");
    v("move_rotations", move_rotations, "Whether rotations change in time.");
    v("move_opacities", move_opacities, "Whether opacities change in time.");
  }
};

struct RegularisationOptions {
  double space_variation = 0.05;
  double time_roughness = 5;
  double time_deviation = 0.05;
  double rigidity = 0;

  template <typename V>
  void Visit(V& v) {
    v("space_variation", space_variation,
      "Weight of the squared differences of neighbours in space planes.");
    v("time_roughness", time_roughness,
      "Weight of the squared second differences along time in time planes.");
    v("time_deviation", time_deviation,
      "Weight of the time planes' distance from one, which is rest.");
    v("rigidity", rigidity,
      "Weight of the squared stretch between neighbouring Gaussians, relative "
      "to their distance.");
  }
};

struct Options {
  int64_t iterations = 200;
  int frames = 0;
  int frames_per_step = 4;
  double widen_until = 0;
  int samples_per_frame = 1;
  std::string loop = "auto";
  bool anchor_first_frame = true;
  PluginSpec<GaussianRenderer> renderer = {"gaussian_splatting"};
  std::vector<WeightedPlugin<Guidance>> guidances;
  ReferenceOptions reference;
  ViewOptions views = {.count = 1, .sizes = {128, 256}, .size_changes = {0.6}};
  GridOptions grid;
  NetworkOptions network;
  RegularisationOptions regularisation;
  Schedule grid_rate = {2e-2, 2e-3, 200};
  Schedule network_rate = {2e-3, 2e-4, 200};
  bool optimize_gaussians = false;
  // If they are optimised:
  GaussianRates rates = {.means = {1e-3, 2e-5, 500}};
  DensifyOptions densify = {.interval = 0, .opacity_reset_interval = 0};

  template <typename V>
  void Visit(V& v) {
    v("iterations", iterations, "Steps of optimisation.");
    v("frames", frames,
      "Frames of the motion; 0: as the video has. Give it where there is no "
      "video, only guidances that know times.");
    v("frames_per_step", frames_per_step,
      "Frames that each step looks at, drawn at random; 0: all.");
    v("widen_until", widen_until,
      "Share of the stage by which all frames have joined, from frame 0 on, so "
      "that large motion is followed from frame to frame; 0: all at once.");
    v("samples_per_frame", samples_per_frame,
      "Times at which the motion is written, for each frame of the video.");
    v("loop", loop, {"auto", "always", "never"},
      "Whether the last frame leads on to the first; auto: if the video "
      "does.");
    v("anchor_first_frame", anchor_first_frame,
      "Whether frame 0 stays as the static stage left it.");
    v("renderer", renderer, "Draws the Gaussians.");
    v("guidances", guidances, "What says how views should change.");
    v("reference", reference, "The frames of the video.");
    v("views", views, "The views that guidances judge, of each frame.");
    v("grid", grid, "The planes of the deformation field.");
    v("network", network, "The network that moves the Gaussians.");
    v("regularisation", regularisation, "What keeps the field smooth.");
    v("grid_rate", grid_rate, "Learning rate of the planes.");
    v("network_rate", network_rate, "Learning rate of the network.");
    v("optimize_gaussians", optimize_gaussians,
      "Whether the Gaussians at rest are fitted too, at the rates below.");
    rates.Visit(v);
    v("densify", densify,
      "How the number of Gaussians changes, if they are fitted.");
  }
  absl::Status Validate() const;

  // The motion that these options ask for.
  MotionShape Shape(int frame_count, bool loops) const;
};

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_OPTIONS_H_
