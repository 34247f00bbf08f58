#include <ATen/ops/full.h>

#include "dg4d/formats/video_io.h"
#include "tools/verb.h"

namespace dg4d {

std::vector<const Verb*> Verbs() {
  return {&RunVerb(),     &ViewVerb(),   &ExportVerb(),   &RenderVerb(),
          &PluginsVerb(), &DoctorVerb(), &EvaluateVerb(), &BenchmarkVerb()};
}

std::vector<std::pair<std::string, std::string>> CodecFindings() {
  const Image grey = {at::full({16, 16, 3}, 0.5)};
  const bool can_encode = EncodeMp4({grey, grey}, 7).ok();
  return {{"video", can_encode
                        ? "mp4 and gif can be written"
                        : "mp4 CANNOT be written: FFmpeg has no encoder"}};
}

}  // namespace dg4d
