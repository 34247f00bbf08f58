#include "tools/provenance.h"

#include <nlohmann/json.hpp>

#include "dg4d/base/digest.h"
#include "dg4d/core/config.h"

namespace dg4d {
namespace {

using nlohmann::ordered_json;

// A string of the object `json`, or empty.
std::string Text(const ordered_json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

std::string DigestOf(const ordered_json& record, const char* input) {
  const auto found = record.find(input);
  return found != record.end() ? Text(*found, "sha256") : std::string();
}

// What is no UTF-8, as a file may be called, is replaced: formats want it.
std::string Utf8(const std::string& bytes) {
  return ordered_json::parse(ordered_json(bytes).dump(
      -1, ' ', false, ordered_json::error_handler_t::replace));
}

}  // namespace

Provenance ProvenanceOf(const ordered_json& record, const std::string& config) {
  Provenance provenance;
  if (!record.is_object()) return provenance;
  provenance.version = Text(record, "dg4d");
  const auto seed = record.find("seed");
  if (seed != record.end() && seed->is_number_unsigned()) {
    provenance.seed = seed->get<uint64_t>();
  }
  provenance.image_sha256 = DigestOf(record, "image");
  provenance.video_sha256 = DigestOf(record, "video");
  provenance.config_sha256 = Sha256Hex(config);
  const auto parsed = ParseYaml(config, "run.yaml");
  const ConfigNode* name = parsed.ok() ? parsed->Find("name") : nullptr;
  if (name != nullptr) provenance.config = Utf8(name->scalar);
  return provenance;
}

}  // namespace dg4d
