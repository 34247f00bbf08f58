#include "dg4d/scene/provenance.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace dg4d {

nlohmann::json ProvenanceJson(const Provenance& provenance) {
  nlohmann::json json = nlohmann::json::object();
  if (provenance.version.empty()) return json;
  json["seed"] = provenance.seed;
  for (const auto& [key, text] :
       {std::pair("dg4d", &provenance.version),
        std::pair("config", &provenance.config),
        std::pair("config_sha256", &provenance.config_sha256),
        std::pair("image_sha256", &provenance.image_sha256),
        std::pair("video_sha256", &provenance.video_sha256)}) {
    if (!text->empty()) json[key] = *text;
  }
  return json;
}

}  // namespace dg4d
