#include "tools/evaluation/evaluation.h"

#include <ATen/Parallel.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/core/config.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/testing/synthetic_scene.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// A folder of small pictures of the box, `frames` times.
std::string Pictures(int frames) {
  const std::string folder =
      testing::TempDir() + "/box_" + std::to_string(frames);
  std::filesystem::remove_all(folder);
  const SyntheticScene scene = SyntheticScene::Create("twisting_box").value();
  EXPECT_TRUE(
      WriteSyntheticDataset(
          scene,
          {.frames = frames, .train_views = 4, .test_views = 2, .size = 32},
          folder)
          .ok());
  return folder;
}

absl::StatusOr<std::vector<Evaluation>> EvaluateFolder(
    const std::string& folder, const std::string& output, int iterations,
    uint64_t seed = 0) {
  at::set_num_threads(1);  // as the program does
  EvaluationOptions options;
  options.suite = folder;
  options.output = output;
  const std::string steps = std::to_string(iterations);
  options.overrides = {"stages.static_gaussians.iterations=" + steps,
                       "stages.dynamic_gaussians.iterations=" + steps};
  options.run.seed = seed;
  return Evaluate(options, [](const Evaluation&) {});
}

TEST(Evaluation, LinesAreValidForStaticAndMovingObjects) {
  for (const int frames : {1, 14}) {
    for (const int first_views : {1, 4}) {
      const auto config = ParseYaml(
          EvaluationConfig("bob's \"folder\"", frames, first_views, 256),
          "test");
      ASSERT_TRUE(config.ok()) << config.status();
      const auto pipeline = Pipeline::Create(*config);
      ASSERT_TRUE(pipeline.ok()) << pipeline.status();
      EXPECT_EQ(pipeline->stage_keys().size(), frames > 1 ? 2u : 1u);
    }
  }
}

TEST(Evaluation, MoreStepsMeasureBetter) {
  const std::string folder = Pictures(1);
  const std::string output = testing::TempDir() + "/evaluation";
  const auto few = EvaluateFolder(folder, output, 2);
  const auto many = EvaluateFolder(folder, output, 80);
  ASSERT_TRUE(few.ok()) << few.status();
  ASSERT_TRUE(many.ok()) << many.status();
  EXPECT_EQ(many->front().name, "box_1");
  EXPECT_EQ(many->front().train_views, 4);
  EXPECT_EQ(many->front().test_views, 2);
  EXPECT_FALSE(many->front().dynamic);
  EXPECT_FALSE(many->front().flicker.has_value());
  EXPECT_GT(many->front().psnr, few->front().psnr + 3);
  EXPECT_GT(many->front().ssim, few->front().ssim);
  EXPECT_GT(many->front().mask_iou, few->front().mask_iou);
  EXPECT_TRUE(std::filesystem::exists(output + "/box_1/test/r_001.png"));
}

TEST(Evaluation, AnotherSeedIsAnotherFit) {
  const auto psnr = [folder = Pictures(1)](uint64_t seed) {
    const auto results = EvaluateFolder(folder, testing::TempDir() + "/seeds",
                                        /*iterations=*/2, seed);
    EXPECT_TRUE(results.ok()) << results.status();
    return results->front().psnr;
  };
  EXPECT_EQ(psnr(1), psnr(1));
  EXPECT_NE(psnr(1), psnr(0));
}

TEST(Evaluation, FoldersWithSeveralTimesAreFittedInMotion) {
  const std::string output = testing::TempDir() + "/moving";
  const auto results = EvaluateFolder(Pictures(3), output, 2);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_TRUE(results->front().dynamic);
  EXPECT_EQ(results->front().frames, 3);
  EXPECT_TRUE(results->front().flicker.has_value());
  EXPECT_EQ(results->front().stage_seconds.size(), 2u);

  const auto text = ReadFile(output + "/results.json");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto json = nlohmann::json::parse(*text);
  EXPECT_EQ(json["results"][0]["name"], "box_3");
  EXPECT_EQ(json["results"][0]["psnr_db"], results->front().psnr);
  EXPECT_TRUE(json["results"][0]["chamfer"].is_null());
  // A user's own pictures have no floor.
  EXPECT_TRUE(json["results"][0]["floor_db"].is_null());
  EXPECT_TRUE(json["results"][0]["floor_met"].is_null());
}

TEST(Evaluation, SaysWhichFolderIsWrong) {
  const auto results =
      EvaluateFolder("no/such/folder", testing::TempDir() + "/none", 1);
  EXPECT_EQ(results.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(results.status().message().find("no/such/folder"),
            std::string::npos);
}

TEST(Evaluation, TableHasAColumnForEachMeasure) {
  Evaluation evaluation;
  evaluation.name = "thing";
  evaluation.psnr = 31.25;
  const std::string row = TableRow(evaluation);
  EXPECT_EQ(row.size(), TableHeader().size());
  EXPECT_NE(row.find("31.25"), std::string::npos);
}

TEST(Evaluation, MissingAFloorIsAnErrorUnlessItIsAnExperiment) {
  std::vector<Evaluation> results(3);
  results[0] = {.name = "static_box", .psnr = 30, .floor = 30};
  results[1] = {.name = "mine", .psnr = 3};
  EvaluationOptions options;
  EXPECT_TRUE(CheckFloors(options, results).ok());
  results[2] = {.name = "dynamic_box", .psnr = 26.994, .floor = 27};
  const absl::Status status = CheckFloors(options, results);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "dynamic_box is at 26.99 dB, below its floor of 27");
  const auto json = nlohmann::json::parse(ToJson("procedural", results));
  EXPECT_EQ(json["results"][0]["floor_met"], true);
  EXPECT_EQ(json["results"][2]["floor_met"], false);
  EXPECT_EQ(json["results"][2]["floor_db"], 27);
  EXPECT_NE(TableRow(results[0]).find("30 met"), std::string::npos);
  EXPECT_NE(TableRow(results[2]).find("27 MISSED"), std::string::npos);

  options.overrides = {"stages.static_gaussians.iterations=1"};
  EXPECT_TRUE(CheckFloors(options, results).ok());
  options.overrides.clear();
  options.max_side = 64;
  EXPECT_TRUE(CheckFloors(options, results).ok());
}

// A tenth of the steps and a tenth of the pixels of the suite.
TEST(Evaluation, ProceduralObjectsGoByTheirNames) {
  at::set_num_threads(1);
  EvaluationOptions options;
  options.suite = "dynamic_bending_tube";
  options.output = testing::TempDir() + "/tube";
  options.max_side = 40;
  options.overrides = {"stages.dynamic_gaussians.iterations=140"};
  const auto results = Evaluate(options, [](const Evaluation&) {});
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->size(), 1u);
  EXPECT_EQ(results->front().name, "dynamic_bending_tube");
  EXPECT_EQ(results->front().train_views, 56);
  EXPECT_EQ(results->front().floor, 27);
  EXPECT_EQ(results->front().test_views, 56);
  EXPECT_GT(results->front().psnr, 22);
  EXPECT_GT(results->front().mask_iou, 0.9);
  EXPECT_TRUE(std::filesystem::exists(
      options.output + "/dynamic_bending_tube/data/transforms_test.json"));
}

// Score distillation, all of it but the networks: a fifth of the steps and a
// quarter of the pixels of the suite.
TEST(Evaluation, AnOracleLeadsToTheObjectItKnows) {
  at::set_num_threads(1);
  const auto evaluate = [](int steps) {
    EvaluationOptions options;
    options.suite = "oracle_bending_tube";
    options.output = testing::TempDir() + "/oracle";
    options.max_side = 64;
    options.overrides = {"stages.static_gaussians.iterations=" +
                         std::to_string(steps)};
    const auto results = Evaluate(options, [](const Evaluation&) {});
    EXPECT_TRUE(results.ok()) << results.status();
    return results->front();
  };
  const Evaluation few = evaluate(2), many = evaluate(160);
  EXPECT_EQ(many.name, "oracle_bending_tube");
  EXPECT_EQ(many.train_views, 1);
  EXPECT_EQ(many.floor, 25);
  EXPECT_GT(many.psnr, few.psnr + 8);
  EXPECT_GT(many.psnr, 22);
  EXPECT_GT(many.mask_iou, 0.9);
}

}  // namespace
}  // namespace dg4d
