#include "tools/viewer/hub.h"

#include "absl/strings/str_cat.h"
#include "tools/viewer/protocol.h"

namespace dg4d::viewer {

using nlohmann::json;

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void Hub::Set(const std::string& subject, const json& message,
              std::shared_ptr<const std::string> payload) {
  auto text = std::make_shared<const std::string>(Dump(message));
  const std::lock_guard<std::mutex> lock(mutex_);
  uint64_t& newest = newest_[subject];
  messages_.erase(newest);
  newest = ++version_;
  messages_[newest] = {subject, std::move(text), std::move(payload)};
}

void Hub::AddMetrics(absl::string_view stage, int64_t step,
                     const Metrics& metrics) {
  json values = json::object();
  for (const auto& [name, value] : metrics) values[name] = value;
  const json row = {
      {"stage", std::string(stage)}, {"step", step}, {"values", values}};
  std::string text = Dump(row);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (histories_.empty() || histories_.back().stage != stage) {
    histories_.push_back({.stage = std::string(stage)});
  }
  History& history = histories_.back();
  if (history.seen++ % history.stride != 0) return;
  std::vector<Row>& rows = history.rows;
  rows.push_back({++row_, std::move(text)});
  if (rows.size() <= kMostMetricsRows) return;
  for (size_t i = 0; 2 * i < rows.size(); ++i) {
    if (i > 0) rows[i] = std::move(rows[2 * i]);
  }
  rows.resize((rows.size() + 1) / 2);
  history.stride *= 2;
}

std::string Hub::SetFile(const std::string& name, File file) {
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[name] = std::move(file);
  return absl::StrCat("/file/", name);
}

std::optional<Hub::File> Hub::FindFile(const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = files_.find(name);
  if (found == files_.end()) return std::nullopt;
  return found->second;
}

std::optional<Hub::Frame> Hub::Next(Cursor& cursor) const {
  if (cursor.payload != nullptr) {
    return Frame{.binary = true, .bytes = std::move(cursor.payload)};
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto next = messages_.upper_bound(cursor.version);
  if (next != messages_.end()) {
    cursor.version = next->first;
    cursor.payload = next->second.payload;
    return Frame{.bytes = next->second.text};
  }
  if (cursor.row == row_) return std::nullopt;
  std::string rows;
  for (const History& history : histories_) {
    for (const Row& row : history.rows) {
      if (row.number <= cursor.row) continue;
      absl::StrAppend(&rows, rows.empty() ? "" : ",", row.json);
    }
  }
  cursor.row = row_;
  return Frame{.bytes = std::make_shared<const std::string>(
                   absl::StrCat(R"({"type":"metrics","rows":[)", rows, "]}"))};
}

}  // namespace dg4d::viewer
