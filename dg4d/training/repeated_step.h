#ifndef DG4D_TRAINING_REPEATED_STEP_H_
#define DG4D_TRAINING_REPEATED_STEP_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "dg4d/core/gaussian_views.h"
#include "dg4d/scene/camera.h"
#include "dg4d/training/adam.h"
#include "dg4d/training/cuda_graph.h"

namespace dg4d {

// Takes the steps of an optimisation, on a GPU as replays of CUDA graphs: when
// steps of one shape have come a few times the next is recorded, and from then
// on each is one launch. On the CPU, and where something cannot be recorded,
// steps are taken one operation after the other. Either way they compute the
// same.
//
// A step is cut in two. What the host does (draw, choose views, look up numbers
// that change) comes first and makes `Inputs`; the rest, `Work`, takes all that
// changes from step to step from there, from Adam's parameters, and from
// tensors that are written in place.
class RepeatedStep {
 public:
  using Tensors = std::vector<at::Tensor>;

  struct Inputs {
    // Names all that the host knows of the step beside the values here: steps
    // of equal shapes, with tensors of equal sizes and as many cameras, differ
    // by these values alone. Empty: this step is like no other.
    std::string shape;
    Tensors tensors;  // anywhere; the work finds them on the device
    // What is rendered together: cameras of one size, which of `times` times
    // each sees.
    struct Rendered {
      std::vector<Camera> cameras;
      std::vector<int> time_of_camera;
      int64_t times;
    };
    std::vector<Rendered> rendered;
  };

  // For each of Inputs::rendered what GaussianBatch::views is to be: null
  // unless the step is recorded.
  using AllViews = std::vector<std::shared_ptr<GaussianViews>>;

  // Leaves gradients in Adam and returns what is to be known of the step, as
  // its loss.
  using Work =
      absl::FunctionRef<Tensors(const Tensors& inputs, const AllViews& views)>;

  // `adam`, which outlives this, has what the work is differentiated by, on
  // `device`.
  RepeatedStep(Adam& adam, c10::Device device);

  // Runs `work`, then Adam's step after `steps_done`. What it returns holds
  // until the next step.
  Tensors Run(const Inputs& inputs, int64_t steps_done, Work work);

  // To be called when tensors that the work uses were replaced, as when
  // Gaussians come and go.
  void Forget() { recordings_.clear(); }

  // How many steps were replays.
  int64_t replays() const { return replays_; }

 private:
  struct Recording {
    int64_t seen = 0;
    Tensors inputs;  // on the device
    AllViews views;
    Tensors outputs;
    Adam::Stepped stepped;
    std::unique_ptr<CudaGraph> graph;  // null until recorded
  };

  Tensors RunOnce(const Inputs& inputs, int64_t steps_done, Work work);
  // False if it cannot be recorded now.
  bool Record(const Inputs& inputs, Work work, Recording& recording);
  static void Set(const Inputs& inputs, Recording& recording);

  Adam& adam_;
  const c10::Device device_;
  int failures_ = 0;  // to record, since the last success
  int64_t replays_ = 0;
  std::map<std::string, Recording> recordings_;
};

}  // namespace dg4d

#endif  // DG4D_TRAINING_REPEATED_STEP_H_
