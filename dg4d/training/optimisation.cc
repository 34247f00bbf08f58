#include "dg4d/training/optimisation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>

#include "absl/strings/str_cat.h"
#include "dg4d/base/cuda_stream.h"
#include "dg4d/base/status.h"

namespace dg4d {

absl::Status Optimise(Optimisation& optimisation, int64_t iterations,
                      Scene& scene, RunContext& context) {
  // Where steps can be recorded (repeated_step.h).
  const OwnCudaStream stream(context.device());
  int64_t step = 0;
  const auto visit = [&](StateArchive& archive) {
    archive("step", step);
    archive("generator", context.generator());
    optimisation.VisitState(archive);
  };
  DG4D_RETURN_IF_ERROR(context.Restore(visit));
  while (step < iterations) {
    const double progress =
        static_cast<double>(step + 1) / static_cast<double>(iterations);
    DG4D_ASSIGN_OR_RETURN(const Metrics metrics,
                          optimisation.Step(step, progress));
    ++step;
    for (const std::string& warning : optimisation.TakeWarnings()) {
      context.Warn(warning);
    }
    context.ReportCameras(optimisation.Cameras());
    context.Snapshot(step, [&] {
      Scene snapshot = scene;
      optimisation.WriteTo(snapshot);
      return snapshot;
    });
    DG4D_RETURN_IF_ERROR(context.EndStep(step, iterations, metrics, visit));
  }
  optimisation.WriteTo(scene);
  if (const int64_t bad = optimisation.adam().non_finite_gradients(); bad > 0) {
    context.Warn(absl::StrCat(bad, " gradients were not finite and ignored"));
  }
  return absl::OkStatus();
}

double SumOf(absl::Span<const at::Tensor> losses) {
  if (losses.empty()) return 0;
  const at::Tensor values =
      at::stack({losses.data(), losses.size()}).to(at::kCPU, at::kDouble);
  double sum = 0;
  for (int64_t i = 0; i < values.size(0); ++i) {
    sum += values.data_ptr<double>()[i];
  }
  return sum;
}

}  // namespace dg4d
