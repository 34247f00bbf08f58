#include "tools/report/curves.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ReadCurves, TakesEachNumberOfEachStageForItself) {
  const auto curves = ReadCurves(
      R"({"stage":"static","step":1,"loss":0.5,"gaussians":10}
{"stage":"static","step":2,"loss":0.25,"gaussians":12}
{"stage":"dynamic","step":1,"loss":4})");
  ASSERT_EQ(curves.size(), 3u);
  EXPECT_EQ(curves[0].name, "loss");
  EXPECT_THAT(curves[0].values, ElementsAre(0.5, 0.25));
  EXPECT_EQ(curves[1].name, "gaussians");
  EXPECT_EQ(curves[2].stage, "dynamic");
  EXPECT_THAT(curves[2].steps, ElementsAre(1));
}

// It stopped after step 4, its checkpoint was that of step 2; then the stage
// ran anew with other settings.
TEST(ReadCurves, TakesTheLaterOfStepsThatWereRepeated) {
  std::string text;
  const auto line = [&](int step, double loss) {
    absl::StrAppend(&text, R"({"stage":"s","step":)", step, R"(,"loss":)", loss,
                    "}\n");
  };
  for (int step = 1; step <= 4; ++step) line(step, 10 + step);
  for (int step = 3; step <= 5; ++step) line(step, 20 + step);
  EXPECT_THAT(ReadCurves(text)[0].steps, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(ReadCurves(text)[0].values, ElementsAre(11, 12, 23, 24, 25));
  line(1, 7);
  EXPECT_THAT(ReadCurves(text)[0].values, ElementsAre(7));
}

TEST(ReadCurves, PassesOverWhatIsNoStep) {
  const auto curves = ReadCurves(
      R"({"stage":"s","step":1,"loss":1}
{"stage":"s","st{"stage":"s","step":2,"loss":2}
[1, 2]
{"stage":3,"step":1,"loss":1}
{"stage":"s","step":"4","loss":1}
{"stage":"s","step":5,"loss":null,"note":"text"}
)");
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_THAT(curves[0].steps, ElementsAre(1, 5));
  EXPECT_TRUE(std::isnan(curves[0].values[1]));
  EXPECT_THAT(ReadCurves(""), IsEmpty());
}

Curve Loss(int steps, double (*loss)(int)) {
  Curve curve = {.stage = "static", .name = "loss"};
  for (int step = 1; step <= steps; ++step) {
    curve.steps.push_back(step);
    curve.values.push_back(loss(step));
  }
  return curve;
}

TEST(ChartOf, DrawsLowValuesLowAndEarlyOnesLeft) {
  const auto chart =
      ChartOf({.stage = "s", .name = "x", .steps = {1, 2}, .values = {4, 8}});
  double x[2], y[2];
  ASSERT_EQ(std::sscanf(chart["line"].get<std::string>().c_str(),
                        "M%lf %lf L%lf %lf", &x[0], &y[0], &x[1], &y[1]),
            4);
  EXPECT_LT(x[0], x[1]);
  EXPECT_GT(y[0], y[1]);  // y grows downwards
  EXPECT_FALSE(chart["logarithmic"]);
  EXPECT_FALSE(chart["has_mean"]);
}

TEST(ChartOf, KeepsASpikeOfManySteps) {
  const auto chart =
      ChartOf(Loss(20000, [](int step) { return step == 777 ? 9.0 : 1.0; }));
  EXPECT_LT(chart["line"].get<std::string>().size(), 20000u);
  const double top = 10;  // of the plot
  bool reaches_top = false;
  std::string path = chart["line"];
  for (size_t i = 0; i < path.size(); ++i) {
    double x, y;
    if ((path[i] == 'M' || path[i] == 'L') &&
        std::sscanf(&path[i + 1], "%lf %lf", &x, &y) == 2) {
      reaches_top = reaches_top || y < top + 8;
    }
  }
  EXPECT_TRUE(reaches_top);
}

TEST(ChartOf, IsLogarithmicForWhatFallsFar) {
  const auto chart = ChartOf(Loss(100, [](int step) { return 5.0 / step; }));
  EXPECT_TRUE(chart["logarithmic"]);
  EXPECT_TRUE(chart["has_mean"]);
  EXPECT_GE(chart["y_ticks"].size(), 3u);
}

TEST(ChartOf, IsNothingForWhatNeverChanges) {
  EXPECT_TRUE(ChartOf(Loss(50, [](int) { return 3.0; })).is_null());
  EXPECT_TRUE(ChartOf(Loss(1, [](int) { return 3.0; })).is_null());
  EXPECT_TRUE(ChartOf({}).is_null());
}

TEST(ChartOf, TellsOfStepsThatWereNotFinite) {
  Curve curve = Loss(4, [](int step) { return 1.0 * step; });
  curve.values[2] = NAN;
  const auto chart = ChartOf(curve);
  EXPECT_THAT(chart["summary"].get<std::string>(),
              HasSubstr("not finite at 1 step"));
  EXPECT_THAT(chart["line"].get<std::string>(), testing::Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace dg4d
