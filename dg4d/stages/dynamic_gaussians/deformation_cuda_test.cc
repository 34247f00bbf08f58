// The network on a GPU, where all heads are one product, against the CPU's.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/stages/dynamic_gaussians/deformation.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d::dynamic_gaussians {
namespace {

using DeformationCuda = dg4d::CudaTest;

// All deltas, then the gradients of points and parameters.
std::vector<at::Tensor> Results(const DeformationShape& shape,
                                c10::Device device) {
  at::Generator generator = MakeGenerator(3, "deformation");
  Deformation deformation(shape, generator);
  std::vector<at::Tensor> variables = {
      Uniform({50, 3}, -1, 1, generator).to(device, at::kDouble)};
  deformation.VisitParameters([&](const std::string&, at::Tensor& value) {
    value = Uniform(value.sizes(), -1, 1, generator)
                .to(device, at::kDouble)
                .requires_grad_();
    variables.push_back(value);
  });
  deformation.MoveConstants(device);
  variables[0].requires_grad_();
  const Deltas deltas = deformation(
      variables[0],
      at::tensor(std::vector<double>{0.1, 0.7, 0.9}, at::kDouble).to(device));
  std::vector<at::Tensor> parts;
  for (const at::Tensor& part : {deltas.means, deltas.log_scales,
                                 deltas.quaternions, deltas.opacity_logits}) {
    if (part.defined()) parts.push_back(part);
  }
  const at::Tensor all = at::cat(parts, 2);
  all.sin().sum().backward();
  std::vector<at::Tensor> results = {all.detach().cpu()};
  for (const at::Tensor& variable : variables) {
    results.push_back(variable.grad().cpu());
  }
  return results;
}

TEST_F(DeformationCuda, AgreesWithTheCpu) {
  for (const bool use_grid : {true, false}) {
    for (const bool moves_scales : {true, false}) {
      const DeformationShape shape = {.grid = {.space_resolution = 6,
                                               .time_resolution = 4,
                                               .features = 5,
                                               .cyclic_time = moves_scales},
                                      .use_grid = use_grid,
                                      .width = 12,
                                      .depth = 2,
                                      .move_log_scales = moves_scales,
                                      .move_opacity_logits = true};
      const auto cpu = Results(shape, at::kCPU);
      const auto gpu = Results(shape, at::kCUDA);
      ASSERT_EQ(cpu.size(), gpu.size());
      for (size_t i = 0; i < cpu.size(); ++i) {
        EXPECT_LT((cpu[i] - gpu[i]).norm().item<double>(),
                  1e-10 * (1 + cpu[i].norm().item<double>()))
            << i;
      }
    }
  }
}

}  // namespace
}  // namespace dg4d::dynamic_gaussians
