#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "dg4d/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/observers/metrics_log.h"
#include "tools/observers/progress.h"
#include "tools/observers/run_record.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Progress, WritesPlainLinesWhereThereIsNoTerminal) {
  std::ostringstream out;
  Progress progress(out, /*terminal=*/false);
  progress.StageStarted("static");
  for (int step = 1; step <= 50; ++step) progress.Step("static", step, 50, {});
  progress.Warning("static", "thin ice");
  progress.StageFinished("static", absl::OkStatus(), absl::Seconds(75), {});
  progress.StageFinished("dynamic", absl::CancelledError(""), absl::Seconds(2),
                         {});
  EXPECT_EQ(out.str(),
            "static               warning: thin ice\n"
            "static               done in 1 min 15 s\n"
            "dynamic              stopped in 2.0 s\n");
}

TEST(Progress, DrawsABarOverItselfOnATerminal) {
  std::ostringstream out;
  Progress progress(out, /*terminal=*/true);
  progress.StageStarted("static");
  absl::SleepFor(absl::Milliseconds(250));
  progress.Step("static", 25, 50, {{"loss", 0.125}});
  EXPECT_THAT(out.str(), HasSubstr("\r"));
  EXPECT_THAT(out.str(), HasSubstr("[############............] 25/50"));
  EXPECT_THAT(out.str(), HasSubstr("left  loss 0.125"));
  EXPECT_THAT(out.str(), Not(HasSubstr("\n")));
}

TEST(MetricsLog, WritesAnObjectALine) {
  const std::string path = testing::TempDir() + "/metrics.jsonl";
  {
    MetricsLog log(path);
    log.Step("static", 1, 2, {{"loss", 0.5}});
    log.Step("static", 2, 2, {});  // nothing to tell
    log.Step("dynamic", 7, 9, {{"loss", 0.25}, {"psnr", 30}});
  }
  const std::string text = ReadFile(path).value();
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  ASSERT_EQ(lines.size(), 3u);
  const auto second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(second["stage"], "dynamic");
  EXPECT_EQ(second["step"], 7);
  EXPECT_EQ(second["psnr"], 30);
}

class RunRecordTest : public testing::Test {
 protected:
  nlohmann::json Read() const {
    return nlohmann::json::parse(ReadFile(path_).value());
  }
  const std::string path_ = testing::TempDir() + "/run.json";
};

TEST_F(RunRecordTest, KeepsInputSecondsAndMemory) {
  const std::string picture = testing::TempDir() + "/abc.png";
  ASSERT_TRUE(WriteFileAtomically(picture, "abc").ok());
  RunRecord record(path_, {.seed = 5, .input_image = picture},
                   /*goes_on=*/false);
  record.StageStarted("static");
  record.Warning("static", "thin ice");
  record.StageFinished("static", absl::OkStatus(), absl::Seconds(3), {});
  EXPECT_EQ(Read()["status"], "running");
  ASSERT_TRUE(record.Finish(absl::OkStatus()).ok());
  const nlohmann::json json = Read();
  EXPECT_EQ(json["status"], "OK");
  EXPECT_EQ(json["seed"], 5);
  EXPECT_EQ(json["image"]["sha256"],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(json["stages"][0]["seconds"], 3);
  EXPECT_GT(json["stages"][0]["peak_memory_bytes"], 1 << 20);
  EXPECT_EQ(json["warnings"][0]["message"], "thin ice");
  // A CPU has no memory of its own.
  EXPECT_FALSE(json["stages"][0].contains("peak_device_memory_bytes"));
}

TEST_F(RunRecordTest, KeepsTheStagesOfTheRunItGoesOnFrom) {
  {
    RunRecord record(path_, {}, /*goes_on=*/false);
    record.StageFinished("one", absl::OkStatus(), absl::Seconds(1), {});
  }
  const auto started = Read()["started"];
  RunRecord record(path_, {}, /*goes_on=*/true);
  record.StageFinished("two", absl::OkStatus(), absl::Seconds(1), {});
  EXPECT_EQ(Read()["stages"].size(), 2u);
  EXPECT_EQ(Read()["started"], started);
  EXPECT_EQ(Read()["resumed"], 1);
}

TEST_F(RunRecordTest, KeepsTheInputOfTheRunItGoesOnFrom) {
  const std::string picture = testing::TempDir() + "/abc.png";
  ASSERT_TRUE(WriteFileAtomically(picture, "abc").ok());
  {
    RunRecord record(path_, {.input_image = picture}, /*goes_on=*/false);
    ASSERT_TRUE(record.Finish(absl::OkStatus()).ok());
  }
  const auto image = Read()["image"];
  {
    RunRecord record(path_, {}, /*goes_on=*/true);
    ASSERT_TRUE(record.Finish(absl::OkStatus()).ok());
  }
  EXPECT_EQ(Read()["image"], image);
  RunRecord record(path_, {}, /*goes_on=*/false);
  ASSERT_TRUE(record.Finish(absl::OkStatus()).ok());
  EXPECT_FALSE(Read().contains("image"));
}

TEST_F(RunRecordTest, DropsTheWarningsOfAStageThatRunsAgain) {
  {
    RunRecord record(path_, {}, /*goes_on=*/false);
    record.Warning("one", "thin ice");
    record.Warning("two", "thin air");
    ASSERT_TRUE(record.Finish(absl::CancelledError("")).ok());
  }
  RunRecord record(path_, {}, /*goes_on=*/true);
  record.Warning("two", "it runs again");  // said before it begins
  record.StageStarted("two");
  ASSERT_TRUE(record.Finish(absl::OkStatus()).ok());
  const nlohmann::json warnings = Read()["warnings"];
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0]["message"], "thin ice");
  EXPECT_EQ(warnings[1]["message"], "it runs again");
}

TEST_F(RunRecordTest, TellsHowFarAStageCameAndWhatWentWrong) {
  RunRecord record(path_, {}, /*goes_on=*/false);
  record.StageStarted("static");
  record.Step("static", 7, 20, {});
  const absl::Status status = absl::InternalError("the disk is full");
  record.StageFinished("static", status, absl::Seconds(1), {});
  record.AddMeasures({{"gaussians", {{"count", 12}}}});
  ASSERT_TRUE(record.Finish(status).ok());
  const nlohmann::json json = Read();
  EXPECT_EQ(json["status"], "INTERNAL");
  EXPECT_EQ(json["message"], "the disk is full");
  EXPECT_EQ(json["stages"][0]["steps_done"], 7);
  EXPECT_EQ(json["stages"][0]["steps"], 20);
  EXPECT_EQ(json["stages"][0]["measures"]["gaussians"]["count"], 12);
}

TEST_F(RunRecordTest, GoesOnFromAFileThatSomebodyBroke) {
  for (const char* text :
       {"", "{", "[1]", R"({"started": 3, "resumed": "x", "stages": 1,
                           "warnings": [4]})"}) {
    ASSERT_TRUE(WriteFileAtomically(path_, text).ok());
    RunRecord record(path_, {}, /*goes_on=*/true);
    record.StageStarted("one");
    EXPECT_TRUE(record.Finish(absl::OkStatus()).ok());
    EXPECT_EQ(Read()["status"], "OK");
  }
}

// Names of files are bytes.
TEST_F(RunRecordTest, SurvivesANameThatIsNoUtf8) {
  RunRecord record(path_, {.input_image = "\xff\xfe.png"}, /*goes_on=*/false);
  ASSERT_TRUE(record.Finish(absl::OkStatus()).ok());
  EXPECT_EQ(Read()["status"], "OK");
}

}  // namespace
}  // namespace dg4d
