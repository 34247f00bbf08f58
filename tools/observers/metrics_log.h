#ifndef TOOLS_OBSERVERS_METRICS_LOG_H_
#define TOOLS_OBSERVERS_METRICS_LOG_H_

#include <fstream>
#include <string>

#include "dg4d/core/observer.h"

namespace dg4d {

// Appends each step's numbers to a file, a JSON object a line:
// {"stage": "static_gaussians", "step": 10, "loss": 0.01}.
class MetricsLog : public RunObserver {
 public:
  explicit MetricsLog(const std::string& path)
      : out_(path, std::ios::app | std::ios::binary) {}

  void Step(absl::string_view stage, int64_t steps_done, int64_t steps,
            const Metrics& metrics) override;

 private:
  std::ofstream out_;
};

}  // namespace dg4d

#endif  // TOOLS_OBSERVERS_METRICS_LOG_H_
