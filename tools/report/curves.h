#ifndef TOOLS_REPORT_CURVES_H_
#define TOOLS_REPORT_CURVES_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dg4d {

// A number that a stage reported at its steps.
struct Curve {
  std::string stage;
  std::string name;            // "loss", "gaussians", ...
  std::vector<int64_t> steps;  // rising
  std::vector<double> values;  // NaN where it was not finite
};

// The curves in the text of a metrics.jsonl (MetricsLog), in its order. A run
// that resumes repeats the steps since its last checkpoint, or a whole stage:
// what comes later in the file counts. Lines that a killed run left unfinished
// are passed over.
std::vector<Curve> ReadCurves(absl::string_view metrics_jsonl);

// What page.html needs to draw `curve` as SVG, 480 x 200: {title, line, mean,
// x_ticks, y_ticks, logarithmic, summary, ...}. The mean is one over a
// twentieth of the steps. Nothing (null) for a curve that never changes or has
// no two values.
nlohmann::ordered_json ChartOf(const Curve& curve);

}  // namespace dg4d

#endif  // TOOLS_REPORT_CURVES_H_
