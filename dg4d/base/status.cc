#include "dg4d/base/status.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

absl::Status OutOfMemory(absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "out of memory (", what,
      "); smaller settings need less: views.count (DreamGaussian4D's "
      "batch_size in static_gaussians, n_views in dynamic_gaussians), "
      "views.max_views_per_batch and views.sizes; clip_frames of "
      "texture_refinement (oom_hack: 8), or no guidance svd there "
      "(lambda_svd: 0); a guidance's micro_batch; size of preprocess; "
      "resolution of mesh_extraction"));
}

// The first line, without libtorch's source position.
absl::string_view FirstLine(absl::string_view message) {
  return message.substr(0, message.find('\n'));
}

absl::string_view What(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  return of_torch != nullptr ? of_torch->what_without_backtrace()
                             : error.what();
}

}  // namespace

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(context, ": ", status.message()));
}

bool IsOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    return true;
  }
  // The CPU allocator and scripts throw errors of no kind of their own.
  const absl::string_view what = What(error);
  return absl::StrContains(what, "not enough memory") ||
         absl::StrContains(what, "out of memory");
}

absl::Status CatchExceptions(absl::FunctionRef<absl::Status()> function) {
  try {
    return function();
  } catch (const std::exception& error) {
    const absl::string_view what = FirstLine(What(error));
    return IsOutOfMemory(error) ? OutOfMemory(what) : absl::InternalError(what);
  } catch (...) {
    return absl::InternalError("something that is no exception was thrown");
  }
}

}  // namespace dg4d
