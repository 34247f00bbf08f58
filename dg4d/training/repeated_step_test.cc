#include "dg4d/training/repeated_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "dg4d/training/adam.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(RepeatedStep, TakesEveryStepOnTheCpuAsItComes) {
  Adam adam, expected;
  for (Adam* each : {&adam, &expected}) {
    each->Add("x", at::zeros({5}), {0.1, 0.01, 10});
  }
  RepeatedStep steps(adam, at::kCPU);
  for (int step = 0; step < 10; ++step) {
    const at::Tensor wanted = at::ones({5}) * step;
    const auto loss = [&](const Adam& of, const at::Tensor& at) {
      return (of["x"] - at).square().sum();
    };
    const RepeatedStep::Tensors results = steps.Run(
        {.shape = "step", .tensors = {wanted}}, step,
        [&](const RepeatedStep::Tensors& inputs,
            const RepeatedStep::AllViews& views) -> RepeatedStep::Tensors {
          EXPECT_TRUE(views.empty());
          const at::Tensor value = loss(adam, inputs[0]);
          value.backward();
          return {value.detach()};
        });
    const at::Tensor value = loss(expected, wanted);
    value.backward();
    expected.Step(step);
    EXPECT_TRUE(at::equal(results[0], value.detach()));
    EXPECT_TRUE(at::equal(adam["x"].detach(), expected["x"].detach()));
  }
  EXPECT_EQ(steps.replays(), 0);
}

}  // namespace
}  // namespace dg4d
