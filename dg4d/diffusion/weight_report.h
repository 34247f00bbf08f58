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
  std::string file;   // of the weights; else of what it was read from
  std::string types;  // as "Half" or "Float, Long"
  int64_t parameters = 0;
  uint64_t bytes = 0;
  // OK when it can be loaded; otherwise what is missing or wrong.
  absl::Status status;
};

struct WeightReport {
  // What the folder is for: zero123 or svd, by the kinds of its components, or
  // where these do not say by their names or the folder's; "" if unknown.
  std::string pipeline;
  // By name: subfolders that have the name of a component, whatever is in them,
  // if anything is.
  // Those of a known pipeline are checked as its loader reads them.
  std::vector<ComponentReport> components;
  std::vector<std::string> missing;   // components of `pipeline`
  std::vector<std::string> unread;    // other subfolders with a config.json
  std::vector<std::string> licences;  // files
  // OK if the pipeline can be loaded: what its loader says where each component
  // by itself is in order, as that they do not fit each other.
  absl::Status together;
};

// NotFound if `folder` is none.
absl::StatusOr<WeightReport> ReportWeights(const std::string& folder,
                                           const std::string& variant = "");

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_WEIGHT_REPORT_H_
