#include "tools/report/page.h"

#include <algorithm>
#include <cmath>
#include <kainjow/mustache.hpp>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "dg4d/base/digest.h"
#include "tools/report/page_files.h"
#include "tools/report/text.h"

namespace dg4d {
namespace {

using Json = nlohmann::ordered_json;
namespace mustache = kainjow::mustache;

// ---- Reading the record -----------------------------------------------------
// It may be an older program's, or have been edited: nothing of it is relied
// on.

std::string Text(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return "";
  const Json& value = object[key];
  if (value.is_string()) return ValidUtf8(value.get<std::string>());
  return value.is_number() ? NumberText(value.get<double>()) : "";
}

double Number(const Json& object, const char* key, double otherwise = 0) {
  if (!object.is_object() || !object.contains(key)) return otherwise;
  return object[key].is_number() ? object[key].get<double>() : otherwise;
}

Json Part(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return nullptr;
  return object[key];
}

Json List(const Json& object, const char* key) {
  Json list = Part(object, key);
  return list.is_array() ? list : Json::array();
}

std::string Decimals(const Json& object, const char* key, int decimals) {
  const double value = Number(object, key, NAN);
  return std::isnan(value) ? "–" : absl::StrFormat("%.*f", decimals, value);
}

// ---- Sections ---------------------------------------------------------------

Json Outcome(const std::string& status) {
  if (status == "OK") return {{"word", "done"}, {"class", "good"}};
  if (status == "running") return {{"word", "running"}, {"class", "wait"}};
  if (status == "CANCELLED") return {{"word", "stopped"}, {"class", "wait"}};
  return {{"word", "failed"}, {"class", "bad"}};
}

// How the run ended, and what to do if it did not end well.
Json RunOutcome(const Json& record) {
  const std::string status = Text(record, "status");
  Json outcome = Outcome(status);
  const std::string started = Text(record, "started");
  const std::string ended = Text(record, "ended");
  std::string when;
  if (!started.empty()) absl::StrAppend(&when, "started ", started);
  if (!ended.empty()) absl::StrAppend(&when, ", ended ", ended);
  if (const int64_t resumed = std::lround(Number(record, "resumed"))) {
    absl::StrAppend(&when, ", resumed ", CountText(resumed, "time", "times"));
  }
  outcome["when"] = when;
  outcome["message"] = Text(record, "message");
  outcome["advice"] = "";
  if (status == "running") {
    const std::string stage = Text(record, "stage");
    outcome["advice"] = absl::StrCat(
        "This page was written while the run was going",
        stage.empty() ? "" : absl::StrCat(", as ", stage, " began"),
        ", and tells what was known then. If nothing runs any more, the run "
        "was killed: the same command with --resume goes on from its last "
        "checkpoint.");
  } else if (status == "CANCELLED") {
    outcome["message"] = "";
    outcome["advice"] =
        "The run was stopped, and this is as far as it came. The same command "
        "with --resume goes on from here.";
  } else if (status != "OK") {
    outcome["advice"] =
        "This is as far as the run came. When the cause is gone, the same "
        "command with --resume goes on from the last finished stage or "
        "checkpoint.";
  }
  return outcome;
}

double TotalSeconds(const Json& record) {
  double seconds = 0;
  for (const Json& stage : List(record, "stages")) {
    seconds += Number(stage, "seconds");
  }
  return seconds;
}

constexpr char kProcessMemory[] = "peak_memory_bytes";
constexpr char kDeviceMemory[] = "peak_device_memory_bytes";

double Peak(const Json& record, const char* memory) {
  double bytes = 0;
  for (const Json& stage : List(record, "stages")) {
    bytes = std::max(bytes, Number(stage, memory));
  }
  return bytes;
}

// Of the process and, where there was one, of the device, in bytes.
std::string PeakText(double bytes, double device_bytes) {
  std::string text =
      bytes > 0 ? MemoryText(static_cast<int64_t>(bytes)) : "unknown";
  if (device_bytes > 0) {
    absl::StrAppend(&text, " + ",
                    MemoryText(static_cast<int64_t>(device_bytes)), " GPU");
  }
  return text;
}

Json Figures(const Json& record) {
  Json figures = Json::array();
  const auto add = [&](const char* name, std::string value, std::string note) {
    figures.push_back({{"name", name}, {"value", value}, {"note", note}});
  };
  const Json gaussians = LatestMeasures(record, "gaussians");
  const Json mesh = LatestMeasures(record, "mesh");
  if (const double seconds = TotalSeconds(record); seconds > 0) {
    add("Time", DurationText(seconds),
        absl::StrCat("on ",
                     CountText(std::lround(Number(record, "threads", 1)),
                               "thread", "threads"),
                     ", ", Text(record, "device")));
  }
  if (const double bytes = Peak(record, kProcessMemory); bytes > 0) {
    add("Peak memory", PeakText(bytes, Peak(record, kDeviceMemory)), "");
  }
  const auto frames = [](const Json& measures) {
    const int64_t count = std::lround(Number(measures, "frames", 1));
    return count == 1 ? "still" : absl::StrCat("in ", count, " frames");
  };
  if (gaussians.is_object()) {
    add("Gaussians", NumberText(Number(gaussians, "count")), frames(gaussians));
  }
  if (mesh.is_object()) {
    add("Triangles", NumberText(Number(mesh, "triangles")), frames(mesh));
  }
  const bool of_mesh = !Part(mesh, "psnr_db").is_null();
  const Json& measured = of_mesh ? mesh : gaussians;
  if (!Part(measured, "psnr_db").is_null()) {
    add("Likeness from the front",
        absl::StrCat(Decimals(measured, "psnr_db", 1), " dB"),
        of_mesh ? "PSNR of the mesh" : "PSNR of the Gaussians");
  }
  return figures;
}

std::string MeshSize(const Json& mesh) {
  const int64_t frames = std::lround(Number(mesh, "frames", 1));
  const int64_t closed = std::lround(Number(mesh, "closed_frames"));
  std::string size = absl::StrCat(
      NumberText(Number(mesh, "triangles")), " triangles, ",
      NumberText(Number(mesh, "vertices")), " vertices, ",
      CountText(std::lround(Number(mesh, "components")), "part", "parts"), ", ",
      closed == frames ? "watertight"
      : closed == 0
          ? "not watertight"
          : absl::StrCat("watertight in ", closed, " of ", frames, " frames"));
  if (const Json texture = List(mesh, "texture");
      texture.size() == 2 && texture[0].is_number() && texture[1].is_number()) {
    absl::StrAppend(&size, ", texture ", texture[0].dump(), " × ",
                    texture[1].dump());
  }
  if (frames > 1) {
    const Json one = Part(mesh, "one_topology");
    absl::StrAppend(&size, ", ",
                    one.is_boolean() && one.get<bool>()
                        ? "one topology"
                        : "topology of each frame its own");
  }
  return size;
}

Json Quality(const Json& record) {
  Json rows = Json::array();
  for (const Json& stage : List(record, "stages")) {
    for (const char* part : {"gaussians", "mesh"}) {
      const Json measures = Part(Part(stage, "measures"), part);
      if (!measures.is_object()) continue;
      const bool is_mesh = part == absl::string_view("mesh");
      rows.push_back(
          {{"stage", Text(stage, "name")},
           {"what", is_mesh ? "mesh" : "Gaussians"},
           {"psnr", Decimals(measures, "psnr_db", 2)},
           {"worst", Decimals(measures, "worst_psnr_db", 2)},
           {"ssim", Decimals(measures, "ssim", 4)},
           {"iou", Decimals(measures, "outline_iou", 4)},
           {"size", is_mesh ? MeshSize(measures)
                            : CountText(std::lround(Number(measures, "count")),
                                        "Gaussian", "Gaussians")}});
    }
  }
  return rows;
}

Json Stages(const Json& record) {
  Json rows = Json::array();
  double longest = 0;
  std::map<std::string, size_t> last;
  const Json stages = List(record, "stages");
  for (size_t i = 0; i < stages.size(); ++i) {
    longest = std::max(longest, Number(stages[i], "seconds"));
    last[Text(stages[i], "name")] = i;
  }
  for (size_t i = 0; i < stages.size(); ++i) {
    const Json& stage = stages[i];
    const std::string name = Text(stage, "name");
    const double seconds = Number(stage, "seconds");
    const double done = Number(stage, "steps_done");
    const double steps = Number(stage, "steps");
    Json row = Outcome(Text(stage, "status"));
    row["name"] = name;
    row["superseded"] = last[name] != i;
    row["time"] = DurationText(seconds);
    row["share"] = absl::StrFormat(
        "%.1f", longest > 0 ? std::max(0.3, 100 * seconds / longest) : 0);
    row["memory"] =
        PeakText(Number(stage, kProcessMemory), Number(stage, kDeviceMemory));
    row["steps"] = steps <= 1      ? ""
                   : done == steps ? NumberText(steps)
                                   : absl::StrCat(NumberText(done), " of ",
                                                  NumberText(steps));
    rows.push_back(row);
  }
  return rows;
}

// Charts of what changes, and the last values of what does not.
void AddCurves(const std::vector<Curve>& curves, Json& model) {
  Json charts = Json::array(), constants = Json::array();
  for (const Curve& curve : curves) {
    if (curve.values.empty()) continue;
    Json chart = ChartOf(curve);
    if (chart.is_null()) {
      constants.push_back({{"stage", ValidUtf8(curve.stage)},
                           {"title", ValidUtf8(curve.name)},
                           {"value", NumberText(curve.values.back())}});
    } else {
      charts.push_back(std::move(chart));
    }
  }
  model["has_curves"] = !charts.empty() || !constants.empty();
  model["has_constants"] = !constants.empty();
  model["charts"] = std::move(charts);
  model["constants"] = std::move(constants);
}

std::string ContentOf(const Report& report, absl::string_view path) {
  for (const auto& [name, what] : report.contents) {
    if (name == path) return ValidUtf8(what);
  }
  return "";
}

// Files beside the page, and the folders with what is in them.
void AddFiles(const Report& report, Json& model) {
  Json rows = Json::array();
  std::map<std::string, size_t> folders;
  std::map<std::string, int64_t> bytes_of_folder;
  int64_t all = 0;
  for (const Report::File& file : report.files) {
    all += file.bytes;
    const size_t slash = file.path.find('/');
    const Json entry = {{"path", ValidUtf8(file.path)},
                        {"address", RelativeAddress(file.path)},
                        {"size", BytesText(file.bytes)},
                        {"what", ContentOf(report, file.path)}};
    if (slash == std::string::npos) {
      rows.push_back(entry);
      continue;
    }
    const std::string folder = file.path.substr(0, slash);
    const auto [found, is_new] = folders.emplace(folder, rows.size());
    if (is_new) {
      rows.push_back({{"address", false},
                      {"what", ContentOf(report, folder)},
                      {"inside", Json::array()}});
    }
    Json& row = rows[found->second];
    row["inside"].push_back(entry);
    bytes_of_folder[folder] += file.bytes;
    row["path"] = absl::StrCat(
        ValidUtf8(folder), "/ ",
        CountText(static_cast<int64_t>(row["inside"].size()), "file", "files"));
    row["size"] = BytesText(bytes_of_folder[folder]);
  }
  model["has_files"] = !rows.empty();
  model["files"] = std::move(rows);
  model["files_summary"] = absl::StrCat(
      CountText(static_cast<int64_t>(report.files.size()), "file", "files"),
      ", ", BytesText(all), ".");
}

Json Facts(const Json& record) {
  Json facts = Json::array();
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts.push_back({{"name", name}, {"value", value}});
  };
  for (const auto& [key, name] :
       {std::pair("image", "Picture"), std::pair("video", "Video")}) {
    const Json input = Part(record, key);
    add(name, Text(input, "path"));
    add("its SHA-256", Text(input, "sha256"));
  }
  const Json seed = Part(record, "seed");
  add("Seed", seed.is_number() ? seed.dump() : "");  // 64 bits: no double
  add("Device", Text(record, "device"));
  add("Processor", Text(record, "processor"));
  add("Threads", Text(record, "threads"));
  add("dg4d", Text(record, "dg4d"));
  add("LibTorch", Text(record, "libtorch"));
  return facts;
}

Json Pictures(const std::vector<Report::Picture>& pictures) {
  Json list = Json::array();
  for (const Report::Picture& picture : pictures) {
    if (picture.url.empty()) continue;
    list.push_back(
        {{"url", picture.url}, {"caption", ValidUtf8(picture.caption)}});
  }
  return list;
}

void AddPictures(const Report& report, Json& model) {
  Json turntables = Json::array();
  for (const Report::Turntable& turntable : report.turntables) {
    turntables.push_back(
        {{"url", turntable.url}, {"caption", ValidUtf8(turntable.caption)}});
  }
  Json frames = Json::array();
  for (const Report::Frame& frame : report.frames) {
    Json pictures = Pictures(frame.pictures);
    frames.push_back(
        {{"label", ValidUtf8(frame.label)}, {"pictures", std::move(pictures)}});
  }
  model["inputs"] = Pictures(report.inputs);
  model["has_turntables"] = !turntables.empty();
  model["has_pictures"] = !turntables.empty() || !model["inputs"].empty();
  model["turntables"] = std::move(turntables);
  model["has_frames"] = !frames.empty();
  model["frames"] = std::move(frames);
  model["no_pictures"] = ValidUtf8(report.no_pictures);
}

// The style with the sheet's numbers, which no attribute may hold: the page's
// policy lets in only this text, by its digest.
std::string Style(const Report::Sheet& sheet) {
  std::string style = PageFiles().at("page.css");
  if (sheet.columns > 0 && sheet.fps > 0) {
    absl::StrAppendFormat(
        &style,
        "\n:root { --columns: %d; --rows: %d; --row: %.4fs; --turn: %.4fs; }\n",
        sheet.columns, sheet.rows, sheet.columns / sheet.fps,
        sheet.columns * sheet.rows / sheet.fps);
  }
  return style;
}

std::string Title(const Json& record) {
  for (const char* input : {"image", "video"}) {
    const std::string path = Text(Part(record, input), "path");
    if (!path.empty()) return path.substr(path.find_last_of('/') + 1);
  }
  return "4D asset";
}

mustache::data ToMustache(const Json& json) {
  if (json.is_object()) {
    mustache::data object(mustache::data::type::object);
    for (const auto& [key, value] : json.items()) {
      object.set(key, ToMustache(value));
    }
    return object;
  }
  if (json.is_array()) {
    mustache::data list(mustache::data::type::list);
    for (const Json& value : json) list.push_back(ToMustache(value));
    return list;
  }
  if (json.is_boolean()) return mustache::data(json.get<bool>());
  // A section of an empty text is left out.
  if (!json.is_string() || json.get_ref<const std::string&>().empty()) {
    return mustache::data(mustache::data::type::bool_false);
  }
  return mustache::data(json.get<std::string>());
}

}  // namespace

nlohmann::ordered_json LatestMeasures(const nlohmann::ordered_json& record,
                                      const char* part) {
  Json latest;
  for (const Json& stage : List(record, "stages")) {
    Json measures = Part(Part(stage, "measures"), part);
    if (measures.is_object()) latest = std::move(measures);
  }
  return latest;
}

std::string ReportPage(const Report& report) {
  const Json& record = report.record;
  Json warnings = Json::array();
  for (const Json& warning : List(record, "warnings")) {
    warnings.push_back({{"stage", Text(warning, "stage")},
                        {"message", Text(warning, "message")}});
  }
  const std::string style = Style(report.sheet);
  Json model = {
      {"title", Title(record)},
      {"style", style},
      {"style_digest",
       absl::Base64Escape(absl::HexStringToBytes(Sha256Hex(style)))},
      {"outcome", RunOutcome(record)},
      {"figures", Figures(record)},
      {"has_warnings", !warnings.empty()},
      {"warnings", std::move(warnings)},
      {"quality", Quality(record)},
      {"stages", Stages(record)},
      {"all_time", DurationText(TotalSeconds(record))},
      {"all_memory",
       PeakText(Peak(record, kProcessMemory), Peak(record, kDeviceMemory))},
      {"facts", Facts(record)},
      {"command", ValidUtf8(report.command)},
      {"config", ValidUtf8(report.config)},
  };
  for (const char* section : {"figures", "quality", "stages"}) {
    model[absl::StrCat("has_", section)] = !model[section].empty();
  }
  AddPictures(report, model);
  AddCurves(report.curves, model);
  AddFiles(report, model);
  mustache::mustache page(PageFiles().at("page.html"));
  return page.render(ToMustache(model));
}

}  // namespace dg4d
