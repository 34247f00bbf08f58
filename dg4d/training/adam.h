#ifndef DG4D_TRAINING_ADAM_H_
#define DG4D_TRAINING_ADAM_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dg4d/core/options.h"
#include "dg4d/core/state_archive.h"
#include "dg4d/kernels/adam.h"

namespace dg4d {

// Adam (Kingma & Ba 2015) over named parameters, each with a learning rate of
// its own:
//
//   Adam adam;
//   adam.Add("means", means, options.means_rate);
//   ...
//   Loss(adam["means"]).backward();
//   adam.Step(step);
//
// Parameters may grow and shrink by rows between steps (Gaussians are added and
// pruned); their moments follow. Any floating type and device; on the CPU the
// bytes do not depend on the number of threads. A step of float parameters on
// a GPU is one launch and waits for nothing.
class Adam {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.999;
    // Added to the root of the second moment. So small a value makes the step
    // independent of the size of the loss, as 3DGS has it.
    double epsilon = 1e-15;
  };

  Adam() = default;
  explicit Adam(const Options& options) : options_(options) {}

  // A new parameter that starts as a copy of `value`. Names are unique.
  void Add(absl::string_view name, const at::Tensor& value, Schedule rate);

  // The parameter as it is now: a leaf that requires a gradient. Good until the
  // rows change or a state is restored.
  const at::Tensor& operator[](absl::string_view name) const;
  bool Has(absl::string_view name) const;
  std::vector<std::string> names() const;

  // One step down the gradients that backward() left, with the rates at
  // `steps_done`, and clears them. A parameter without gradient stays. An entry
  // whose gradient is not finite stays too, and is counted.
  void Step(int64_t steps_done);

  // A step that is recorded in a CUDA graph (cuda_graph.h) and repeated:
  // RecordStep launches what Step would and clears the gradients, but counts no
  // step; before each replay SetRates counts it and sets the rates. Parameters
  // must be float and have taken a step on this GPU before.
  using Stepped = std::vector<size_t>;  // numbers of parameters with gradients
  Stepped RecordStep();
  void SetRates(const Stepped& stepped, int64_t steps_done);

  // Forgets gradients without a step.
  void ClearGradients();

  // How many entries of gradients were not finite so far. Reads back from the
  // device.
  int64_t non_finite_gradients() const;

  // Keeps rows `rows` (int64 [M], any order) of a parameter and its moments.
  void KeepRows(absl::string_view name, const at::Tensor& rows);
  // Adds `values` [M, ...] after the last row, with moments of zero.
  void AppendRows(absl::string_view name, const at::Tensor& values);
  // Sets all values, in place; the moments stay, the shape too.
  void SetValue(absl::string_view name, const at::Tensor& value);
  // Forgets both moments of a parameter, not how many steps it took.
  void ZeroMoments(absl::string_view name);

  // Parameters, moments and counts. Restoring needs an Adam to which the same
  // parameters were added, with any number of rows.
  void VisitState(StateArchive& archive);

 private:
  struct Parameter {
    std::string name;
    at::Tensor value;
    at::Tensor first_moment;
    at::Tensor second_moment;
    Schedule rate;
    int64_t updates = 0;
  };

  // Counts a step and returns what it needs to know.
  adam::StepConstants CountStep(Parameter& parameter, int64_t steps_done) const;

  // Whether the parameter is stepped by StepOnGpu.
  static bool IsOnGpu(const Parameter& parameter);

  // Steps parameters with gradients that SetRates was called for, in one
  // launch, and clears their gradients.
  void StepOnGpu(const Stepped& stepped);

  Parameter& Find(absl::string_view name);
  const Parameter& Find(absl::string_view name) const;

  Options options_;
  std::vector<Parameter> parameters_;
  int64_t non_finite_on_cpu_ = 0;
  at::Tensor non_finite_elsewhere_;  // int64 scalar
  at::Tensor constants_;  // [parameters, 5], StepConstants on their GPU
};

}  // namespace dg4d

#endif  // DG4D_TRAINING_ADAM_H_
