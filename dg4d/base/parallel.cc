#include "dg4d/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace dg4d {
namespace {

thread_local bool inside_loop = false;

// One loop's work; lives on the stack of the thread that called ParallelFor.
struct Loop {
  int64_t count;
  int64_t grain;
  absl::FunctionRef<void(int64_t, int64_t)> body;
  std::atomic<int64_t> next = 0;

  std::mutex mutex;
  int64_t failed_chunk = std::numeric_limits<int64_t>::max();
  std::exception_ptr failure;

  void Work() {
    inside_loop = true;
    for (;;) {
      const int64_t chunk = next.fetch_add(1, std::memory_order_relaxed);
      const int64_t begin = chunk * grain;
      if (begin >= count) break;
      try {
        body(begin, std::min(count, begin + grain));
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (chunk < failed_chunk) {
          failed_chunk = chunk;
          failure = std::current_exception();
        }
      }
    }
    inside_loop = false;
  }
};

// Threads that wait for loops. Loops of different threads take turns.
class Pool {
 public:
  ~Pool() { Resize(0); }

  void Resize(int workers) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    stopping_ = false;
    for (int i = 0; i < workers; ++i) {
      threads_.emplace_back([this, seen = generation_] { Serve(seen); });
    }
  }

  int workers() const { return static_cast<int>(threads_.size()); }

  void Run(Loop& loop) {
    const std::lock_guard<std::mutex> turn(turn_);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      loop_ = &loop;
      busy_ = workers();
      ++generation_;
    }
    wake_.notify_all();
    loop.Work();
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return busy_ == 0; });
    loop_ = nullptr;
  }

 private:
  void Serve(int64_t seen) {
    for (;;) {
      Loop* loop;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
        if (stopping_) return;
        seen = generation_;
        loop = loop_;
      }
      loop->Work();
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--busy_ == 0) idle_.notify_one();
    }
  }

  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::thread> threads_;
  Loop* loop_ = nullptr;
  int busy_ = 0;
  int64_t generation_ = 0;
  bool stopping_ = false;
};

Pool& ThePool() {
  static Pool pool;
  return pool;
}

}  // namespace

void SetThreads(int count) { ThePool().Resize(std::max(count, 1) - 1); }

int Threads() { return ThePool().workers() + 1; }

void ParallelFor(int64_t count, int64_t grain,
                 absl::FunctionRef<void(int64_t, int64_t)> body) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (inside_loop) {
    for (int64_t begin = 0; begin < count; begin += grain) {
      body(begin, std::min(count, begin + grain));
    }
    return;
  }
  Loop loop{.count = count, .grain = grain, .body = body};
  if (count <= grain || Threads() == 1) {
    loop.Work();
  } else {
    ThePool().Run(loop);
  }
  if (loop.failure) std::rethrow_exception(loop.failure);
}

}  // namespace dg4d
