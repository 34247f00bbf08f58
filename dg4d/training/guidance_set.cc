#include "dg4d/training/guidance_set.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

// How many views must stay together for `pattern`.
int GroupSize(ViewPattern pattern, const Views& views) {
  switch (pattern) {
    case ViewPattern::kFourAround:
      return 4;
    case ViewPattern::kOwn:
      return 1;
    case ViewPattern::kIndependent:
    case ViewPattern::kClips:
      return views.frames_per_clip;
  }
  return 1;
}

// The rows of `all`, drawn for `total` views, that `count` views from `begin`
// on see: see Guidance::Draw.
Draws RowsOf(const Draws& all, int begin, int count, int total) {
  Draws rows;
  for (const auto& [name, draw] : all) {
    if (draw.dim() == 0) {
      rows[name] = draw;
      continue;
    }
    const int64_t views = total / std::max<int64_t>(draw.size(0), 1);  // a row
    TORCH_CHECK(views > 0 && views * draw.size(0) == total &&
                    begin % views == 0 && count % views == 0,
                "draws '", name, "' of ", draw.size(0), " rows for ", total,
                " views, of which ", count, " from ", begin, " on are wanted");
    rows[name] = draw.narrow(0, begin / views, count / views);
  }
  return rows;
}

}  // namespace

std::vector<Camera> CamerasOf(absl::Span<const GuidedBatch> batches) {
  std::vector<Camera> cameras;
  for (const GuidedBatch& batch : batches) {
    const std::vector<Camera>& more = batch.views.cameras;
    cameras.insert(cameras.end(), more.begin(), more.end());
  }
  return cameras;
}

absl::StatusOr<GuidanceSet> GuidanceSet::Create(
    const std::vector<WeightedPlugin<Guidance>>& specs) {
  GuidanceSet set;
  for (const WeightedPlugin<Guidance>& spec : specs) {
    DG4D_ASSIGN_OR_RETURN(std::unique_ptr<Guidance> guidance, spec.Create());
    set.members_.push_back({.name = spec.plugin,
                            .weight = spec.weight,
                            .guidance = std::move(guidance)});
  }
  return set;
}

absl::Status GuidanceSet::CheckReady(const RunContext& context) const {
  std::vector<std::string> lacks;
  std::set<std::string> advice;
  for (const Member& member : members_) {
    const absl::Status ready = member.guidance->CheckReady(context);
    if (ready.ok()) continue;
    const std::vector<std::string> parts =
        absl::StrSplit(ready.message(), absl::MaxSplits('\n', 1));
    lacks.push_back(absl::StrCat("guidance '", member.name, "': ", parts[0]));
    if (parts.size() > 1) advice.insert(parts[1]);
  }
  if (lacks.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(absl::StrJoin(lacks, "; "), advice.empty() ? "" : "\n",
                   absl::StrJoin(advice, "\n")));
}

absl::Status GuidanceSet::Prepare(const Scene& scene, RunContext& context) {
  for (Member& member : members_) {
    DG4D_RETURN_IF_ERROR(
        Annotate(member.guidance->Prepare(scene, context),
                 absl::StrCat("guidance '", member.name, "'")));
  }
  return absl::OkStatus();
}

std::optional<Gaussians> GuidanceSet::InitialGaussians() const {
  for (const Member& member : members_) {
    std::optional<Gaussians> gaussians = member.guidance->InitialGaussians();
    if (gaussians.has_value() && !gaussians->empty()) return gaussians;
  }
  return std::nullopt;
}

std::vector<GuidedBatch> GuidanceSet::Plan(const ViewSampler& sampler,
                                           absl::Span<const double> frames,
                                           double progress,
                                           at::Generator& generator,
                                           double last_frame) const {
  std::vector<GuidedBatch> batches;
  const auto add = [&](const Views& all, ViewPattern pattern,
                       const std::vector<size_t>& judges) {
    const int total = all.size();
    // For all of them: whatever is rendered at once, each view has its numbers.
    std::vector<Draws> draws;
    for (const size_t judge : judges) {
      draws.push_back(members_[judge].guidance->Draw(all, progress, generator));
    }
    int begin = 0;
    for (Views& views : SplitViews(all, GroupSize(pattern, all),
                                   sampler.options().max_views_per_batch)) {
      GuidedBatch& batch = batches.emplace_back();
      batch.share = static_cast<double>(views.size()) / total;
      batch.views = std::move(views);
      for (size_t i = 0; i < judges.size(); ++i) {
        batch.judges.push_back(
            {.guidance = judges[i],
             .draws = RowsOf(draws[i], begin, batch.views.size(), total)});
      }
      begin += batch.views.size();
    }
  };

  std::vector<size_t> content_with_any;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].guidance->Pattern() == ViewPattern::kIndependent) {
      content_with_any.push_back(i);
    }
  }
  for (const ViewPattern pattern :
       {ViewPattern::kClips, ViewPattern::kFourAround,
        ViewPattern::kIndependent}) {
    std::vector<size_t> judges;
    if (pattern != ViewPattern::kIndependent) {
      for (size_t i = 0; i < members_.size(); ++i) {
        if (members_[i].guidance->Pattern() == pattern) judges.push_back(i);
      }
      if (judges.empty()) continue;
    }
    judges.insert(judges.end(), content_with_any.begin(),
                  content_with_any.end());
    content_with_any.clear();
    if (judges.empty()) continue;
    std::sort(judges.begin(), judges.end());
    add(sampler.Sample(pattern, frames, progress, generator), pattern, judges);
  }
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].guidance->Pattern() != ViewPattern::kOwn) continue;
    const int count = sampler.options().count * static_cast<int>(frames.size());
    const OwnViews own =
        members_[i].guidance->ChooseViews(count, last_frame, generator);
    add(sampler.Own(own, generator), ViewPattern::kOwn, {i});
  }
  return batches;
}

at::Tensor GuidanceSet::Loss(const GuidedBatch& batch) const {
  at::Tensor sum;
  for (const GuidedBatch::Judge& judge : batch.judges) {
    const Member& member = members_[judge.guidance];
    const at::Tensor loss = member.guidance->Loss(batch.views, judge.draws) *
                            (member.weight * batch.share);
    sum = sum.defined() ? sum + loss : loss;
  }
  TORCH_CHECK(sum.defined(), "a batch that no guidance judges");
  return sum;
}

bool GuidanceSet::CanBeRecorded() const {
  return std::all_of(
      members_.begin(), members_.end(),
      [](const Member& member) { return member.guidance->CanBeRecorded(); });
}

std::vector<std::string> GuidanceSet::TakeWarnings() const {
  std::vector<std::string> warnings;
  for (const Member& member : members_) {
    for (const std::string& warning : member.guidance->TakeWarnings()) {
      warnings.push_back(
          absl::StrCat("guidance '", member.name, "': ", warning));
    }
  }
  return warnings;
}

}  // namespace dg4d
