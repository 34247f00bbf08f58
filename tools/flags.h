#ifndef TOOLS_FLAGS_H_
#define TOOLS_FLAGS_H_

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gflags/gflags.h"

// Flags that several verbs take.
DECLARE_string(output);
DECLARE_string(device);
DECLARE_int32(threads);
DECLARE_bool(overwrite);
DECLARE_bool(quiet);
DECLARE_uint64(seed);
DECLARE_int32(port);
DECLARE_double(input_fps);  // 0: as the files say
DECLARE_string(input_up);   // "+y", "-y" or empty: as the files say
DECLARE_string(weights);
DECLARE_string(suite);  // empty: the verb's first

namespace dg4d {

// Whether this binary has CUDA kernels. That a GPU is there it does not say.
bool BuiltWithCuda();

// The device that --device names, "auto" being the first GPU that this binary
// can use and otherwise the CPU. InvalidArgument for a name that is none,
// FailedPrecondition for a device that is not there, with what was found.
absl::StatusOr<c10::Device> DeviceFromFlag();

// Applies --threads (0: as many as this process may use) and keeps torch and
// OpenCV on one thread each, which is what makes results repeatable.
void ApplyThreads();

}  // namespace dg4d

#endif  // TOOLS_FLAGS_H_
