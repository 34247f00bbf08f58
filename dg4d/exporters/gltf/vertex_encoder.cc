#include "dg4d/exporters/gltf/vertex_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

namespace dg4d::gltf {
namespace {

constexpr int kMostShort = 32767;
constexpr int kMostByte = 127;
constexpr int kMostUnsignedShort = 65535;

std::vector<float> Differences(const std::vector<float>& target,
                               const std::vector<float>& base) {
  std::vector<float> differences = target;
  for (size_t i = 0; i < base.size(); ++i) differences[i] -= base[i];
  return differences;
}

std::vector<int> Rounded(const std::vector<float>& values, int steps) {
  std::vector<int> rounded;
  rounded.reserve(values.size());
  for (const float value : values) {
    rounded.push_back(static_cast<int>(std::lround(double{value} * steps)));
  }
  return rounded;
}

template <typename Integer>
std::vector<Integer> Narrow(const std::vector<int>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

VertexEncoder::VertexEncoder(const std::vector<Mesh>& meshes, bool quantize,
                             bool morphs, GlbBuilder& builder)
    : quantize_(quantize), builder_(builder) {
  if (!quantize) return;
  at::Tensor low, high;
  for (const Mesh& mesh : meshes) {
    const at::Tensor least = std::get<0>(mesh.vertices.min(0));
    const at::Tensor most = std::get<0>(mesh.vertices.max(0));
    low = low.defined() ? at::minimum(low, least) : least;
    high = high.defined() ? at::maximum(high, most) : most;
  }
  double reach = 0;
  for (int c = 0; c < 3; ++c) {
    const double from = low[c].item<double>(), to = high[c].item<double>();
    center_[c] = (from + to) / 2;
    reach = std::max(reach, (to - from) / 2);
  }
  for (size_t i = 1; morphs && i < meshes.size(); ++i) {
    reach = std::max(
        reach,
        (meshes[i].vertices - meshes[0].vertices).abs().max().item<double>());
  }
  // A step more, for a target and its base may be rounded away from each other.
  if (reach > 0) scale_ = reach * (1 + 1.0 / (kMostShort - 1));
}

std::vector<int> VertexEncoder::GridPositions(
    const std::vector<float>& positions) const {
  std::vector<int> steps;
  steps.reserve(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    steps.push_back(static_cast<int>(
        std::lround((positions[i] - center_[i % 3]) / scale_ * kMostShort)));
  }
  return steps;
}

int VertexEncoder::AddPositions(const std::vector<float>& positions) {
  return quantize_ ? builder_.AddVertexIntegers(
                         Narrow<int16_t>(GridPositions(positions)), 3)
                   : builder_.AddVertexFloats(positions, 3);
}

int VertexEncoder::AddNormals(const std::vector<float>& normals) {
  return quantize_ ? builder_.AddVertexIntegers(
                         Narrow<int8_t>(Rounded(normals, kMostByte)), 3)
                   : builder_.AddVertexFloats(normals, 3);
}

int VertexEncoder::AddUvs(const std::vector<float>& uvs) {
  const bool fits = std::all_of(uvs.begin(), uvs.end(), [](float value) {
    return value >= 0 && value <= 1;
  });
  return quantize_ && fits
             ? builder_.AddVertexIntegers(
                   Narrow<uint16_t>(Rounded(uvs, kMostUnsignedShort)), 2)
             : builder_.AddVertexFloats(uvs, 2);
}

int VertexEncoder::AddPositionTarget(const std::vector<float>& base,
                                     const std::vector<float>& target) {
  if (!quantize_) {
    return builder_.AddVertexFloats(Differences(target, base), 3);
  }
  std::vector<int> steps = GridPositions(target);
  const std::vector<int> from = GridPositions(base);
  for (size_t i = 0; i < steps.size(); ++i) steps[i] -= from[i];
  return builder_.AddVertexIntegers(Narrow<int16_t>(steps), 3);
}

int VertexEncoder::AddNormalTarget(const std::vector<float>& base,
                                   const std::vector<float>& target) {
  if (!quantize_) {
    return builder_.AddVertexFloats(Differences(target, base), 3);
  }
  const std::vector<int> from = Rounded(base, kMostByte);
  std::vector<int> steps = Rounded(target, kMostByte);
  bool fits = true;
  for (size_t i = 0; i < steps.size(); ++i) {
    steps[i] -= from[i];
    fits = fits && std::abs(steps[i]) <= kMostByte;
  }
  if (fits) return builder_.AddVertexIntegers(Narrow<int8_t>(steps), 3);
  std::vector<float> floats;
  floats.reserve(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    floats.push_back(target[i] - static_cast<float>(from[i]) / kMostByte);
  }
  return builder_.AddVertexFloats(floats, 3);
}

}  // namespace dg4d::gltf
