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
      "); smaller settings need less: the stages' views, frames or "
      "micro_batch, the preprocess stage's size, mesh_extraction's "
      "resolution"));
}

// The first line, without libtorch's source position.
absl::string_view FirstLine(absl::string_view message) {
  return message.substr(0, message.find('\n'));
}

}  // namespace

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(context, ": ", status.message()));
}

absl::Status CatchExceptions(absl::FunctionRef<absl::Status()> function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return OutOfMemory("the host's");
  } catch (const c10::OutOfMemoryError& error) {
    return OutOfMemory(FirstLine(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const absl::string_view what = FirstLine(error.what_without_backtrace());
    // The CPU allocator throws its plain Error.
    if (absl::StrContains(what, "not enough memory")) return OutOfMemory(what);
    return absl::InternalError(what);
  } catch (const std::exception& error) {
    return absl::InternalError(FirstLine(error.what()));
  } catch (...) {
    return absl::InternalError("something that is no exception was thrown");
  }
}

}  // namespace dg4d
