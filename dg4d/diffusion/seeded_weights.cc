#include "dg4d/diffusion/seeded_weights.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>

#include "absl/strings/match.h"

namespace dg4d::diffusion {
namespace {

uint64_t Hash(absl::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return hash;
}

double Number(uint64_t hash, int64_t index) {
  uint64_t z = hash + static_cast<uint64_t>(index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return 2 * (static_cast<double>(z >> 40) / (1 << 24)) - 1;
}

// offset + scale * stream
at::Tensor Fill(absl::string_view name, at::IntArrayRef shape, double offset,
                double scale) {
  const uint64_t hash = Hash(name);
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>(offset + scale * Number(hash, i));
  }
  return tensor;
}

}  // namespace

double SeededNumber(absl::string_view name, int64_t index) {
  return Number(Hash(name), index);
}

at::Tensor SeededInput(absl::string_view name, at::IntArrayRef shape) {
  return Fill(name, shape, 0, std::sqrt(3.0));
}

at::Tensor SeededWeights::Take(const std::string& name, at::IntArrayRef shape) {
  if (shape.size() >= 2) {
    int64_t fan_in = 1;
    for (size_t i = 1; i < shape.size(); ++i) fan_in *= shape[i];
    return Fill(name, shape, 0, std::sqrt(3.0 / static_cast<double>(fan_in)));
  }
  if (absl::EndsWith(name, ".weight")) return Fill(name, shape, 1, 0.1);
  if (absl::EndsWith(name, ".bias")) return Fill(name, shape, 0, 0.1);
  return Fill(name, shape, 0, 1);
}

}  // namespace dg4d::diffusion
