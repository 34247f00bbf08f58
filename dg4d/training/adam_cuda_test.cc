// The fused step against the CPU's, which adam_test.cc holds to the paper.

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/testing/cuda_test.h"
#include "dg4d/training/adam.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using AdamCuda = dg4d::CudaTest;

// 100 parameters of unlike sizes after some steps; every third of them gets no
// gradient in every other step, and some gradients are not finite.
std::vector<at::Tensor> Steps(c10::Device device, int64_t& non_finite) {
  at::Generator generator = MakeGenerator(0, "adam");
  Adam adam;
  std::vector<int64_t> sizes;
  for (int i = 0; i < 100; ++i) {
    sizes.push_back(i == 7 ? 300'001 : i == 8 ? 0 : 1 + 37 * i);
    adam.Add(absl::StrCat(i), Normal({sizes.back()}, generator).to(device),
             {0.1 / (i + 1), 0.01, 10});
  }
  for (int step = 0; step < 5; ++step) {
    for (int i = 0; i < 100; ++i) {
      if (i % 3 == 0 && step % 2 == 1) continue;
      at::Tensor gradient = Normal({sizes[i]}, generator);
      if (i % 10 == 1) gradient[step] = std::nanf("");
      if (i % 10 == 2) {
        gradient[0] = -std::numeric_limits<float>::infinity();
      }
      adam[absl::StrCat(i)].mutable_grad() = gradient.to(device);
    }
    adam.Step(step);
  }
  non_finite = adam.non_finite_gradients();
  std::vector<at::Tensor> values;
  for (int i = 0; i < 100; ++i) {
    values.push_back(adam[absl::StrCat(i)].detach().cpu());
  }
  return values;
}

TEST_F(AdamCuda, AgreesWithTheCpu) {
  int64_t bad_on_cpu = 0, bad_on_gpu = 0;
  const auto cpu = Steps(at::kCPU, bad_on_cpu);
  const auto gpu = Steps(at::kCUDA, bad_on_gpu);
  for (size_t i = 0; i < cpu.size(); ++i) {
    EXPECT_TRUE(at::allclose(cpu[i], gpu[i], 1e-5, 1e-6)) << i;
  }
  EXPECT_GT(bad_on_cpu, 50);
  EXPECT_EQ(bad_on_cpu, bad_on_gpu);
}

TEST_F(AdamCuda, GivesTheSameBytesEveryTime) {
  int64_t bad;
  const auto first = Steps(at::kCUDA, bad), second = Steps(at::kCUDA, bad);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(at::equal(first[i], second[i])) << i;
  }
}

TEST_F(AdamCuda, StepsOtherTypesToo) {
  at::Generator generator = MakeGenerator(0, "adam");
  const at::Tensor value = Normal({10}, generator).to(at::kDouble);
  const at::Tensor gradient = Normal({10}, generator).to(at::kDouble);
  std::vector<at::Tensor> results;
  for (const c10::Device device :
       {c10::Device(at::kCPU), c10::Device(at::kCUDA)}) {
    Adam adam;
    adam.Add("x", value.to(device), {0.1, 0.1, 1});
    adam["x"].mutable_grad() = gradient.to(device);
    adam.Step(0);
    results.push_back(adam["x"].detach().cpu());
  }
  EXPECT_TRUE(at::allclose(results[0], results[1], 1e-12, 1e-12));
}

}  // namespace
}  // namespace dg4d
