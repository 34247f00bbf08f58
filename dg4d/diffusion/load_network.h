#ifndef DG4D_DIFFUSION_LOAD_NETWORK_H_
#define DG4D_DIFFUSION_LOAD_NETWORK_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/weight_folder.h"

namespace dg4d::diffusion {

struct LoadOptions {
  std::string variant;  // see WeightFolder::Open
  // Of the weights, and so of all that is computed; without: as stored.
  std::optional<at::ScalarType> type;
  at::Device device = at::kCPU;
};

// What networks on `device` compute in, by the name that options have for it:
// float32, float16, bfloat16, or auto, which is float16 on a GPU and float32 on
// the CPU.
at::ScalarType TypeOf(const std::string& precision, const at::Device& device);

// Old names of tensors, and tensors beside those of a network, that published
// folders are known to hold.
const WeightDialect& PublishedDialect();

// The network of one component's folder: config.json and weights. All errors
// name the file; see JsonConfig, WeightFolder and FolderWeights.
template <typename Network>
absl::StatusOr<std::unique_ptr<Network>> LoadNetwork(
    const std::string& folder, const LoadOptions& options = {}) {
  DG4D_ASSIGN_OR_RETURN(JsonConfig json,
                        JsonConfig::Read(folder + "/config.json"));
  DG4D_ASSIGN_OR_RETURN(const auto config,
                        Network::ParseConfig(std::move(json)));
  DG4D_ASSIGN_OR_RETURN(const WeightFolder weights,
                        WeightFolder::Open(folder, options.variant));
  FolderWeights source(weights, {.type = options.type,
                                 .device = options.device,
                                 .dialect = PublishedDialect()});
  auto network = std::make_unique<Network>(config, Weights(source));
  DG4D_RETURN_IF_ERROR(source.Finish());
  return network;
}

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_LOAD_NETWORK_H_
