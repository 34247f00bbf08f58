#ifndef DG4D_DIFFUSION_SEEDED_NETWORK_H_
#define DG4D_DIFFUSION_SEEDED_NETWORK_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "dg4d/diffusion/weights.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {

// For tests: the configuration that `config`, a config.json, describes.
template <typename Network>
typename Network::Config ParsedConfig(const std::string& config) {
  auto json = JsonConfig::Parse(config, "config.json");
  EXPECT_TRUE(json.ok()) << json.status();
  const auto parsed = Network::ParseConfig(*std::move(json));
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *parsed;
}

// A network with seeded weights.
template <typename Network>
Network SeededNetwork(const std::string& config) {
  SeededWeights source;
  return Network(ParsedConfig<Network>(config), Weights(source));
}

// What it asks for.
template <typename Network>
std::map<std::string, std::vector<int64_t>> ShapesOf(
    const std::string& config) {
  WeightLayout layout;
  Network(ParsedConfig<Network>(config), Weights(layout));
  return layout.shapes();
}

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_SEEDED_NETWORK_H_
