#ifndef TOOLS_VIEWER_MESSAGES_H_
#define TOOLS_VIEWER_MESSAGES_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dg4d/scene/camera.h"

namespace dg4d::viewer {

// Messages of protocol.h that more than one part of the server writes.

nlohmann::json HelloMessage(absl::string_view mode, absl::string_view name,
                            const std::vector<std::string>& stages,
                            absl::string_view config);
nlohmann::json WarningMessage(absl::string_view stage,
                              absl::string_view message);
// `reference` may be null.
nlohmann::json CamerasMessage(const Camera* reference,
                              const std::vector<Camera>& views);
// `url` may be empty.
nlohmann::json ExportMessage(absl::string_view exporter,
                             absl::string_view state, absl::string_view message,
                             absl::string_view url = "");

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_MESSAGES_H_
