#include "dg4d/core/guidance.h"

#include <stdexcept>

namespace dg4d {

absl::Status Guidance::CheckReady(const RunContext&) const {
  return absl::OkStatus();
}

OwnViews Guidance::ChooseViews(int, double, at::Generator&) const {
  throw std::logic_error("this guidance has no views of its own");
}

absl::StatusOr<at::Tensor> Guidance::Refine(const Views&, const Draws&) {
  return absl::UnimplementedError("this guidance refines no images");
}

std::optional<Gaussians> Guidance::InitialGaussians() const {
  return std::nullopt;
}

std::vector<std::string> Guidance::TakeWarnings() { return {}; }

}  // namespace dg4d
