#ifndef DG4D_DIFFUSION_WEIGHT_REPORT_H_
#define DG4D_DIFFUSION_WEIGHT_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dg4d::diffusion {

// What a folder of weights holds, found out without reading them: headers and
// configurations only.
struct ComponentReport {
  std::string name;   // of the subfolder
  std::string kind;   // class of the library that wrote it; "" if unknown
  std::string file;   // of the weights
  std::string types;  // as "Half" or "Float, Long"
  int64_t parameters = 0;
  uint64_t bytes = 0;
  // OK when it can be loaded; otherwise what is missing or wrong.
  absl::Status status;
};

struct WeightReport {
  // What the folder is for: the plugins whose components are all there.
  std::string pipeline;  // zero123, svd; "" when it is neither
  std::vector<ComponentReport> components;  // by name
  std::vector<std::string> missing;         // components of `pipeline`
  std::vector<std::string> licences;        // files
};

// NotFound if `folder` is none.
absl::StatusOr<WeightReport> ReportWeights(const std::string& folder,
                                           const std::string& variant = "");

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_WEIGHT_REPORT_H_
