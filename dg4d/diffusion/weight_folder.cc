#include "dg4d/diffusion/weight_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".safetensors";
constexpr char kIndex[] = ".safetensors.index";
constexpr const char* kNames[] = {"diffusion_pytorch_model", "model"};
constexpr const char* kPickles[] = {".bin", ".ckpt", ".pt", ".pth", ".pkl"};

bool IsFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// The single file of `variant`, or the index of its shards; "" if none.
std::string FileOfVariant(const std::string& folder,
                          const std::string& variant) {
  const std::string infix = variant.empty() ? "" : absl::StrCat(".", variant);
  for (const char* name : kNames) {
    const std::string file = absl::StrCat(folder, "/", name, infix, kSuffix);
    if (IsFile(file)) return file;
    const std::string index =
        absl::StrCat(folder, "/", name, kIndex, infix, ".json");
    if (IsFile(index)) return index;
  }
  return "";
}

// What stands between name and suffix of the files that are there.
std::set<std::string> VariantsIn(const std::vector<std::string>& files) {
  std::set<std::string> variants;
  const auto add = [&](absl::string_view file, absl::string_view prefix,
                       absl::string_view suffix) {
    if (file.size() < prefix.size() + suffix.size() + 1 ||
        !absl::StartsWith(file, prefix) || !absl::EndsWith(file, suffix)) {
      return;
    }
    file.remove_prefix(prefix.size());
    file.remove_suffix(suffix.size());
    if (!absl::StrContains(file, "-of-")) variants.emplace(file);
  };
  for (const std::string& file : files) {
    for (const char* name : kNames) {
      add(file, absl::StrCat(name, "."), kSuffix);
      add(file, absl::StrCat(name, kIndex, "."), ".json");
    }
  }
  return variants;
}

bool IsPickle(const std::string& file) {
  return std::any_of(
      std::begin(kPickles), std::end(kPickles),
      [&](const char* suffix) { return absl::EndsWith(file, suffix); });
}

absl::Status Broken(const std::string& index, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(index, " is no sound index of shards: ", what));
}

std::string ShapeText(at::IntArrayRef shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// Older converters kept the attention of autoencoders as 1x1 convolutions.
bool IsConvolutionOf(at::IntArrayRef stored, at::IntArrayRef linear) {
  return linear.size() == 2 && stored.size() == 4 && stored[2] == 1 &&
         stored[3] == 1 && stored.slice(0, 2) == linear;
}

}  // namespace

absl::StatusOr<std::string> FindWeightFile(const std::string& folder,
                                           const std::string& variant) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    files.push_back(it->path().filename().string());
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot read folder ", folder, ": ", error.message()));
  }
  std::sort(files.begin(), files.end());
  if (!variant.empty()) {
    if (auto file = FileOfVariant(folder, variant); !file.empty()) return file;
  }
  if (auto file = FileOfVariant(folder, ""); !file.empty()) return file;
  const std::set<std::string> variants = VariantsIn(files);
  if (variants.size() == 1) return FileOfVariant(folder, *variants.begin());
  if (variants.size() > 1) {
    return absl::NotFoundError(absl::StrCat(
        folder, " holds the variants ", absl::StrJoin(variants, ", "),
        variant.empty() ? "; say which" : ", not " + variant));
  }
  const auto pickle = std::find_if(files.begin(), files.end(), &IsPickle);
  if (pickle != files.end()) {
    return absl::NotFoundError(absl::StrCat(
        folder, " holds ", *pickle,
        ", a pickle, which runs code when it is opened; only .safetensors "
        "files are read: get the model's, or save it anew in Python with "
        "save_pretrained(..., safe_serialization=True)"));
  }
  return absl::NotFoundError(absl::StrCat(
      folder, " holds neither ", kNames[0], kSuffix, " nor ", kNames[1],
      kSuffix, variant.empty() ? "" : ", also not as ." + variant + kSuffix));
}

absl::StatusOr<WeightFolder> WeightFolder::Open(const std::string& folder,
                                                const std::string& variant) {
  WeightFolder weights;
  DG4D_ASSIGN_OR_RETURN(weights.path_, FindWeightFile(folder, variant));
  if (absl::EndsWith(weights.path_, kSuffix)) {
    DG4D_ASSIGN_OR_RETURN(MappedSafeTensors file,
                          MappedSafeTensors::Open(weights.path_));
    weights.files_.push_back(std::move(file));
  } else {
    DG4D_RETURN_IF_ERROR(weights.OpenShards(folder));
  }
  for (size_t i = 0; i < weights.files_.size(); ++i) {
    for (const auto& [name, entry] : weights.files_[i].entries()) {
      weights.file_of_[name] = static_cast<int>(i);
      if (!weights.entries_.emplace(name, &entry).second) {
        return Broken(weights.path_,
                      absl::StrCat("two shards hold '", name, "'"));
      }
    }
  }
  return weights;
}

absl::StatusOr<Shards> ParseShardIndex(absl::string_view text,
                                       const std::string& file) {
  const auto index = nlohmann::json::parse(text, nullptr, false);
  if (!index.is_object() || !index.contains("weight_map") ||
      !index["weight_map"].is_object()) {
    return Broken(file, "it has no weight_map");
  }
  Shards shards;
  for (const auto& [tensor, value] : index["weight_map"].items()) {
    const std::string shard = value.is_string() ? value.get<std::string>() : "";
    // Nothing outside the folder is opened, whatever the index says.
    if (!absl::EndsWith(shard, kSuffix) || absl::StrContains(shard, "/") ||
        absl::StrContains(shard, absl::string_view("\0", 1))) {
      return Broken(file,
                    absl::StrCat("the shard of '", tensor, "' is no name of a ",
                                 kSuffix, " file in its folder"));
    }
    shards[shard].insert(tensor);
  }
  return shards;
}

absl::Status WeightFolder::OpenShards(const std::string& folder) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(path_));
  DG4D_ASSIGN_OR_RETURN(const Shards shards, ParseShardIndex(text, path_));
  for (const auto& [shard, tensors] : shards) {
    const std::string path = absl::StrCat(folder, "/", shard);
    DG4D_ASSIGN_OR_RETURN(MappedSafeTensors file,
                          MappedSafeTensors::Open(path));
    for (const std::string& tensor : tensors) {
      if (file.entries().count(tensor) == 0) {
        return Broken(path_, absl::StrCat(path, " lacks '", tensor, "'"));
      }
    }
    for (const auto& [tensor, entry] : file.entries()) {
      if (tensors.count(tensor) == 0) {
        return Broken(path_, absl::StrCat(path, " holds '", tensor,
                                          "', which is not listed there"));
      }
    }
    files_.push_back(std::move(file));
  }
  return absl::OkStatus();
}

at::Tensor WeightFolder::Get(const std::string& name) const {
  return files_[file_of_.at(name)].Get(name);
}

int64_t WeightFolder::Parameters() const {
  int64_t sum = 0;
  for (const auto& [type, count] : Types()) {
    if (c10::isFloatingType(type)) sum += count;
  }
  return sum;
}

uint64_t WeightFolder::Bytes() const {
  uint64_t sum = 0;
  for (const auto& [name, entry] : entries_) sum += entry->end - entry->begin;
  return sum;
}

std::map<at::ScalarType, int64_t> WeightFolder::Types() const {
  std::map<at::ScalarType, int64_t> types;
  for (const auto& [name, entry] : entries_) {
    types[entry->type] +=
        (entry->end - entry->begin) / c10::elementSize(entry->type);
  }
  return types;
}

FolderWeights::FolderWeights(const WeightFolder& folder, Options options)
    : folder_(folder), options_(std::move(options)) {}

// The stored name of `name`, or null.
const std::string* FolderWeights::Find(const std::string& name) const {
  const auto& entries = folder_.entries();
  const auto own = entries.find(name);
  if (own != entries.end()) return &own->first;
  const std::string dotted = absl::StrCat(".", name, ".");
  for (const auto& [known, alias] : options_.dialect.aliases) {
    const size_t at = dotted.find(absl::StrCat(".", known, "."));
    if (at == std::string::npos) continue;
    std::string other = name;
    other.replace(at, known.size(), alias);
    const auto found = entries.find(other);
    if (found != entries.end()) return &found->first;
  }
  return nullptr;
}

at::Tensor FolderWeights::Take(const std::string& name, at::IntArrayRef shape) {
  const at::Tensor absent = WithoutMemory(shape);
  const std::string* stored = Find(name);
  if (stored == nullptr) {
    missing_.push_back(absl::StrCat(name, " ", ShapeText(shape)));
    return absent;
  }
  used_.insert(*stored);
  const WeightFolder::Entry& entry = *folder_.entries().at(*stored);
  if (!c10::isFloatingType(entry.type)) {
    misfits_.push_back(absl::StrCat(*stored, " holds ",
                                    at::toString(entry.type),
                                    ", not floating-point numbers"));
    return absent;
  }
  if (shape != at::IntArrayRef(entry.shape) &&
      !IsConvolutionOf(entry.shape, shape)) {
    misfits_.push_back(absl::StrCat(*stored, " is ", ShapeText(entry.shape),
                                    " instead of ", ShapeText(shape)));
    return absent;
  }
  if (options_.device.is_meta()) return absent;
  const at::Tensor tensor = folder_.Get(*stored).view(shape);
  return tensor.to(tensor.options()
                       .dtype(options_.type.value_or(tensor.scalar_type()))
                       .device(options_.device));
}

absl::Status FolderWeights::Finish() const {
  std::vector<std::string> unknown;
  for (const auto& [name, entry] : folder_.entries()) {
    const std::string& stored = name;
    const bool ignored = std::any_of(options_.dialect.ignored.begin(),
                                     options_.dialect.ignored.end(),
                                     [&](const std::string& prefix) {
                                       return absl::StartsWith(stored, prefix);
                                     });
    if (used_.count(name) == 0 && !ignored) unknown.push_back(name);
  }
  std::string list;
  const auto add = [&](const std::vector<std::string>& names,
                       absl::string_view what) {
    if (names.empty()) return;
    absl::StrAppend(&list, "\n  ", names.size(), " ", what, ":\n    ",
                    absl::StrJoin(names, "\n    "));
  };
  add(missing_, "missing");
  add(misfits_, "of another shape or type");
  add(unknown, "unknown to this network");
  if (list.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(folder_.path(),
                   " does not fit the network that config.json beside it "
                   "describes; tensors:",
                   list));
}

}  // namespace dg4d::diffusion
