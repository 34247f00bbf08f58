#include "tools/observers/metrics_log.h"

#include <nlohmann/json.hpp>

namespace dg4d {

void MetricsLog::Step(absl::string_view stage, int64_t steps_done, int64_t,
                      const Metrics& metrics) {
  if (metrics.empty()) return;
  nlohmann::ordered_json line = {{"stage", std::string(stage)},
                                 {"step", steps_done}};
  for (const auto& [name, value] : metrics) line[name] = value;
  // A step takes milliseconds, and a run may be killed: nothing is held back.
  out_ << line.dump() << std::endl;
}

}  // namespace dg4d
