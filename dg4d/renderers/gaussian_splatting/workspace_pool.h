#ifndef DG4D_RENDERERS_GAUSSIAN_SPLATTING_WORKSPACE_POOL_H_
#define DG4D_RENDERERS_GAUSSIAN_SPLATTING_WORKSPACE_POOL_H_

#include <c10/core/Device.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dg4d::gaussian_splatting {

// What a workspace is used for.
struct WorkspaceUse {
  c10::Device device = c10::kCPU;
  void* stream = nullptr;  // of a GPU
  // Images, height and width. A GPU's workspace has room for what its last
  // drawing touched, and draws slowly what touches more: a single small view,
  // drawn in turn with many large ones, must not take theirs.
  std::array<int64_t, 3> shape = {};

  bool operator==(const WorkspaceUse&) const = default;
};

// Keeps workspaces that no rendering uses for the next of the same use, and
// what they have seen for more of them. Renderings may outlive the pool.
//
// A Backend has types Workspace and Seen, and static functions:
//   std::unique_ptr<Workspace> Make(const Seen&);
//   Seen SeenBy(const Workspace&);
//   // Frees what an idle one need not hold.
//   void Release(Workspace&);
//   // Whether it belongs to a CUDA graph, for good.
//   bool Captured(const Workspace&);
template <typename Backend>
class WorkspacePool
    : public std::enable_shared_from_this<WorkspacePool<Backend>> {
 public:
  using Workspace = typename Backend::Workspace;
  using Seen = typename Backend::Seen;
  // As many as a stage alternates between, and those of the sizes before.
  static constexpr size_t kMaxIdle = 4;

  std::shared_ptr<Workspace> Take(const WorkspaceUse& use) {
    std::unique_ptr<Workspace> workspace;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (const auto found = Find(idle_, use); found != idle_.end()) {
        workspace = std::move(found->second);
        idle_.erase(found);
      } else {
        const auto seen = Find(seen_, use);
        workspace = Backend::Make(seen == seen_.end() ? Seen() : seen->second);
      }
    }
    return {workspace.release(),
            [pool = this->weak_from_this(), use](Workspace* w) {
              std::unique_ptr<Workspace> owned(w);
              if (const auto alive = pool.lock()) {
                alive->Return(use, std::move(owned));
              }
            }};
  }

 private:
  template <typename T>
  using ByUse = std::vector<std::pair<WorkspaceUse, T>>;
  static constexpr size_t kMaxSeen = 64;

  template <typename T>
  static auto Find(ByUse<T>& entries, const WorkspaceUse& use) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const auto& entry) { return entry.first == use; });
  }

  void Return(const WorkspaceUse& use, std::unique_ptr<Workspace> workspace) {
    if (Backend::Captured(*workspace)) return;
    Backend::Release(*workspace);
    std::unique_ptr<Workspace> oldest;  // freed without the lock
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto seen = Find(seen_, use); seen != seen_.end()) {
      seen_.erase(seen);
    } else if (seen_.size() == kMaxSeen) {
      seen_.erase(seen_.begin());
    }
    seen_.emplace_back(use, Backend::SeenBy(*workspace));
    if (idle_.size() == kMaxIdle) {
      oldest = std::move(idle_.front().second);
      idle_.erase(idle_.begin());
    }
    idle_.emplace_back(use, std::move(workspace));
  }

  std::mutex mutex_;
  // The longest idle, or unused, first.
  ByUse<std::unique_ptr<Workspace>> idle_;
  ByUse<Seen> seen_;
};

}  // namespace dg4d::gaussian_splatting

#endif  // DG4D_RENDERERS_GAUSSIAN_SPLATTING_WORKSPACE_POOL_H_
