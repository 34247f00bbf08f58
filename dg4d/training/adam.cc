#include "dg4d/training/adam.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/cuda_stream.h"
#include "dg4d/base/parallel.h"
#include "dg4d/kernels/adam_math.h"

namespace dg4d {
namespace {

constexpr int64_t kEntriesPerChunk = 1 << 14;

// Returns how many gradients were not finite.
__attribute__((target_clones("default", "arch=haswell"))) int64_t StepEntries(
    const adam::StepConstants& constants, int64_t count,
    const float* __restrict gradient, float* __restrict value,
    float* __restrict m, float* __restrict v) {
  const adam::StepConstants c = constants;
  int32_t finite_count = 0;
  for (int64_t i = 0; i < count; ++i) {
    float new_value = value[i], new_m = m[i], new_v = v[i];
    finite_count += adam::StepEntry(c, gradient[i], new_value, new_m, new_v);
    value[i] = new_value;
    m[i] = new_m;
    v[i] = new_v;
  }
  return count - finite_count;
}

at::Tensor AsLeaf(const at::Tensor& value) {
  return value.detach()
      .clone(at::MemoryFormat::Contiguous)
      .set_requires_grad(true);
}

}  // namespace

void Adam::Add(absl::string_view name, const at::Tensor& value, Schedule rate) {
  TORCH_CHECK(!Has(name), "Adam has a parameter '", std::string(name),
              "' already");
  TORCH_CHECK(value.is_floating_point(), "Adam: '", std::string(name),
              "' is no floating-point tensor");
  Parameter parameter{
      .name = std::string(name), .value = AsLeaf(value), .rate = rate};
  parameter.first_moment = at::zeros_like(parameter.value.detach());
  parameter.second_moment = at::zeros_like(parameter.value.detach());
  parameters_.push_back(std::move(parameter));
}

const Adam::Parameter& Adam::Find(absl::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return parameter;
  }
  TORCH_CHECK(false, "Adam has no parameter '", std::string(name), "'");
}

Adam::Parameter& Adam::Find(absl::string_view name) {
  return const_cast<Parameter&>(std::as_const(*this).Find(name));
}

const at::Tensor& Adam::operator[](absl::string_view name) const {
  return Find(name).value;
}

bool Adam::Has(absl::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return true;
  }
  return false;
}

std::vector<std::string> Adam::names() const {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters_) {
    names.push_back(parameter.name);
  }
  return names;
}

adam::StepConstants Adam::CountStep(Parameter& parameter,
                                    int64_t steps_done) const {
  const double t = static_cast<double>(++parameter.updates);
  const double rate =
      parameter.rate.At(steps_done) / (1 - std::pow(options_.beta1, t));
  const double root_correction = 1 / std::sqrt(1 - std::pow(options_.beta2, t));
  return {.beta1 = static_cast<float>(options_.beta1),
          .beta2 = static_cast<float>(options_.beta2),
          .rate = static_cast<float>(rate),
          .root_correction = static_cast<float>(root_correction),
          .epsilon = static_cast<float>(options_.epsilon)};
}

bool Adam::IsOnGpu(const Parameter& parameter) {
  return parameter.value.is_cuda() &&
         parameter.value.scalar_type() == at::kFloat;
}

void Adam::Step(int64_t steps_done) {
  c10::NoGradGuard no_grad;
  Stepped on_gpu;
  for (Parameter& parameter : parameters_) {
    at::Tensor gradient = parameter.value.grad();
    if (!gradient.defined()) continue;
    if (IsOnGpu(parameter)) {
      on_gpu.push_back(&parameter - parameters_.data());
      continue;
    }
    parameter.value.mutable_grad().reset();
    gradient = gradient.contiguous();
    at::Tensor value = parameter.value.detach();  // shares storage
    at::Tensor& m = parameter.first_moment;
    at::Tensor& v = parameter.second_moment;
    const adam::StepConstants constants = CountStep(parameter, steps_done);

    if (value.scalar_type() == at::kFloat && value.is_cpu()) {
      const float* from = gradient.data_ptr<float>();
      float* to = value.data_ptr<float>();
      float* m_data = m.data_ptr<float>();
      float* v_data = v.data_ptr<float>();
      const int64_t count = value.numel();
      std::vector<int64_t> bad(
          (count + kEntriesPerChunk - 1) / kEntriesPerChunk, 0);
      ParallelFor(count, kEntriesPerChunk, [&](int64_t begin, int64_t end) {
        bad[begin / kEntriesPerChunk] =
            StepEntries(constants, end - begin, from + begin, to + begin,
                        m_data + begin, v_data + begin);
      });
      non_finite_on_cpu_ += std::accumulate(bad.begin(), bad.end(), int64_t{0});
      continue;
    }
    const double t = static_cast<double>(parameter.updates);
    const double rate =
        parameter.rate.At(steps_done) / (1 - std::pow(options_.beta1, t));
    const double root_correction =
        1 / std::sqrt(1 - std::pow(options_.beta2, t));
    const at::Tensor finite = at::isfinite(gradient);
    const at::Tensor g = at::where(finite, gradient, at::zeros_like(gradient));
    const at::Tensor new_m = m * options_.beta1 + g * (1 - options_.beta1);
    const at::Tensor new_v = v * options_.beta2 + g * g * (1 - options_.beta2);
    const at::Tensor move =
        new_m * rate / (new_v.sqrt() * root_correction + options_.epsilon);
    m = at::where(finite, new_m, m);
    v = at::where(finite, new_v, v);
    value.sub_(at::where(finite, move, at::zeros_like(move)));
    const at::Tensor bad = finite.logical_not().sum();
    non_finite_elsewhere_ =
        non_finite_elsewhere_.defined() ? non_finite_elsewhere_ + bad : bad;
  }
  if (on_gpu.empty()) return;
  SetRates(on_gpu, steps_done);
  StepOnGpu(on_gpu);
}

Adam::Stepped Adam::RecordStep() {
  c10::NoGradGuard no_grad;
  Stepped stepped;
  for (const Parameter& parameter : parameters_) {
    if (!parameter.value.grad().defined()) continue;
    TORCH_CHECK(IsOnGpu(parameter) && constants_.defined(),
                "Adam: no step of '", parameter.name, "' can be recorded yet");
    stepped.push_back(&parameter - parameters_.data());
  }
  if (!stepped.empty()) StepOnGpu(stepped);
  return stepped;
}

void Adam::SetRates(const Stepped& stepped, int64_t steps_done) {
  if (stepped.empty()) return;
  constexpr int64_t kFloats = sizeof(adam::StepConstants) / sizeof(float);
  const int64_t count = static_cast<int64_t>(parameters_.size());
  const at::Tensor all = at::zeros({count, kFloats});
  auto* constants =
      reinterpret_cast<adam::StepConstants*>(all.mutable_data_ptr<float>());
  for (const size_t i : stepped) {
    constants[i] = CountStep(parameters_[i], steps_done);
  }
  const at::TensorOptions options =
      parameters_[stepped.front()].value.options();
  if (!constants_.defined() || constants_.size(0) != count) {
    constants_ = at::zeros({count, kFloats}, options);
  }
  if (!non_finite_elsewhere_.defined()) {
    non_finite_elsewhere_ = at::zeros({}, options.dtype(at::kLong));
  }
  // Few bytes: they are taken before this returns.
  constants_.copy_(all, /*non_blocking=*/true);
}

void Adam::StepOnGpu(const Stepped& stepped) {
  const c10::Device device = constants_.device();
  const c10::DeviceGuard guard(device);
  const auto* constants = reinterpret_cast<const adam::StepConstants*>(
      constants_.const_data_ptr<float>());
  std::vector<AdamParameter> parameters;
  std::vector<at::Tensor> gradients;
  for (const size_t i : stepped) {
    Parameter& parameter = parameters_[i];
    TORCH_CHECK(parameter.value.device() == device,
                "Adam's parameters lie on several GPUs");
    gradients.push_back(parameter.value.grad().contiguous());
    parameter.value.mutable_grad().reset();
    parameters.push_back(
        {.count = parameter.value.numel(),
         .gradient = gradients.back().const_data_ptr<float>(),
         .value = parameter.value.detach().mutable_data_ptr<float>(),
         .first_moment = parameter.first_moment.mutable_data_ptr<float>(),
         .second_moment = parameter.second_moment.mutable_data_ptr<float>(),
         .constants = constants + i});
  }
  const absl::Status status = AdamStepCuda(
      parameters, non_finite_elsewhere_.mutable_data_ptr<int64_t>(),
      static_cast<CUstream_st*>(CurrentCudaStream(device)));
  TORCH_CHECK(status.ok(), std::string(status.message()));
}

void Adam::ClearGradients() {
  for (Parameter& parameter : parameters_) {
    parameter.value.mutable_grad().reset();
  }
}

int64_t Adam::non_finite_gradients() const {
  return non_finite_on_cpu_ + (non_finite_elsewhere_.defined()
                                   ? non_finite_elsewhere_.item<int64_t>()
                                   : 0);
}

void Adam::KeepRows(absl::string_view name, const at::Tensor& rows) {
  Parameter& parameter = Find(name);
  const at::Tensor index = rows.to(parameter.value.device());
  parameter.value = AsLeaf(parameter.value.detach().index_select(0, index));
  parameter.first_moment = parameter.first_moment.index_select(0, index);
  parameter.second_moment = parameter.second_moment.index_select(0, index);
}

void Adam::AppendRows(absl::string_view name, const at::Tensor& values) {
  Parameter& parameter = Find(name);
  const at::Tensor added = values.detach().to(parameter.value.options());
  const at::Tensor zeros = at::zeros_like(added);
  parameter.value = AsLeaf(at::cat({parameter.value.detach(), added}));
  parameter.first_moment = at::cat({parameter.first_moment, zeros});
  parameter.second_moment = at::cat({parameter.second_moment, zeros});
}

void Adam::SetValue(absl::string_view name, const at::Tensor& value) {
  Parameter& parameter = Find(name);
  TORCH_CHECK(value.sizes() == parameter.value.sizes(), "Adam: '",
              parameter.name, "' changes its shape");
  parameter.value.mutable_grad().reset();
  parameter.value.detach().copy_(value);
}

void Adam::ZeroMoments(absl::string_view name) {
  Parameter& parameter = Find(name);
  parameter.first_moment.zero_();
  parameter.second_moment.zero_();
}

void Adam::VisitState(StateArchive& archive) {
  for (Parameter& parameter : parameters_) {
    const auto device = parameter.value.device();
    at::Tensor value = parameter.value.detach();
    archive(parameter.name, value);
    archive(absl::StrCat(parameter.name, ".first_moment"),
            parameter.first_moment);
    archive(absl::StrCat(parameter.name, ".second_moment"),
            parameter.second_moment);
    archive(absl::StrCat(parameter.name, ".updates"), parameter.updates);
    if (!archive.restoring() || !archive.status().ok()) continue;
    parameter.value = AsLeaf(value.to(device));
    parameter.first_moment = parameter.first_moment.to(device);
    parameter.second_moment = parameter.second_moment.to(device);
  }
}

}  // namespace dg4d
