#ifndef TOOLS_REPORT_RUN_REPORT_H_
#define TOOLS_REPORT_RUN_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/core/run_context.h"
#include "tools/observers/run_record.h"
#include "tools/report/inspection.h"
#include "tools/report/page.h"

namespace dg4d {

// Keeps report.html in a run's output folder: what run.json, metrics.jsonl and
// run.yaml there say, with pictures of the scene. It is written anew as each
// stage begins and ends, so that a run that is killed leaves what was known
// then; turntables are drawn at the end only. What it measures of the scene it
// puts into `record`, so that a run that goes on later still tells it.
class RunReport : public RunObserver {
 public:
  // `record` comes before this among the observers, and outlives it.
  RunReport(const Pipeline& pipeline, const RunContext::Settings& settings,
            RunRecord& record);

  void StageStarted(absl::string_view stage) override;
  void StageFinished(absl::string_view stage, const absl::Status& status,
                     absl::Duration duration, const Scene& scene) override;

  // Writes the page once more, with all there is; `record` is finished.
  absl::Status Finish(const Scene& scene);

  static constexpr char kFileName[] = "report.html";

 private:
  absl::Status Inspect(const Scene& scene, bool is_new);
  absl::Status DrawTurntables(const Scene& scene);
  absl::Status Write();

  const std::string directory_;
  const std::string input_image_;
  const std::vector<std::string> stages_;
  RunRecord& record_;
  SceneInspector inspector_;
  Report report_;
};

}  // namespace dg4d

#endif  // TOOLS_REPORT_RUN_REPORT_H_
