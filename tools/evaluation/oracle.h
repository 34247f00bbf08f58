#ifndef TOOLS_EVALUATION_ORACLE_H_
#define TOOLS_EVALUATION_ORACLE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/core/run_context.h"
#include "dg4d/guidance/zero123/zero123.h"
#include "dg4d/scene/scene.h"
#include "dg4d/testing/synthetic_scene.h"

namespace dg4d {

// Guidance `zero123` as it is, but for its networks: in their place
// OracleDenoiser, which knows the true views of an object of
// dg4d/testing/synthetic_scene.h. So everything else that score distillation
// does is measured against the truth.
class OracleGuidance final : public zero123::Zero123 {
 public:
  struct Options : zero123::Options {
    std::string object;
    int frames = 1;
    double deviation = 0.1;

    template <typename V>
    void Visit(V& v) {
      zero123::Options::Visit(v);
      v("object", object, "What is known.");
      v("frames", frames, "Of its motion.");
      v("deviation", deviation, "Of views from one camera, in [-1, 1].");
    }
  };

  explicit OracleGuidance(Options options)
      : Zero123(options), oracle_(std::move(options)) {}

  absl::Status CheckReady(const RunContext&) const override {
    return absl::OkStatus();
  }

 protected:
  absl::StatusOr<std::unique_ptr<diffusion::ViewDenoiser>> LoadDenoiser(
      RunContext& context) const override;

 private:
  Options oracle_;
};

// What a run that begins with one picture has after its first stages: the view
// of `object` from the front, `size` pixels wide.
Scene OracleScene(const SyntheticScene& object, int size);

// The line of stages that makes the object called `object` of that picture, by
// guidance "oracle" at `size` pixels, as YAML.
std::string OracleConfig(const std::string& object, int size);

}  // namespace dg4d

#endif  // TOOLS_EVALUATION_ORACLE_H_
