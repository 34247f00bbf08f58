#include "tools/viewer/hub.h"

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/viewer/protocol.h"

namespace dg4d::viewer {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

json Message(const std::string& text) { return {{"text", text}}; }

// All that a connection at `cursor` is to be told, by its text.
std::vector<std::string> Told(const Hub& hub, Hub::Cursor& cursor) {
  std::vector<std::string> told;
  while (const auto frame = hub.Next(cursor)) {
    told.push_back(
        frame->binary
            ? *frame->bytes
            : json::parse(*frame->bytes).value("text", *frame->bytes));
  }
  return told;
}

json Rows(const Hub& hub, Hub::Cursor& cursor) {
  const auto frame = hub.Next(cursor);
  return frame.has_value() ? json::parse(*frame->bytes)["rows"] : json();
}

TEST(Hub, TellsSubjectsInTheOrderInWhichTheyWereLastSet) {
  Hub hub;
  hub.Set("hello", Message("hello"));
  hub.Set("state", Message("running"));
  hub.Set("warning", Message("thin ice"));
  Hub::Cursor early;
  EXPECT_THAT(Told(hub, early), ElementsAre("hello", "running", "thin ice"));
  hub.Set("state", Message("paused"));
  hub.Set("state", Message("stopped"));
  EXPECT_THAT(Told(hub, early), ElementsAre("stopped"));
  EXPECT_THAT(Told(hub, early), ElementsAre());
  Hub::Cursor late;
  EXPECT_THAT(Told(hub, late), ElementsAre("hello", "thin ice", "stopped"));
}

TEST(Hub, SendsThePayloadThatBelongsToATextThoughANewerIsThere) {
  Hub hub;
  hub.Set("scene", Message("first"),
          std::make_shared<const std::string>("payload 1"));
  Hub::Cursor cursor;
  EXPECT_FALSE(hub.Next(cursor)->binary);
  hub.Set("scene", Message("second"),
          std::make_shared<const std::string>("payload 2"));
  EXPECT_THAT(Told(hub, cursor),
              ElementsAre("payload 1", "second", "payload 2"));
}

TEST(Hub, TellsTheHistoryOfMetricsThenWhatIsNew) {
  Hub hub;
  hub.AddMetrics("static", 1, {{"loss", 0.5}, {"gaussians", 100}});
  hub.AddMetrics("static", 2, {{"loss", std::nan("")}});
  Hub::Cursor cursor;
  EXPECT_EQ(Rows(hub, cursor), json::parse(R"([
              {"stage": "static", "step": 1,
               "values": {"loss": 0.5, "gaussians": 100}},
              {"stage": "static", "step": 2, "values": {"loss": null}}])"));
  EXPECT_FALSE(hub.Next(cursor).has_value());
  hub.AddMetrics("dynamic", 1, {{"loss", 0.25}});
  EXPECT_EQ(Rows(hub, cursor).size(), 1u);
}

TEST(Hub, ThinsLongHistoriesEvenly) {
  Hub hub;
  const int steps = 10000;
  Hub::Cursor cursor;
  size_t told = 0;
  for (int step = 0; step < steps; ++step) {
    hub.AddMetrics("static", step, {{"loss", step}});
    told += Rows(hub, cursor).size();
  }
  EXPECT_GT(told, kMostMetricsRows);
  Hub::Cursor late;
  const json rows = Rows(hub, late);
  ASSERT_LE(rows.size(), kMostMetricsRows);
  ASSERT_GT(rows.size(), kMostMetricsRows / 2);
  const int stride = rows[1]["step"].get<int>();
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["step"], stride * i);
  }
  EXPECT_GT(rows.back()["step"], steps - 1 - stride);
}

TEST(Hub, MendsTextThatIsNoUtf8) {
  Hub hub;
  hub.Set("warning", Message("a\xff"
                             "b"));
  Hub::Cursor cursor;
  EXPECT_THAT(Told(hub, cursor), ElementsAre("a\xef\xbf\xbd"
                                             "b"));
}

TEST(Hub, MayBeUsedByManyThreads) {
  Hub hub;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&hub, thread] {
      Hub::Cursor cursor;
      for (int i = 0; i < 2000; ++i) {
        hub.Set("state", Message("state"));
        hub.AddMetrics("stage", i, {{"loss", thread}});
        hub.Next(cursor);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Hub::Cursor cursor;
  EXPECT_THAT(Told(hub, cursor).front(), "state");
}

}  // namespace
}  // namespace dg4d::viewer
