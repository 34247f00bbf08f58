// Writes a folder of seeded weights: write_seeded_pipeline PIPELINE SIZE TYPE
// FOLDER [COMPONENT...], as `write_seeded_pipeline zero123 tiny float32
// /tmp/zero123`.

#include <cstdio>
#include <map>
#include <string>

#include "dg4d/diffusion/seeded_folder.h"

int main(int argc, char** argv) {
  const std::map<std::string, at::ScalarType> types = {
      {"float32", at::kFloat},
      {"float16", at::kHalf},
      {"bfloat16", at::kBFloat16}};
  if (argc < 5 || types.count(argv[3]) == 0) {
    std::fprintf(stderr,
                 "usage: %s zero123|svd tiny|full float32|float16|bfloat16 "
                 "FOLDER [COMPONENT...]\n",
                 argv[0]);
    return 2;
  }
  const absl::Status status = dg4d::diffusion::WriteSeededPipeline(
      argv[1], argv[2], types.at(argv[3]), argv[4], {argv + 5, argv + argc});
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
