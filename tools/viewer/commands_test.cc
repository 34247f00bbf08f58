#include "tools/viewer/commands.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dg4d/base/files.h"
#include "dg4d/core/exporter.h"
#include "dg4d/scene/camera_path.h"
#include "dg4d/testing/sample_scenes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::viewer {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Writes how many Gaussians there are, or waits until it is told to stop.
class CountingExporter final : public Exporter {
 public:
  struct Options {
    bool wait = false;
    bool folder = false;
    std::string unit = "Gaussians";
    template <typename V>
    void Visit(V& v) {
      v("wait", wait, "Whether it waits.");
      v("folder", folder, "Whether it writes a folder.");
      v("unit", unit, "What it counts.");
    }
  };
  explicit CountingExporter(Options options) : options_(std::move(options)) {}
  std::vector<Slot> Reads() const override { return {Slot::kGaussians}; }
  std::string DefaultPath() const override {
    return options_.folder ? "counts" : "count.json";
  }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override {
    while (options_.wait) {
      if (absl::Status status = context.CheckCancelled(); !status.ok()) {
        return status;
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    return WriteFileAtomically(
        options_.folder ? path + "/count.json" : path,
        absl::StrCat(scene.gaussians.size(), " ", options_.unit));
  }

 private:
  const Options options_;
};
DG4D_REGISTER(Exporter, CountingExporter, "counting", "Counts.");

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    Commands::Options options = {.directory = directory_};
    options.control = [this](absl::string_view command) {
      told_ = std::string(command);
      return absl::OkStatus();
    };
    options.config["exporters"]["counting"]["unit"] =
        ConfigNode::Scalar("splats");
    options.config["exporters"]["counting"]["path"] =
        ConfigNode::Scalar("elsewhere");
    commands_ = std::make_unique<Commands>(hub_, feed_, std::move(options));
  }

  std::string Refusal(const json& command) {
    return std::string(commands_->Handle(command.dump()).message());
  }
  // What pages are told of exports, once one is over.
  json ExportOutcome() const {
    json outcome;
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (absl::Now() < until) {
      Hub::Cursor cursor;
      while (const auto frame = hub_.Next(cursor)) {
        outcome = json::parse(*frame->bytes);
      }
      if (outcome.is_object() && outcome["state"] != "running") break;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return outcome;
  }

  const std::string directory_ = absl::StrCat(
      testing::TempDir(), "/",
      testing::UnitTest::GetInstance()->current_test_info()->name());
  Hub hub_;
  SceneFeed feed_{hub_};
  std::string told_;
  std::unique_ptr<Commands> commands_;
};

TEST_F(CommandsTest, RefusesWhatIsNoCommand) {
  for (const std::string text :
       {"", "x", "null", "3", "[]", "\"pause\"", "{", "{}", R"({"command": 3})",
        R"({"command": null})", R"({"command": "fly"})",
        R"({"command": {"command": "stop"}})", R"({"Command": "stop"})"}) {
    EXPECT_EQ(commands_->Handle(text).code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_FALSE(commands_->Handle(std::string(60000, '[')).ok());
  EXPECT_FALSE(commands_
                   ->Handle(absl::StrCat(
                       R"({"command": "camera_path", "path": )",
                       std::string(30000, '['), std::string(30000, ']'), "}"))
                   .ok());
  EXPECT_EQ(told_, "");
}

TEST_F(CommandsTest, HandsTheRunsCommandsOn) {
  for (const std::string command : {"pause", "resume", "stop"}) {
    EXPECT_EQ(Refusal({{"command", command}}), "");
    EXPECT_EQ(told_, command);
  }
  Commands view(hub_, feed_, {.directory = directory_});
  EXPECT_THAT(view.Handle(R"({"command": "stop"})").message(),
              HasSubstr("nothing runs"));
}

TEST_F(CommandsTest, ExportsTheNewestSceneAsTheRunsConfigurationSays) {
  const json command = {{"command", "export"}, {"exporter", "counting"}};
  EXPECT_THAT(Refusal(command), HasSubstr("nothing to export yet"));
  feed_.Offer("one", 1, StaticScene());
  const Scene scene = MovingScene(3);
  feed_.Offer("two", 2, scene);
  EXPECT_EQ(Refusal(command), "");
  const json outcome = ExportOutcome();
  EXPECT_EQ(outcome["state"], "done");
  EXPECT_EQ(outcome["exporter"], "counting");
  EXPECT_EQ(outcome["url"], "/file/count.json");
  const std::string path = directory_ + "/exports/count.json";
  EXPECT_EQ(outcome["message"], path);
  EXPECT_EQ(ReadFile(path).value(),
            absl::StrCat(scene.gaussians.size(), " splats"));
  EXPECT_EQ(hub_.FindFile("count.json")->path, path);
}

TEST_F(CommandsTest, HandsOutAFolderAsZip) {
  Commands::Options options = {.directory = directory_};
  options.config["exporters"]["counting"]["folder"] =
      ConfigNode::Scalar("true");
  commands_ = std::make_unique<Commands>(hub_, feed_, std::move(options));
  feed_.Offer("one", 1, StaticScene());
  EXPECT_EQ(Refusal({{"command", "export"}, {"exporter", "counting"}}), "");
  const json outcome = ExportOutcome();
  EXPECT_EQ(outcome["state"], "done") << outcome;
  const std::string path = directory_ + "/exports/counts";
  EXPECT_EQ(outcome["message"], path);
  EXPECT_EQ(outcome["url"], "/file/counts.zip");
  EXPECT_EQ(hub_.FindFile("counts.zip")->path, path + ".zip");
  const std::string zip = ReadFile(path + ".zip").value();
  EXPECT_EQ(zip.substr(0, 2), "PK");
  EXPECT_THAT(zip, HasSubstr(ReadFile(path + "/count.json").value()));
}

TEST_F(CommandsTest, TellsWhyAnExportFailed) {
  EXPECT_THAT(Refusal({{"command", "export"}, {"exporter", "countign"}}),
              HasSubstr("did you mean 'counting'?"));
  EXPECT_THAT(Refusal({{"command", "export"}, {"exporter", "../x"}}),
              HasSubstr("no exporter"));
  Scene scene = StaticScene();
  ClearSlot(Slot::kGaussians, scene);
  feed_.Offer("one", 1, scene);
  EXPECT_EQ(Refusal({{"command", "export"}, {"exporter", "counting"}}), "");
  const json outcome = ExportOutcome();
  EXPECT_EQ(outcome["state"], "failed");
  EXPECT_THAT(outcome["message"].get<std::string>(), HasSubstr("gaussians"));
  EXPECT_TRUE(outcome["url"].is_null());
}

TEST_F(CommandsTest, ExportsOneAtATimeAndCancelsAtTheEnd) {
  Commands::Options options = {.directory = directory_};
  options.config["exporters"]["counting"]["wait"] = ConfigNode::Scalar("true");
  commands_ = std::make_unique<Commands>(hub_, feed_, std::move(options));
  feed_.Offer("one", 1, StaticScene());
  const json command = {{"command", "export"}, {"exporter", "counting"}};
  EXPECT_EQ(Refusal(command), "");
  EXPECT_THAT(Refusal(command), HasSubstr("under way"));
  commands_.reset();
  EXPECT_EQ(ExportOutcome()["state"], "failed");
}

TEST_F(CommandsTest, SavesACameraPathThatIsOne) {
  const json path = json::parse(R"({
      "camera_path": 1, "loop": false, "keyframes": [
        {"seconds": 0, "position": [0, 0, 2], "target": [0, 0, 0],
         "fov_y_degrees": 49.1, "frame": null},
        {"seconds": 1, "position": [2, 0, 0], "target": [0, 0, 0],
         "fov_y_degrees": 40, "frame": 3}]})");
  EXPECT_EQ(Refusal({{"command", "camera_path"}, {"path", path}}), "");
  EXPECT_EQ(ExportOutcome()["exporter"], "camera_path");
  const auto read = ReadCameraPath(directory_ + "/camera_path.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->keyframes.size(), 2u);
  EXPECT_THAT(Refusal({{"command", "camera_path"}}), HasSubstr("camera path"));
  json broken = path;
  broken["keyframes"].erase(1);
  EXPECT_THAT(Refusal({{"command", "camera_path"}, {"path", broken}}),
              HasSubstr("keyframes"));
}

}  // namespace
}  // namespace dg4d::viewer
