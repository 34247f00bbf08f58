#include "tools/observers/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace dg4d {
namespace {

std::string Seconds(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  return absl::StrFormat("%d min %02d s", static_cast<int>(seconds / 60),
                         static_cast<int>(seconds) % 60);
}

std::string Bar(double fraction) {
  constexpr int kWidth = 24;
  const int full = static_cast<int>(fraction * kWidth);
  return absl::StrCat("[", std::string(full, '#'),
                      std::string(kWidth - full, '.'), "]");
}

std::string Text(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    absl::StrAppendFormat(&text, "  %s %.4g", name, value);
  }
  return text;
}

}  // namespace

void Progress::Line(const std::string& text, bool final) {
  if (terminal_) out_ << "\r\033[K";
  out_ << text;
  if (final || !terminal_) out_ << "\n";
  out_.flush();
}

void Progress::StageStarted(absl::string_view stage) {
  started_ = shown_ = absl::Now();
  first_step_ = -1;
  if (terminal_) Line(absl::StrFormat("%-20s ...", stage), /*final=*/false);
}

void Progress::Step(absl::string_view stage, int64_t steps_done, int64_t steps,
                    const Metrics& metrics) {
  const absl::Time now = absl::Now();
  if (first_step_ < 0) first_step_ = steps_done - 1;
  const absl::Duration pause =
      terminal_ ? absl::Milliseconds(200) : absl::Seconds(10);
  if (now - shown_ < pause || steps <= 0) return;
  shown_ = now;
  const double done = static_cast<double>(steps_done) / steps;
  const auto taken = static_cast<double>(steps_done - first_step_);
  const absl::Duration left =
      (now - started_) * (static_cast<double>(steps - steps_done) / taken);
  Line(absl::StrFormat("%-20s %s %d/%d  %s left%s", stage, Bar(done),
                       steps_done, steps, Seconds(left), Text(metrics)),
       /*final=*/false);
}

void Progress::Warning(absl::string_view stage, absl::string_view message) {
  Line(absl::StrFormat("%-20s warning: %s", stage, message), /*final=*/true);
}

void Progress::StageFinished(absl::string_view stage,
                             const absl::Status& status,
                             absl::Duration duration, const Scene&) {
  const absl::string_view how = status.ok()                 ? "done"
                                : absl::IsCancelled(status) ? "stopped"
                                                            : "failed";
  Line(absl::StrFormat("%-20s %s in %s", stage, how, Seconds(duration)),
       /*final=*/true);
}

}  // namespace dg4d
