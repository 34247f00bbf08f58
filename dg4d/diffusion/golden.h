#ifndef DG4D_DIFFUSION_GOLDEN_H_
#define DG4D_DIFFUSION_GOLDEN_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

namespace dg4d::diffusion {

// Expects `output` to be what the public implementation computed in test
// `name` of testdata/golden.json, within 5e-5 (its values have six decimals):
// eight elements, mean, standard deviation and largest magnitude.
void ExpectGolden(const at::Tensor& output, const std::string& name);

// Expects the tensors of the published model `name` in testdata/tensors.tsv:
// these names and shapes and no others.
void ExpectPublishedTensors(
    const std::map<std::string, std::vector<int64_t>>& shapes,
    const std::string& name);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_GOLDEN_H_
