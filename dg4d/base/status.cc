#include "dg4d/base/status.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

// Each line names stages or guidances and options of theirs, as they stand in a
// configuration; dg4d/memory_advice_test.cc holds it to that.
absl::Status OutOfMemory(absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "out of memory (", what,
      "); smaller settings need less (in parentheses what to set, or what "
      "DreamGaussian4D calls it):\n"
      "  preprocess: size\n"
      "  svd_video: batched_guidance (false, with time_context: own), "
      "decode_chunk (1), size, frames\n"
      "  static_gaussians: views.count (batch_size), "
      "views.max_views_per_batch, views.sizes\n"
      "  dynamic_gaussians: views.count (n_views), "
      "views.max_views_per_batch, views.sizes\n"
      "  zero123, stable_zero123: micro_batch (1)\n"
      "  mesh_extraction: voxel_pixels (larger), texture_size, views.size\n"
      "  texture_refinement: clip_frames (oom_hack: 8), views.sizes, "
      "views.max_views_per_batch, guidances (without svd; lambda_svd: 0)\n"
      "  svd: batched_guidance (false, with time_context: own), "
      "encode_chunk (1), decode_chunk (1), image_size"));
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
