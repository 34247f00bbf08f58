#ifndef DG4D_FORMATS_COMPANION_FILE_H_
#define DG4D_FORMATS_COMPANION_FILE_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// How a reader gets the bytes of the files that its file names: an OBJ its
// materials, those their pictures.
using CompanionReader =
    absl::FunctionRef<absl::StatusOr<std::string>(const std::string& name)>;

// Where the file lies that one in `folder` calls `name`. It is in the folder or
// below: files come from strangers, and must not make us read others. What
// leads elsewhere (an absolute path, also of Windows, or "..") is looked for by
// its last part, as `C:\cats\fur.png` by "fur.png". Links are followed.
// NotFound says where it was looked for.
absl::StatusOr<std::string> FindCompanion(const std::string& folder,
                                          absl::string_view name);

}  // namespace dg4d

#endif  // DG4D_FORMATS_COMPANION_FILE_H_
