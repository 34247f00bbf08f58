#include "dg4d/imaging/known_background.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/masked_select.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <vector>

#include "dg4d/base/status.h"
#include "dg4d/imaging/cut_out.h"

namespace dg4d {
namespace {

constexpr double kDrift = 0.15;

// The pixels along the border: [N, 3].
at::Tensor Border(const at::Tensor& rgb) {
  const int64_t height = rgb.size(0), width = rgb.size(1);
  return at::cat(
      {rgb[0], rgb[height - 1], rgb.select(1, 0), rgb.select(1, width - 1)});
}

}  // namespace

absl::StatusOr<Image> CutOutOf(const Image& image,
                               const std::array<float, 3>& colour) {
  const at::Tensor rgb = image.pixels.narrow(2, 0, 3);
  const at::Tensor wanted = at::tensor({colour[0], colour[1], colour[2]});
  const at::Tensor border = Border(rgb);
  const at::Tensor like = (border - wanted).abs().amax(1) < kDrift;  // [N]
  const double share = like.to(at::kFloat).mean().item<double>();
  // CutOut follows a background that changes from place to place.
  if (share >= 0.95) return CutOut(image);

  // A frame around the picture, of the colour as the border has it where it
  // has it, tells CutOut what the background is.
  at::Tensor frame_colour = wanted;
  if (share >= 0.05) {
    std::vector<at::Tensor> medians;
    for (int64_t c = 0; c < 3; ++c) {
      medians.push_back(at::masked_select(border.select(1, c), like).median());
    }
    frame_colour = at::stack(medians);
  }
  const int64_t height = rgb.size(0), width = rgb.size(1);
  const int64_t margin = std::max<int64_t>(8, std::max(height, width) / 8);
  const at::Tensor padded =
      frame_colour.expand({height + 2 * margin, width + 2 * margin, 3})
          .contiguous();
  padded.narrow(0, margin, height).narrow(1, margin, width).copy_(rgb);
  DG4D_ASSIGN_OR_RETURN(const Image object, CutOut({padded}));
  return Image{object.pixels.narrow(0, margin, height)
                   .narrow(1, margin, width)
                   .contiguous()};
}

}  // namespace dg4d
