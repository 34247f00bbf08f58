#include "dg4d/core/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "dg4d/base/digest.h"
#include "dg4d/base/files.h"
#include "dg4d/base/safetensors.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/scene_io.h"

namespace dg4d {
namespace {

constexpr char kFingerprint[] = "fingerprint";
constexpr char kSlots[] = "slots";

// One entry of `stages:` or `exporters:`, taken apart.
struct Entry {
  std::string key;
  std::string plugin;
  std::string path;
  ConfigNode options = ConfigNode::Map();
};

// `path_key`, if not empty, is a key beside the plugin's options.
Entry TakeApart(const std::string& key, const ConfigNode& node,
                absl::string_view path_key, Errors& errors) {
  Entry entry{.key = key, .plugin = key};
  entry.options.where = node.where;
  if (!node.is_map() && !node.is_null()) {
    errors.Add(node.Locate(
        absl::StrCat("expected the options of '", key, "' as key: value")));
    return entry;
  }
  for (const auto& [name, value] : node.entries) {
    if (name == "plugin") {
      errors.Add(options_internal::ReadScalar(value, entry.plugin));
    } else if (!path_key.empty() && name == path_key) {
      errors.Add(options_internal::ReadScalar(value, entry.path));
    } else {
      entry.options.entries.emplace_back(name, value);
    }
  }
  return entry;
}

std::vector<Entry> Entries(const ConfigNode& config, absl::string_view section,
                           absl::string_view path_key, Errors& errors) {
  std::vector<Entry> entries;
  const ConfigNode* node = config.Find(section);
  if (node == nullptr || node->is_null()) return entries;
  if (!node->is_map()) {
    errors.Add(node->Locate(
        absl::StrCat("expected '", section, ":' to hold name: {options}")));
    return entries;
  }
  for (const auto& [key, value] : node->entries) {
    entries.push_back(TakeApart(key, value, path_key, errors));
  }
  return entries;
}

// Creates the plugin of `entry` and fills in the defaults of its options.
template <typename Interface>
std::unique_ptr<Interface> CreatePlugin(Entry& entry, Errors& errors) {
  const auto found = Registry<Interface>::Find(entry.plugin);
  if (!found.ok()) {
    errors.Add(entry.options.Locate(found.status().message()));
    return nullptr;
  }
  std::unique_ptr<Interface> created;
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    DG4D_ASSIGN_OR_RETURN(created, (*found)->create(entry.options));
    DG4D_ASSIGN_OR_RETURN(entry.options, (*found)->resolve(entry.options));
    return absl::OkStatus();
  });
  errors.Add(status);
  return status.ok() ? std::move(created) : nullptr;
}

template <typename Interface>
bool IsLinked(const Entry& entry) {
  return Registry<Interface>::Find(entry.plugin).ok();
}

ConfigNode Resolved(const Entry& entry) {
  ConfigNode node = ConfigNode::Map();
  if (entry.plugin != entry.key) {
    node["plugin"] = ConfigNode::Scalar(entry.plugin);
  }
  if (!entry.path.empty()) node["path"] = ConfigNode::Scalar(entry.path);
  for (const auto& [key, value] : entry.options.entries) node[key] = value;
  return node;
}

// The linked stages that write `slot` by default.
std::string StagesThatWrite(Slot slot) {
  std::vector<std::string> names;
  for (const auto& [name, plugin] : Registry<Stage>::Plugins()) {
    const auto stage = plugin.create(ConfigNode());
    if (!stage.ok()) continue;
    const std::vector<Slot> writes = (*stage)->Contract().writes;
    if (std::find(writes.begin(), writes.end(), slot) != writes.end()) {
      names.push_back(name);
    }
  }
  return names.empty() ? "a stage that writes it"
                       : absl::StrJoin(names, " or ");
}

absl::Status WriteResult(const Scene& scene, const std::vector<Slot>& slots,
                         const std::string& fingerprint,
                         const std::string& path) {
  SafeTensors content;
  content.metadata[kFingerprint] = fingerprint;
  std::vector<std::string> names;
  for (const Slot slot : slots) {
    names.push_back(SlotName(slot));
    content.tensors.merge(SlotToTensors(scene, slot));
  }
  content.metadata[kSlots] = absl::StrJoin(names, " ");
  return WriteSafeTensors(content, path);
}

std::string Metadata(const SafeTensors& content, const std::string& key) {
  const auto found = content.metadata.find(key);
  return found == content.metadata.end() ? "" : found->second;
}

absl::Status ApplyResult(const SafeTensors& content, const std::string& path,
                         Scene& scene) {
  const std::string slots = Metadata(content, kSlots);
  for (const Slot slot : kAllSlots) {
    if (!absl::StrContains(absl::StrCat(" ", slots, " "),
                           absl::StrCat(" ", SlotName(slot), " "))) {
      continue;
    }
    DG4D_RETURN_IF_ERROR(
        Annotate(SlotFromTensors(content.tensors, slot, scene), path));
  }
  return absl::OkStatus();
}

// All that the result of a stage depends on: the options of the line up to it,
// the seed, and the files that the user gave.
std::string Fingerprint(const std::string& before, const std::string& key,
                        const ConfigNode& resolved) {
  return Sha256Hex(absl::StrCat(before, "\n", key, "\n", ToYaml(resolved)));
}

std::string InputFingerprint(const RunContext::Settings& settings) {
  std::string text = absl::StrCat("seed ", settings.seed);
  for (const std::string& path : {settings.input_image, settings.input_video}) {
    const absl::StatusOr<std::string> bytes =
        path.empty() ? std::string() : ReadFile(path);
    // A folder of frames, or a file that its stage will complain about.
    absl::StrAppend(&text, " ", bytes.ok() ? Sha256Hex(*bytes) : path);
  }
  return text;
}

// InvalidArgument says that the run was asked for wrongly; what a stage finds
// wrong with the user's files is a failure of a run that was asked for rightly.
absl::Status Failure(const absl::Status& status) {
  return absl::IsInvalidArgument(status)
             ? absl::FailedPreconditionError(status.message())
             : status;
}

}  // namespace

void Pipeline::CreateStages(const ConfigNode& config, const Range& range,
                            Pipeline& pipeline, Errors& errors) {
  bool runs = range.from.empty();
  for (Entry& entry : Entries(config, "stages", "", errors)) {
    runs = runs || entry.key == range.from;
    std::unique_ptr<Stage> stage;
    if (runs || IsLinked<Stage>(entry)) {
      stage = CreatePlugin<Stage>(entry, errors);
    }
    runs = runs && entry.key != range.until;
    pipeline.resolved_["stages"][entry.key] = Resolved(entry);
    pipeline.stages_.push_back(
        {entry.key, entry.plugin, std::move(stage), Resolved(entry)});
  }
  if (pipeline.stages_.empty() && errors.empty()) {
    errors.Add(config.Locate("there are no stages: expected 'stages:'"));
  }
}

void Pipeline::CreateExporters(const ConfigNode& config, const Range& range,
                               Pipeline& pipeline, Errors& errors) {
  const bool whole_line = range.from.empty() && range.until.empty();
  for (Entry& entry : Entries(config, "exporters", "path", errors)) {
    std::unique_ptr<Exporter> exporter;
    if (whole_line || IsLinked<Exporter>(entry)) {
      exporter = CreatePlugin<Exporter>(entry, errors);
      if (exporter == nullptr) continue;
      if (entry.path.empty()) entry.path = exporter->DefaultPath();
    }
    pipeline.resolved_["exporters"][entry.key] = Resolved(entry);
    pipeline.exporters_.push_back({entry.key, entry.path, std::move(exporter)});
  }
}

void Pipeline::CheckContracts(const ConfigNode& config,
                              const std::vector<Slot>& present,
                              Errors& errors) const {
  std::set<Slot> written(present.begin(), present.end());
  for (const StageEntry& entry : stages_) {
    // What a stage that is not there writes is unknown.
    if (entry.stage == nullptr) return;
    const StageContract contract = entry.stage->Contract();
    for (const Slot slot : contract.reads) {
      if (written.count(slot)) continue;
      const ConfigNode& node = *config.Find("stages")->Find(entry.key);
      errors.Add(node.Locate(
          absl::StrCat("stage '", entry.key, "' needs '", SlotName(slot),
                       "', which no earlier stage writes; add ",
                       StagesThatWrite(slot), " before it")));
    }
    written.insert(contract.writes.begin(), contract.writes.end());
  }
}

absl::StatusOr<Pipeline> Pipeline::Create(const ConfigNode& config,
                                          const std::vector<Slot>& present,
                                          const Range& range) {
  Pipeline pipeline;
  pipeline.resolved_ = ConfigNode::Map();
  Errors errors;
  const std::vector<std::string> sections = {"name", "seed", "stages",
                                             "exporters"};
  for (const auto& [key, value] : config.entries) {
    if (std::find(sections.begin(), sections.end(), key) == sections.end()) {
      errors.Add(value.Locate(
          absl::StrCat("unknown key '", key, "'", DidYouMean(key, sections),
                       "; known: ", absl::StrJoin(sections, ", "))));
    }
  }
  if (const ConfigNode* name = config.Find("name")) {
    std::string text;
    errors.Add(ReadValue(*name, text));
    pipeline.resolved_["name"] = WriteValue(text);
  }
  if (const ConfigNode* seed = config.Find("seed")) {
    errors.Add(ReadValue(*seed, pipeline.seed_));
  }
  pipeline.resolved_["seed"] = WriteValue(pipeline.seed_);
  CreateStages(config, range, pipeline, errors);
  CreateExporters(config, range, pipeline, errors);
  pipeline.CheckContracts(config, present, errors);
  if (absl::Status status = errors.ToStatus(); !status.ok()) return status;
  return pipeline;
}

std::vector<std::string> Pipeline::stage_keys() const {
  std::vector<std::string> keys;
  for (const StageEntry& entry : stages_) keys.push_back(entry.key);
  return keys;
}

std::vector<std::string> Pipeline::export_paths() const {
  std::vector<std::string> paths;
  for (const ExporterEntry& entry : exporters_) {
    if (!entry.path.empty()) paths.push_back(entry.path);
  }
  return paths;
}

bool Pipeline::HasStagePlugin(absl::string_view plugin) const {
  return std::any_of(
      stages_.begin(), stages_.end(),
      [&](const StageEntry& entry) { return entry.plugin == plugin; });
}

absl::StatusOr<size_t> Pipeline::IndexOf(const std::string& key) const {
  const std::vector<std::string> keys = stage_keys();
  const auto found = std::find(keys.begin(), keys.end(), key);
  if (found != keys.end()) return found - keys.begin();
  return absl::InvalidArgumentError(
      absl::StrCat("no stage '", key, "' in the line", DidYouMean(key, keys),
                   "; its stages: ", absl::StrJoin(keys, ", ")));
}

absl::Status Pipeline::RunStage(const StageEntry& entry,
                                const std::string& fingerprint, Scene& scene,
                                RunContext& context) const {
  const RunContext::Settings& settings = context.settings();
  context.EnterStage(entry.key, fingerprint);
  for (RunObserver* observer : settings.observers) {
    observer->StageStarted(entry.key);
  }
  const absl::Time start = absl::Now();
  absl::Status status = context.CheckCancelled();
  if (status.ok()) status = entry.stage->Run(context, scene);
  if (status.ok() && !settings.output_directory.empty()) {
    status = WriteResult(scene, entry.stage->Contract().writes, fingerprint,
                         ResultPath(settings.output_directory, entry.key));
    std::error_code ignored;
    std::filesystem::remove(ProgressPath(settings.output_directory, entry.key),
                            ignored);
  }
  for (RunObserver* observer : settings.observers) {
    observer->StageFinished(entry.key, status, absl::Now() - start, scene);
  }
  return Annotate(Failure(status), absl::StrCat("stage '", entry.key, "'"));
}

absl::Status Pipeline::CheckReady(size_t from, size_t until,
                                  const RunContext& context) const {
  std::vector<std::string> lines;
  std::set<std::string> advice;
  for (size_t i = from; i <= until; ++i) {
    const absl::Status ready = stages_[i].stage->CheckReady(context);
    if (ready.ok()) continue;
    const std::vector<std::string> parts =
        absl::StrSplit(ready.message(), absl::MaxSplits('\n', 1));
    lines.push_back(absl::StrCat("stage '", stages_[i].key, "': ", parts[0]));
    if (parts.size() > 1) advice.insert(parts[1]);
  }
  if (lines.empty()) return absl::OkStatus();
  lines.insert(lines.end(), advice.begin(), advice.end());
  return absl::FailedPreconditionError(absl::StrJoin(lines, "\n"));
}

absl::Status Pipeline::CheckReady(const RunContext& context) const {
  return CheckReady(0, stages_.size() - 1, context);
}

absl::Status Pipeline::Run(Scene& scene, RunContext& context,
                           const Range& range) const {
  size_t from = 0, until = stages_.size() - 1;
  if (!range.from.empty()) {
    DG4D_ASSIGN_OR_RETURN(from, IndexOf(range.from));
  }
  if (!range.until.empty()) {
    DG4D_ASSIGN_OR_RETURN(until, IndexOf(range.until));
  }
  if (from > until) {
    return absl::InvalidArgumentError(
        absl::StrCat("stage '", range.from, "' comes after '", range.until,
                     "': nothing to run"));
  }
  const RunContext::Settings& settings = context.settings();
  bool keep = settings.resume;
  bool checked = false;
  std::string fingerprint = InputFingerprint(settings);
  for (size_t i = 0; i <= until; ++i) {
    const StageEntry& entry = stages_[i];
    fingerprint = Fingerprint(fingerprint, entry.key, entry.resolved);
    if (!settings.output_directory.empty() && (keep || i < from)) {
      const std::string path = ResultPath(settings.output_directory, entry.key);
      const absl::StatusOr<SafeTensors> content = ReadSafeTensors(path);
      if (content.ok() &&
          (i < from || Metadata(*content, kFingerprint) == fingerprint)) {
        DG4D_RETURN_IF_ERROR(ApplyResult(*content, path, scene));
        continue;
      }
      if (!content.ok() && !absl::IsNotFound(content.status())) {
        return content.status();
      }
      if (content.ok()) {
        context.Warn(absl::StrCat("the result of stage '", entry.key,
                                  "' was made with other settings; it runs "
                                  "again"));
      }
    }
    if (i < from) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot start from stage '", range.from, "': ",
          settings.output_directory.empty() ? "the run"
                                            : settings.output_directory,
          " has no result of stage '", entry.key, "'; run that first"));
    }
    keep = false;
    if (!checked) DG4D_RETURN_IF_ERROR(CheckReady(i, until, context));
    checked = true;
    DG4D_RETURN_IF_ERROR(RunStage(entry, fingerprint, scene, context));
  }
  return absl::OkStatus();
}

absl::Status Pipeline::Export(const Scene& scene, const std::string& directory,
                              RunContext& context) const {
  for (const ExporterEntry& entry : exporters_) {
    context.EnterStage(entry.key);
    if (entry.exporter == nullptr) {
      context.Warn(absl::StrCat("this program has no exporter for '", entry.key,
                                "': one that has it can export what is here"));
      continue;
    }
    std::vector<std::string> missing;
    for (const Slot slot : entry.exporter->Reads()) {
      if (!HasSlot(scene, slot)) missing.push_back(SlotName(slot));
    }
    if (!missing.empty()) {
      context.Warn(absl::StrCat("nothing to export as '", entry.key,
                                "': the run has made no ",
                                absl::StrJoin(missing, ", ")));
      continue;
    }
    for (RunObserver* observer : context.settings().observers) {
      observer->StageStarted(entry.key);
    }
    const absl::Time start = absl::Now();
    absl::Status status = entry.exporter->Export(
        scene, absl::StrCat(directory, "/", entry.path), context);
    if (absl::IsFailedPrecondition(status) && entry.exporter->Reads().empty() &&
        !HasSlot(scene, Slot::kGaussians) && !HasSlot(scene, Slot::kMeshes)) {
      // It takes one thing or another, as players do, and there is neither yet.
      context.Warn(status.message());
      status = absl::OkStatus();
    }
    for (RunObserver* observer : context.settings().observers) {
      observer->StageFinished(entry.key, status, absl::Now() - start, scene);
    }
    DG4D_RETURN_IF_ERROR(
        Annotate(Failure(status), absl::StrCat("exporter '", entry.key, "'")));
  }
  return absl::OkStatus();
}

absl::Status LoadStageCheckpoints(const std::string& output_directory,
                                  const std::vector<std::string>& keys,
                                  Scene& scene) {
  bool found = false;
  for (const std::string& key : keys) {
    const std::string path = ResultPath(output_directory, key);
    const absl::StatusOr<SafeTensors> content = ReadSafeTensors(path);
    if (absl::IsNotFound(content.status())) break;
    if (!content.ok()) return content.status();
    DG4D_RETURN_IF_ERROR(ApplyResult(*content, path, scene));
    found = true;
  }
  if (found) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(output_directory,
                   " holds no finished stage: is it the output of a run?"));
}

}  // namespace dg4d
