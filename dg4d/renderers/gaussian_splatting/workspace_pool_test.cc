#include "dg4d/renderers/gaussian_splatting/workspace_pool.h"

#include <memory>

#include "gtest/gtest.h"

namespace dg4d::gaussian_splatting {
namespace {

struct Workspace {
  bool captured = false;
  int room = 0;  // what it was last used for
  int holds = 0;
  int seen_by_others = 0;
};

struct Backend {
  using Workspace = gaussian_splatting::Workspace;
  using Seen = int;  // its room
  static std::unique_ptr<Workspace> Make(Seen seen) {
    return std::make_unique<Workspace>(Workspace{.seen_by_others = seen});
  }
  static Seen SeenBy(const Workspace& workspace) { return workspace.room; }
  static void Release(Workspace& workspace) { workspace.holds = 0; }
  static bool Captured(const Workspace& workspace) {
    return workspace.captured;
  }
};

using Pool = WorkspacePool<Backend>;

std::shared_ptr<Pool> MakePool() { return std::make_shared<Pool>(); }

WorkspaceUse Views(int64_t images, int64_t size) {
  return {.device = c10::Device(c10::kCUDA, 0), .shape = {images, size, size}};
}

TEST(WorkspacePool, ShapesThatTakeTurnsKeepTheirOwn) {
  const auto pool = MakePool();
  for (int step = 0; step < 3; ++step) {
    for (const int images : {1, 16}) {
      const auto workspace = pool->Take(Views(images, 256));
      EXPECT_EQ(workspace->room, step == 0 ? 0 : images);
      workspace->room = images;
    }
  }
}

TEST(WorkspacePool, ServesOtherStreamsAndDevicesWithOthers) {
  const auto pool = MakePool();
  pool->Take(Views(1, 64))->room = 7;
  WorkspaceUse other = Views(1, 64);
  int stream;
  other.stream = &stream;
  EXPECT_EQ(pool->Take(other)->room, 0);
  EXPECT_EQ(pool->Take({.device = c10::Device(c10::kCUDA, 1),
                        .shape = Views(1, 64).shape})
                ->room,
            0);
  EXPECT_EQ(pool->Take(Views(1, 64))->room, 7);
}

TEST(WorkspacePool, GivesOneAtATimeToEach) {
  const auto pool = MakePool();
  const auto one = pool->Take(Views(1, 64));
  EXPECT_NE(pool->Take(Views(1, 64)), one);
}

TEST(WorkspacePool, GivesUpTheOneThatWasIdleLongest) {
  const auto pool = MakePool();
  for (int size = 1; size <= 1 + static_cast<int>(Pool::kMaxIdle); ++size) {
    pool->Take(Views(1, size))->room = size;
  }
  EXPECT_EQ(pool->Take(Views(1, 2))->room, 2);
  EXPECT_EQ(pool->Take(Views(1, 1))->room, 0);
}

TEST(WorkspacePool, KeepsNoneThatAGraphUses) {
  const auto pool = MakePool();
  {
    const auto workspace = pool->Take(Views(1, 64));
    workspace->captured = true;
    workspace->room = 7;
  }
  EXPECT_EQ(pool->Take(Views(1, 64))->room, 0);
}

TEST(WorkspacePool, LetsIdleOnesHoldNothing) {
  const auto pool = MakePool();
  {
    const auto workspace = pool->Take(Views(1, 64));
    workspace->room = 7;
    workspace->holds = 8;
  }
  const auto again = pool->Take(Views(1, 64));
  EXPECT_EQ(again->room, 7);
  EXPECT_EQ(again->holds, 0);
}

// So that the second of two that are captured with one graph finds its size.
TEST(WorkspacePool, TellsNewOnesWhatOthersOfTheSameUseHaveSeen) {
  const auto pool = MakePool();
  pool->Take(Views(1, 64))->room = 7;
  const auto first = pool->Take(Views(1, 64));
  EXPECT_EQ(pool->Take(Views(1, 64))->seen_by_others, 7);
  EXPECT_EQ(pool->Take(Views(2, 64))->seen_by_others, 0);
}

TEST(WorkspacePool, MayEndBeforeItsRenderings) {
  auto pool = MakePool();
  const auto workspace = pool->Take(Views(1, 64));
  pool.reset();
  EXPECT_EQ(workspace->room, 0);
}

}  // namespace
}  // namespace dg4d::gaussian_splatting
