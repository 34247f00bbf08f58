#include "dg4d/training/repeated_step.h"

#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dg4d {
namespace {

// Each holds the memory of a step.
constexpr size_t kMostShapes = 8;
// Steps of a shape before it is recorded: until then libraries set themselves
// up and workspaces find their sizes.
constexpr int64_t kStepsBefore = 2;
constexpr int kMostFailures = 4;

RepeatedStep::Tensors Uploaded(const RepeatedStep::Tensors& inputs,
                               c10::Device device) {
  RepeatedStep::Tensors uploaded;
  for (const at::Tensor& input : inputs) {
    uploaded.push_back(input.to(device, /*non_blocking=*/true));
  }
  return uploaded;
}

std::string KeyOf(const RepeatedStep::Inputs& inputs) {
  std::string key = inputs.shape;
  for (const at::Tensor& tensor : inputs.tensors) {
    absl::StrAppend(&key, ";", absl::StrJoin(tensor.sizes(), ","));
  }
  for (const auto& rendered : inputs.rendered) {
    const Camera& camera = rendered.cameras.front();
    absl::StrAppend(&key, ";", rendered.cameras.size(), "/", rendered.times,
                    "/", camera.width, "x", camera.height);
  }
  return key;
}

}  // namespace

RepeatedStep::RepeatedStep(Adam& adam, c10::Device device)
    : adam_(adam), device_(device) {
  if (!CudaGraph::CanRecord(device)) failures_ = kMostFailures;
}

RepeatedStep::Tensors RepeatedStep::RunOnce(const Inputs& inputs,
                                            int64_t steps_done, Work work) {
  Tensors outputs =
      work(Uploaded(inputs.tensors, device_), AllViews(inputs.rendered.size()));
  adam_.Step(steps_done);
  return outputs;
}

void RepeatedStep::Set(const Inputs& inputs, Recording& recording) {
  for (size_t i = 0; i < inputs.tensors.size(); ++i) {
    recording.inputs[i].copy_(inputs.tensors[i], /*non_blocking=*/true);
  }
  for (size_t i = 0; i < inputs.rendered.size(); ++i) {
    recording.views[i]->Set(inputs.rendered[i].cameras,
                            inputs.rendered[i].time_of_camera);
  }
}

bool RepeatedStep::Record(const Inputs& inputs, Work work,
                          Recording& recording) {
  // Of their own, since the next steps' are written over them.
  for (const at::Tensor& input : inputs.tensors) {
    recording.inputs.push_back(at::empty_like(input, device_));
  }
  for (const Inputs::Rendered& rendered : inputs.rendered) {
    recording.views.push_back(std::make_shared<GaussianViews>(
        static_cast<int64_t>(rendered.cameras.size()), rendered.times,
        at::TensorOptions(device_).dtype(at::kFloat)));
  }
  Set(inputs, recording);
  try {
    recording.graph = std::make_unique<CudaGraph>(device_, [&] {
      recording.outputs = work(recording.inputs, recording.views);
      recording.stepped = adam_.RecordStep();
    });
  } catch (const std::exception&) {
    // A workspace had to grow, the memory does not suffice for keeping it, or
    // the work needs the host. Nothing has run yet.
    adam_.ClearGradients();
    ++failures_;
    return false;
  }
  failures_ = 0;
  return true;
}

RepeatedStep::Tensors RepeatedStep::Run(const Inputs& inputs,
                                        int64_t steps_done, Work work) {
  if (failures_ >= kMostFailures || inputs.shape.empty()) {
    return RunOnce(inputs, steps_done, work);
  }
  const std::string key = KeyOf(inputs);
  if (recordings_.size() >= kMostShapes && !recordings_.contains(key)) {
    recordings_.clear();
  }
  Recording& recording = recordings_[key];
  const bool outgrown =
      std::any_of(recording.views.begin(), recording.views.end(),
                  [](const auto& views) { return views->outgrown(); });
  if (outgrown ||
      (recording.graph == nullptr && recording.seen++ >= kStepsBefore &&
       !Record(inputs, work, recording))) {
    recording = {};  // begins anew
  }
  if (recording.graph == nullptr) return RunOnce(inputs, steps_done, work);
  Set(inputs, recording);
  adam_.SetRates(recording.stepped, steps_done);
  recording.graph->Replay();
  ++replays_;
  return recording.outputs;
}

}  // namespace dg4d
