#ifndef DG4D_BASE_STATUS_H_
#define DG4D_BASE_STATUS_H_

#include <exception>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Returns from the function with the Status `expression` unless it is OK.
#define DG4D_RETURN_IF_ERROR(expression)                            \
  do {                                                              \
    if (absl::Status dg4d_status = (expression); !dg4d_status.ok()) \
      return dg4d_status;                                           \
  } while (false)

// Declares or assigns `target` from the StatusOr `expression`, or returns its
// Status: DG4D_ASSIGN_OR_RETURN(const Image image, ReadImage(path));
#define DG4D_ASSIGN_OR_RETURN(target, expression)                             \
  DG4D_ASSIGN_OR_RETURN_IMPL_(DG4D_STATUS_CONCAT_(dg4d_status_or_, __LINE__), \
                              target, expression)
#define DG4D_ASSIGN_OR_RETURN_IMPL_(result, target, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return result.status();                     \
  target = *std::move(result)
#define DG4D_STATUS_CONCAT_(a, b) DG4D_STATUS_CONCAT_IMPL_(a, b)
#define DG4D_STATUS_CONCAT_IMPL_(a, b) a##b

namespace dg4d {

// `status` with "`context`: " before its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// Whether `error` says that the host's memory or a GPU's did not suffice.
bool IsOutOfMemory(const std::exception& error);

// The bulkhead between maths, which may throw, and everything else, which
// returns Status. Runs `function` and turns what it throws into a Status: out
// of memory into ResourceExhausted, naming the options that help (and what the
// original calls them), anything else into Internal.
absl::Status CatchExceptions(absl::FunctionRef<absl::Status()> function);

}  // namespace dg4d

#endif  // DG4D_BASE_STATUS_H_
