#ifndef DG4D_TESTING_LITTLE_MEMORY_H_
#define DG4D_TESTING_LITTLE_MEMORY_H_

#include <c10/core/Allocator.h>

#include <cstddef>

namespace dg4d {

// While it lives, tensors on the CPU are made as if there were only so much
// memory: what asks for more meets c10::OutOfMemoryError, as on a GPU. Counts
// what was asked for in its life, whatever was there before. One at a time, and
// one thread (at::set_num_threads(1)).
class LittleMemory final : public c10::Allocator {
 public:
  explicit LittleMemory(size_t bytes);
  ~LittleMemory() override;
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;

  // That were in use together.
  size_t most() const { return most_; }

  c10::DataPtr allocate(size_t bytes) override;
  c10::DeleterFnPtr raw_deleter() const override;
  void copy_data(void* to, const void* from, size_t bytes) const override;

 private:
  struct Header;
  static void Free(void* data);

  const int number_;
  const size_t bytes_;
  size_t used_ = 0, most_ = 0;
};

// What `work` has in use at most.
template <typename Work>
size_t MostMemory(const Work& work) {
  const LittleMemory memory(size_t{1} << 40);
  work();
  return memory.most();
}

}  // namespace dg4d

#endif  // DG4D_TESTING_LITTLE_MEMORY_H_
