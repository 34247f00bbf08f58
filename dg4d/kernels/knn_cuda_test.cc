// The CUDA twin against the CPU's, which knn_test.cc holds to the definition.

#include "dg4d/kernels/knn_cuda.h"

#include <cuda_runtime.h>

#include <limits>
#include <random>
#include <vector>

#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using KnnCuda = dg4d::CudaTest;

std::vector<float> OnCpu(const std::vector<float>& points) {
  std::vector<float> result(points.size() / 3, -1);
  MeanSquaredDistanceToNearest3Cpu(
      {.points = points.data(), .count = int64_t(result.size())},
      result.data());
  return result;
}

std::vector<float> OnGpu(const std::vector<float>& points) {
  std::vector<float> result(points.size() / 3, -1);
  const size_t bytes = points.size() * sizeof(float);
  float *device_points = nullptr, *device_result = nullptr;
  EXPECT_EQ(cudaMalloc(&device_points, bytes + 4), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&device_result, bytes / 3 + 4), cudaSuccess);
  cudaMemcpy(device_points, points.data(), bytes, cudaMemcpyDefault);
  const absl::Status status = MeanSquaredDistanceToNearest3Cuda(
      {.points = device_points, .count = int64_t(result.size())}, device_result,
      nullptr);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(
      cudaMemcpy(result.data(), device_result, bytes / 3, cudaMemcpyDefault),
      cudaSuccess);
  cudaFree(device_points);
  cudaFree(device_result);
  return result;
}

void ExpectAgreement(const std::vector<float>& points) {
  const std::vector<float> cpu = OnCpu(points), gpu = OnGpu(points);
  // The GPU rounds a product and a sum once where the CPU rounds twice.
  for (size_t i = 0; i < cpu.size(); ++i) {
    ASSERT_NEAR(gpu[i], cpu[i], 1e-6f * cpu[i]) << i;
  }
}

TEST_F(KnnCuda, AgreesWithTheCpu) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const int count : {0, 1, 2, 3, 4, 127, 128, 129, 20'000}) {
    std::vector<float> points(3 * count);
    for (float& x : points) x = normal(random);
    ExpectAgreement(points);
  }
}

TEST_F(KnnCuda, IgnoresPointsThatAreNowhere) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ExpectAgreement({0, 0, 0, kNan, 0, 0, 2, 0, 0, 0, kInfinity, 0});
  ExpectAgreement(std::vector<float>(300, 0.25f));
}

std::vector<int64_t> NeighboursOnGpu(const std::vector<float>& points, int k) {
  const int64_t count = static_cast<int64_t>(points.size()) / 3;
  std::vector<int64_t> result(count * k, -1);
  float* device_points = nullptr;
  int64_t* device_result = nullptr;
  const size_t bytes = points.size() * sizeof(float);
  EXPECT_EQ(cudaMalloc(&device_points, bytes + 4), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&device_result, result.size() * 8 + 8), cudaSuccess);
  cudaMemcpy(device_points, points.data(), bytes, cudaMemcpyDefault);
  const absl::Status status = NearestNeighboursCuda(
      {.points = device_points, .count = count}, k, device_result, nullptr);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(cudaMemcpy(result.data(), device_result, result.size() * 8,
                       cudaMemcpyDefault),
            cudaSuccess);
  cudaFree(device_points);
  cudaFree(device_result);
  return result;
}

TEST_F(KnnCuda, FindsTheNeighboursThatTheCpuFinds) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const int count : {0, 1, 3, 129, 5000}) {
    std::vector<float> points(3 * count);
    for (float& x : points) x = normal(random);
    if (count > 3) points[7] = std::numeric_limits<float>::quiet_NaN();
    for (const int k : {1, 6, 16}) {
      std::vector<int64_t> cpu(count * k, -1);
      NearestNeighboursCpu({.points = points.data(), .count = count}, k,
                           cpu.data());
      const std::vector<int64_t> gpu = NeighboursOnGpu(points, k);
      // Roundings may order two that are all but equally near otherwise.
      int64_t unlike = 0;
      for (size_t i = 0; i < cpu.size(); ++i) unlike += cpu[i] != gpu[i];
      EXPECT_LE(unlike, count / 1000) << count << " points, " << k;
    }
  }
}

}  // namespace
}  // namespace dg4d
