#include "dg4d/diffusion/golden.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

constexpr char kFolder[] = "dg4d/diffusion/testdata/";
constexpr double kTolerance = 5e-5;

}  // namespace

void ExpectGolden(const at::Tensor& output, const std::string& name) {
  std::ifstream file(std::string(kFolder) + "golden.json");
  const auto golden = nlohmann::json::parse(file)["tests"][name];
  const at::Tensor flat = output.detach().to(at::kDouble).contiguous();
  const int64_t n = flat.numel();
  ASSERT_EQ(n, golden["n"].get<int64_t>()) << name;
  if (golden.contains("shape")) {
    EXPECT_EQ(output.sizes().vec(), golden["shape"].get<std::vector<int64_t>>())
        << name;
  }
  const double* values = flat.const_data_ptr<double>();
  const int64_t places[] = {0, 1, 2, n / 3, n / 2, 2 * n / 3, n - 2, n - 1};
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(values[places[i]], golden["vals"][i].get<double>(), kTolerance)
        << name << " at " << places[i];
  }
  double sum = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += values[i];
    squares += values[i] * values[i];
    largest = std::max(largest, std::abs(values[i]));
  }
  const double mean = sum / n;
  EXPECT_NEAR(mean, golden["mean"].get<double>(), kTolerance) << name;
  EXPECT_NEAR(std::sqrt(squares / n - mean * mean), golden["std"].get<double>(),
              kTolerance)
      << name;
  EXPECT_NEAR(largest, golden["absmax"].get<double>(), kTolerance) << name;
}

void ExpectPublishedTensors(
    const std::map<std::string, std::vector<int64_t>>& shapes,
    const std::string& name) {
  std::ifstream file(std::string(kFolder) + "tensors.tsv");
  std::map<std::string, std::string> published, ours;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string model, tensor, shape;
    words >> model >> tensor >> shape;
    if (model == name) published[tensor] = shape;
  }
  ASSERT_FALSE(published.empty()) << name;
  for (const auto& [tensor, shape] : shapes) {
    ours[tensor] = absl::StrJoin(shape, ",");
  }
  EXPECT_EQ(ours.size(), published.size()) << name;
  for (const auto& [tensor, shape] : published) {
    const auto own = ours.find(tensor);
    if (own == ours.end()) {
      ADD_FAILURE() << name << " lacks " << tensor;
    } else {
      EXPECT_EQ(own->second, shape) << name << " " << tensor;
    }
  }
  for (const auto& [tensor, shape] : ours) {
    EXPECT_EQ(published.count(tensor), 1u) << name << " invents " << tensor;
  }
}

}  // namespace dg4d::diffusion
