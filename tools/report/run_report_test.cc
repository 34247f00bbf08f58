#include "tools/report/run_report.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "dg4d/base/files.h"
#include "dg4d/testing/sample_scenes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RunReportTest : public testing::Test {
 protected:
  RunReportTest() {
    std::filesystem::remove_all(directory_);
    EXPECT_TRUE(CreateDirectories(directory_).ok());
    settings_.output_directory = directory_;
  }

  std::string Page() const {
    return ReadFile(directory_ + "/report.html").value_or("");
  }
  nlohmann::json Record() const {
    return nlohmann::json::parse(ReadFile(directory_ + "/run.json").value());
  }

  const std::string directory_ = testing::TempDir() + "/run_report_test";
  RunContext::Settings settings_;
  const Pipeline pipeline_ =
      Pipeline::Create(ParseYaml("stages: {static_gaussians: {}}\n"
                                 "exporters: {ply: {path: points}}",
                                 "test")
                           .value(),
                       {Slot::kReference})
          .value();
};

TEST_F(RunReportTest, TellsFromTheFirstStageOnWhatIsKnown) {
  RunRecord record(directory_ + "/run.json", settings_, /*goes_on=*/false);
  RunReport report(pipeline_, settings_, record);
  record.StageStarted("static_gaussians");
  report.StageStarted("static_gaussians");
  EXPECT_THAT(Page(), AllOf(HasSubstr("as static_gaussians began"),
                            HasSubstr("static_gaussians:")));

  const Scene scene = StaticScene();
  const absl::Status ok;
  record.StageFinished("static_gaussians", ok, absl::Seconds(2), scene);
  report.StageFinished("static_gaussians", ok, absl::Seconds(2), scene);
  EXPECT_THAT(Page(), AllOf(HasSubstr("running"), HasSubstr("Gaussians")));
  EXPECT_THAT(Page(), Not(HasSubstr("all round")));
  EXPECT_EQ(Record()["stages"][0]["measures"]["gaussians"]["count"],
            scene.gaussians.size());

  ASSERT_TRUE(WriteFileAtomically(directory_ + "/points/a.ply", "1234").ok());
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/.b.pending", "1").ok());
  ASSERT_TRUE(record.Finish(ok).ok());
  ASSERT_TRUE(report.Finish(scene).ok());
  EXPECT_THAT(
      Page(),
      AllOf(HasSubstr("badge good\">done"), HasSubstr("Gaussians, all round"),
            HasSubstr("points/ 1 file"),
            HasSubstr("layout"),  // the exporter's summary
            Not(HasSubstr("pending")), Not(HasSubstr("report.html\""))));
}

TEST_F(RunReportTest, MeasuresNothingTwiceInARunThatGoesOn) {
  const Scene scene = MovingScene();
  const absl::Status ok;
  {
    RunRecord record(directory_ + "/run.json", settings_, /*goes_on=*/false);
    RunReport report(pipeline_, settings_, record);
    record.StageFinished("static_gaussians", ok, absl::Seconds(2), scene);
    report.StageFinished("static_gaussians", ok, absl::Seconds(2), scene);
  }
  const auto first = Record()["stages"][0]["measures"];
  ASSERT_TRUE(first.contains("gaussians"));
  RunRecord record(directory_ + "/run.json", settings_, /*goes_on=*/true);
  RunReport report(pipeline_, settings_, record);
  record.StageFinished("ply", ok, absl::Seconds(1), scene);
  report.StageFinished("ply", ok, absl::Seconds(1), scene);
  ASSERT_TRUE(record.Finish(ok).ok());
  ASSERT_TRUE(report.Finish(scene).ok());
  EXPECT_EQ(Record()["stages"][0]["measures"], first);
  EXPECT_FALSE(Record()["stages"][1].contains("measures"));
  EXPECT_THAT(Page(), AllOf(HasSubstr("Gaussians, all round"),
                            HasSubstr("resumed 1 time")));
}

TEST_F(RunReportTest, TellsOfARunThatFailedBeforeItMadeAnything) {
  RunRecord record(directory_ + "/run.json", settings_, /*goes_on=*/false);
  RunReport report(pipeline_, settings_, record);
  const absl::Status failed = absl::NotFoundError("there is no <picture>");
  record.StageStarted("static_gaussians");
  record.StageFinished("static_gaussians", failed, absl::Seconds(2), {});
  report.StageFinished("static_gaussians", failed, absl::Seconds(2), {});
  ASSERT_TRUE(record.Finish(failed).ok());
  ASSERT_TRUE(report.Finish({}).ok());
  EXPECT_THAT(Page(), AllOf(HasSubstr("badge bad\">failed"),
                            HasSubstr("there is no &lt;picture&gt;")));
}

TEST_F(RunReportTest, SaysSoIfThePageCannotBeWritten) {
  RunRecord record(directory_ + "/run.json", settings_, /*goes_on=*/false);
  RunReport report(pipeline_, settings_, record);
  ASSERT_TRUE(CreateDirectories(directory_ + "/report.html/x").ok());
  EXPECT_FALSE(report.Finish({}).ok());
}

}  // namespace
}  // namespace dg4d
