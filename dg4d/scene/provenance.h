#ifndef DG4D_SCENE_PROVENANCE_H_
#define DG4D_SCENE_PROVENANCE_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dg4d {

// What a scene was made by and from: who has the same version, configuration
// and files gets it again. Files that have a place for it carry it.
struct Provenance {
  std::string version;        // of dg4d; empty: nothing is known
  std::string config;         // the configuration's name
  std::string config_sha256;  // of run.yaml, which has every option
  uint64_t seed = 0;
  std::string image_sha256;  // of the picture's file; empty: there is none
  std::string video_sha256;  // of the film's; empty: none, or a folder

  bool operator==(const Provenance&) const = default;
};

// As an object {"dg4d": version, "config": ..., "seed": ...} of what is there;
// empty if nothing is known.
nlohmann::json ProvenanceJson(const Provenance& provenance);

}  // namespace dg4d

#endif  // DG4D_SCENE_PROVENANCE_H_
