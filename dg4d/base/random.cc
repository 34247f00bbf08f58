#include "dg4d/base/random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <mutex>

namespace dg4d {
namespace {

// FNV-1a, then the finaliser of splitmix64, so that near seeds and near names
// give unrelated generators.
uint64_t Mix(uint64_t seed, absl::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  hash += seed * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

}  // namespace

at::Generator MakeGenerator(uint64_t seed, absl::string_view name) {
  return at::make_generator<at::CPUGeneratorImpl>(Mix(seed, name));
}

at::Tensor Uniform(at::IntArrayRef sizes, double low, double high,
                   at::Generator& generator) {
  return at::empty(sizes, at::kFloat).uniform_(low, high, generator);
}

at::Tensor Normal(at::IntArrayRef sizes, at::Generator& generator) {
  return at::empty(sizes, at::kFloat).normal_(0, 1, generator);
}

double UniformNumber(double low, double high, at::Generator& generator) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  const uint64_t bits =
      at::check_generator<at::CPUGeneratorImpl>(generator)->random64() >> 11;
  return low + (high - low) * (static_cast<double>(bits) * 0x1p-53);
}

int64_t UniformInteger(int64_t low, int64_t high, at::Generator& generator) {
  if (high <= low) return low;
  const double drawn = UniformNumber(0, 1, generator);
  const auto range = static_cast<double>(high - low);
  return std::min(high - 1, low + static_cast<int64_t>(drawn * range));
}

}  // namespace dg4d
