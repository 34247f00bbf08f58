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

// Keeps workspaces that no rendering uses for the next of the same use.
// Renderings may outlive the pool.
template <typename Workspace>
class WorkspacePool
    : public std::enable_shared_from_this<WorkspacePool<Workspace>> {
 public:
  // As many as a stage alternates between, and those of the sizes before.
  static constexpr size_t kMaxIdle = 4;

  // Workspaces of which `captured` is true belong to a CUDA graph for good.
  explicit WorkspacePool(bool (*captured)(const Workspace&))
      : captured_(captured) {}

  std::shared_ptr<Workspace> Take(const WorkspaceUse& use) {
    std::unique_ptr<Workspace> workspace;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found =
          std::find_if(idle_.begin(), idle_.end(),
                       [&](const Idle& idle) { return idle.first == use; });
      if (found != idle_.end()) {
        workspace = std::move(found->second);
        idle_.erase(found);
      }
    }
    if (!workspace) workspace = std::make_unique<Workspace>();
    return {workspace.release(),
            [pool = this->weak_from_this(), use](Workspace* w) {
              std::unique_ptr<Workspace> owned(w);
              if (const auto alive = pool.lock()) {
                alive->Return(use, std::move(owned));
              }
            }};
  }

 private:
  using Idle = std::pair<WorkspaceUse, std::unique_ptr<Workspace>>;

  void Return(const WorkspaceUse& use, std::unique_ptr<Workspace> workspace) {
    if (captured_(*workspace)) return;
    std::unique_ptr<Workspace> oldest;  // freed without the lock
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.size() == kMaxIdle) {
      oldest = std::move(idle_.front().second);
      idle_.erase(idle_.begin());
    }
    idle_.emplace_back(use, std::move(workspace));
  }

  bool (*const captured_)(const Workspace&);
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the longest idle first
};

}  // namespace dg4d::gaussian_splatting

#endif  // DG4D_RENDERERS_GAUSSIAN_SPLATTING_WORKSPACE_POOL_H_
