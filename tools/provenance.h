#ifndef TOOLS_PROVENANCE_H_
#define TOOLS_PROVENANCE_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "dg4d/scene/provenance.h"

namespace dg4d {

// Of the scene of a run, by what its folder keeps: `record` is its run.json,
// `config` the bytes of its run.yaml. What either lacks stays unknown.
Provenance ProvenanceOf(const nlohmann::ordered_json& record,
                        const std::string& config);

}  // namespace dg4d

#endif  // TOOLS_PROVENANCE_H_
