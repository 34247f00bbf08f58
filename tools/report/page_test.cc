#include "tools/report/page.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/report/text.h"

namespace dg4d {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

Json Record(const std::string& status) {
  return {
      {"dg4d", "0.1.0"},
      {"device", "cpu"},
      {"threads", 2},
      {"seed", 18446744073709551615u},
      {"image", {{"path", "in/fox.png"}, {"sha256", "abc"}}},
      {"started", "2026-11-23 13:00:00 UTC"},
      {"status", status},
      {"stages",
       {{{"name", "static"},
         {"status", status},
         {"seconds", 75.2},
         {"peak_memory_bytes", 1 << 30},
         {"steps_done", 120},
         {"steps", 240},
         {"measures",
          {{"gaussians", {{"count", 9341}, {"frames", 14}, {"psnr_db", 31.25}}},
           {"mesh",
            {{"frames", 14},
             {"triangles", 25000},
             {"vertices", 12502},
             {"components", 1},
             {"closed_frames", 13},
             {"one_topology", true},
             {"texture", {1024, 512}}}}}}}}},
      {"warnings", {{{"stage", "static"}, {"message", "thin ice"}}}}};
}

TEST(ReportPage, SaysWhatIsKnown) {
  Report report = {.record = Record("OK")};
  report.curves = {{.stage = "static",
                    .name = "loss",
                    .steps = {1, 2, 3},
                    .values = {3, 2, 1}}};
  report.config = "seed: 5\n";
  report.command = "dg4d run --image=in/fox.png";
  report.files = {
      {"asset.glb", 1500}, {"meshes/a.obj", 20}, {"meshes/b.obj", 3}};
  report.contents = {{"meshes", "A sequence."}};
  EXPECT_THAT(
      ReportPage(report),
      AllOf(HasSubstr("<h1>fox.png</h1>"), HasSubstr("done"),
            HasSubstr("1 min 15 s"), HasSubstr("1.00 GiB"), HasSubstr("9,341"),
            HasSubstr("31.25"), HasSubstr("120 of 240"),
            HasSubstr("25,000 triangles, 12,502 vertices, 1 part, watertight "
                      "in 13 of 14 frames, texture 1024 × 512, one topology"),
            HasSubstr("thin ice"), HasSubstr("seed: 5"),
            HasSubstr("18446744073709551615"), HasSubstr("A sequence."),
            HasSubstr("meshes/ 2 files"),
            HasSubstr("<a href=\"./asset.glb\">asset.glb</a>"),
            HasSubstr("3 files, 1.52 kB"), HasSubstr("<path class=\"line\"")));
}

TEST(ReportPage, SaysWhatTheGpuHeld) {
  EXPECT_THAT(ReportPage({.record = Record("OK")}), Not(HasSubstr(" GPU<")));
  Json record = Record("OK");
  record["stages"][0]["peak_device_memory_bytes"] = 5LL << 30;
  EXPECT_THAT(ReportPage({.record = record}),
              HasSubstr("1.00 GiB + 5.00 GiB GPU"));
}

TEST(ReportPage, SaysHowARunEnded) {
  Json failed = Record("INTERNAL");
  failed["message"] = "the disk is full";
  EXPECT_THAT(ReportPage({.record = failed}),
              AllOf(HasSubstr("badge bad\">failed"),
                    HasSubstr("the disk is full"), HasSubstr("--resume")));
  EXPECT_THAT(ReportPage({.record = Record("CANCELLED")}),
              AllOf(HasSubstr("badge wait\">stopped"), HasSubstr("--resume")));
  Json running = Record("running");
  running["stage"] = "dynamic";
  EXPECT_THAT(ReportPage({.record = running}),
              AllOf(HasSubstr("badge wait\">running"),
                    HasSubstr("as dynamic began"), HasSubstr("--resume")));
  EXPECT_THAT(ReportPage({.record = Record("OK")}), Not(HasSubstr("--resume")));
}

TEST(ReportPage, MarksAStageThatRanAgain) {
  Json record = Record("OK");
  Json again = record["stages"][0];
  record["stages"].push_back(again);
  const std::string page = ReportPage({.record = record});
  EXPECT_THAT(page, HasSubstr("then run again"));
  EXPECT_THAT(page, HasSubstr("2 min 30 s"));  // both count
}

// Whatever the user can choose.
TEST(ReportPage, TakesNothingForHtml) {
  const std::string evil = "\"'><script>alert(1)</script><b onload=x>{{title}}";
  Json record = Record("OK");
  record["image"]["path"] = evil;
  record["message"] = evil;
  record["status"] = evil;
  record["device"] = evil;
  record["stages"][0]["name"] = evil;
  record["warnings"][0] = {{"stage", evil}, {"message", evil}};
  Report report = {.record = record};
  report.curves = {
      {.stage = evil, .name = evil, .steps = {1, 2}, .values = {1, 2}},
      {.stage = evil, .name = evil, .steps = {1}, .values = {1}}};
  report.config = evil;
  report.command = evil;
  report.inputs = {{"data:image/jpeg;base64,AAAA", evil}};
  report.frames = {{evil, {{"data:image/jpeg;base64,AAAA", evil}}}};
  report.no_pictures = evil;
  report.files = {{evil, 1}, {evil + "/x", 1}, {"javascript:alert(1)", 1}};
  report.contents = {{evil, evil}};
  const std::string page = ReportPage(report);
  EXPECT_THAT(
      page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<b ")),
                  Not(HasSubstr("\"'>")), Not(HasSubstr("href=\"javascript:")),
                  HasSubstr("{{title}}")));
}

TEST(ReportPage, IsUtf8WhateverTheNamesAre) {
  Report report = {.record = Record("OK")};
  report.record["image"]["path"] = "in/\xff\xfe.png";
  report.files = {{"\xff.obj", 1}, {"\xfe/x", 1}};
  report.config = "title: \xc3";
  const std::string page = ReportPage(report);
  EXPECT_EQ(ValidUtf8(page), page);
}

// The policy names the style by its digest, and lets in no script at all.
TEST(ReportPage, HasAPolicyThatItsOwnStyleMeets) {
  Report report = {.record = Record("OK")};
  report.sheet = {.columns = 8, .rows = 7, .side = 256, .fps = 14};
  const std::string page = ReportPage(report);
  const size_t begin = page.find("<style>") + 7;
  const std::string style = page.substr(begin, page.find("</style>") - begin);
  EXPECT_THAT(style, HasSubstr("--columns: 8"));
  EXPECT_THAT(
      page,
      HasSubstr(absl::StrCat(
          "default-src 'none'; img-src data:; style-src 'sha256-",
          absl::Base64Escape(absl::HexStringToBytes(Sha256Hex(style))), "'")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("style=")),
                          Not(HasSubstr("http:")), Not(HasSubstr("https:"))));
}

TEST(ReportPage, MakesTheBestOfARecordThatSomebodyBroke) {
  for (const char* text :
       {"null", "[]", "{}", "3", R"({"stages": 7, "warnings": "x"})",
        R"({"stages": [1, [], {"name": 4, "seconds": "x", "measures": 3}]})",
        R"({"status": [], "image": "x", "video": {"path": 7},
            "stages": [{"measures": {"mesh": {"texture": ["a"]}}}],
            "warnings": [null, 3, {"message": {}}]})"}) {
    EXPECT_THAT(ReportPage({.record = Json::parse(text)}), HasSubstr("</html>"))
        << text;
  }
}

}  // namespace
}  // namespace dg4d
