#include "tools/viewer/messages.h"

#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "tools/viewer/protocol.h"

namespace dg4d::viewer {

using nlohmann::json;

namespace {

json CameraJson(const Camera& camera) {
  return {{"world_from_camera", camera.world_from_camera},
          {"fov_y", camera.fov_y},
          {"width", camera.width},
          {"height", camera.height}};
}

}  // namespace

json HelloMessage(absl::string_view mode, absl::string_view name,
                  const std::vector<std::string>& stages,
                  absl::string_view config) {
  json exporters = json::array();
  for (const auto& [exporter, plugin] : Registry<Exporter>::Plugins()) {
    const auto created = plugin.create(ConfigNode());
    if (!created.ok()) continue;  // has options without defaults
    exporters.push_back({{"name", exporter},
                         {"summary", plugin.summary},
                         {"path", (*created)->DefaultPath()}});
  }
  return {{"type", "hello"},
          {"version", kProtocolVersion},
          {"mode", std::string(mode)},
          {"name", std::string(name)},
          {"stages", stages},
          {"exporters", exporters},
          {"config", std::string(config)}};
}

json WarningMessage(absl::string_view stage, absl::string_view message) {
  return {{"type", "warning"},
          {"stage", std::string(stage)},
          {"message", std::string(message)}};
}

json CamerasMessage(const Camera* reference, const std::vector<Camera>& views) {
  json all = json::array();
  for (const Camera& view : views) all.push_back(CameraJson(view));
  return {{"type", "cameras"},
          {"reference", reference ? CameraJson(*reference) : json()},
          {"views", all}};
}

json ExportMessage(absl::string_view exporter, absl::string_view state,
                   absl::string_view message, absl::string_view url) {
  json result = {{"type", "export"},
                 {"exporter", std::string(exporter)},
                 {"state", std::string(state)},
                 {"message", std::string(message)},
                 {"url", nullptr}};
  if (!url.empty()) result["url"] = std::string(url);
  return result;
}

}  // namespace dg4d::viewer
