#ifndef DG4D_DIFFUSION_WEIGHT_FOLDER_H_
#define DG4D_DIFFUSION_WEIGHT_FOLDER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/base/safetensors.h"
#include "dg4d/diffusion/weights.h"

namespace dg4d::diffusion {

// The weights of one component (`unet`, `vae`, ...) as the diffusers and
// transformers libraries save them: NAME[.VARIANT].safetensors, or shards of it
// that NAME.safetensors.index[.VARIANT].json lists, where NAME is
// `diffusion_pytorch_model` or `model`. Opening reads headers only.
class WeightFolder {
 public:
  // `variant`, as `fp16`, says which of several files side by side is meant;
  // where there is none of it, or it is empty, the file without a variant
  // counts, and then one of any single variant.
  //
  // NotFound says what the folder should hold; pickles (.bin, .ckpt, .pt, .pth)
  // are never opened, and where there is nothing else the message says how to
  // get a .safetensors file. DataLoss and InvalidArgument name a broken file.
  static absl::StatusOr<WeightFolder> Open(const std::string& folder,
                                           const std::string& variant = "");

  // The file, or the index of the shards.
  const std::string& path() const { return path_; }

  using Entry = MappedSafeTensors::Entry;
  const std::map<std::string, const Entry*>& entries() const {
    return entries_;
  }
  at::Tensor Get(const std::string& name) const;

  int64_t Parameters() const;  // numbers in floating-point tensors
  uint64_t Bytes() const;      // of all tensors
  // Numbers by type, as {F16: 859532484}.
  std::map<at::ScalarType, int64_t> Types() const;

 private:
  absl::Status OpenShards(const std::string& folder);

  std::string path_;
  std::vector<MappedSafeTensors> files_;
  std::map<std::string, const Entry*> entries_;  // of files_
  std::map<std::string, int> file_of_;
};

// The tensors that each file of a folder holds, by its name.
using Shards = std::map<std::string, std::set<std::string>>;

// What the text of an index of shards says; `file` stands for it in messages.
// DataLoss for what is no index, or names a file outside its folder.
absl::StatusOr<Shards> ParseShardIndex(absl::string_view text,
                                       const std::string& file);

// The file of `folder` that WeightFolder::Open would read.
absl::StatusOr<std::string> FindWeightFile(const std::string& folder,
                                           const std::string& variant);

// Other names under which published files hold the same tensors, and tensors
// that they may hold in vain.
struct WeightDialect {
  // {"to_q", "query"}: where a path segment sequence `to_q` is asked for and
  // absent, `query` is looked up.
  std::vector<std::pair<std::string, std::string>> aliases;
  // Prefixes and whole names, as "text_model.": not needed, no error.
  std::vector<std::string> ignored;
};

// Gives a network the tensors of a folder, in one type on one device.
class FolderWeights final : public WeightSource {
 public:
  struct Options {
    // Without: as stored. Tensors that need no conversion are views of the
    // mapped file.
    std::optional<at::ScalarType> type;
    at::Device device = at::kCPU;  // kMeta: only check that all is there
    WeightDialect dialect;
  };

  // `folder` must outlive the source, not the tensors.
  FolderWeights(const WeightFolder& folder, Options options);

  at::Tensor Take(const std::string& name, at::IntArrayRef shape) override;

  // After the network was built: FailedPrecondition with the file and every
  // tensor that is missing, has another shape or type, or that the network has
  // no use for.
  absl::Status Finish() const;

 private:
  const std::string* Find(const std::string& name) const;

  const WeightFolder& folder_;
  Options options_;
  std::set<std::string> used_;
  std::vector<std::string> missing_;
  std::vector<std::string> misfits_;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_WEIGHT_FOLDER_H_
