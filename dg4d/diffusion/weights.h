#ifndef DG4D_DIFFUSION_WEIGHTS_H_
#define DG4D_DIFFUSION_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dg4d::diffusion {

// Where the tensors of a network come from: files (FolderWeights), or nowhere,
// when only their names and shapes are wanted (WeightLayout).
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  // The tensor called `name`, which the network needs in this shape. A source
  // that does not have it remembers so and gives a tensor without memory (on
  // the meta device): networks are built to the end, so that everything that
  // is wrong is reported together.
  virtual at::Tensor Take(const std::string& name, at::IntArrayRef shape) = 0;
};

// A tensor without memory; of no elements where so many would fit no address
// space, as hostile configurations ask for.
at::Tensor WithoutMemory(at::IntArrayRef shape);
bool IsTooLarge(at::IntArrayRef shape);

// A place in a source's tree of names. Networks take their tensors in their
// constructors: `conv_in(weights / "conv_in", ...)`.
class Weights {
 public:
  explicit Weights(WeightSource& source) : source_(&source) {}

  Weights operator/(absl::string_view child) const;
  Weights operator/(int64_t index) const;

  at::Tensor Take(absl::string_view leaf, at::IntArrayRef shape) const;

 private:
  Weights(WeightSource& source, std::string path)
      : source_(&source), path_(std::move(path)) {}

  WeightSource* source_;
  std::string path_;  // "" or ends in "."
};

// Lists what a network needs, and gives it no memory.
class WeightLayout final : public WeightSource {
 public:
  at::Tensor Take(const std::string& name, at::IntArrayRef shape) override;

  const std::map<std::string, std::vector<int64_t>>& shapes() const {
    return shapes_;
  }

 private:
  std::map<std::string, std::vector<int64_t>> shapes_;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_WEIGHTS_H_
