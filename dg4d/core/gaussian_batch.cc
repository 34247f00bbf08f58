#include "dg4d/core/gaussian_batch.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>

namespace dg4d {
namespace {

// Throws unless `tensor` has the given sizes (-1: any) and the type and device
// of `like`.
void CheckTensor(const char* name, const at::Tensor& tensor,
                 at::IntArrayRef sizes, const at::Tensor& like) {
  TORCH_CHECK(tensor.defined(), name, " is undefined");
  bool fits = tensor.dim() == static_cast<int64_t>(sizes.size());
  for (size_t k = 0; fits && k < sizes.size(); ++k) {
    fits = sizes[k] == -1 || tensor.size(k) == sizes[k];
  }
  TORCH_CHECK(fits, name, " is ", tensor.sizes(), ", not ", sizes,
              " (-1 stands for any size)");
  TORCH_CHECK(tensor.scalar_type() == like.scalar_type(), name, " is ",
              tensor.scalar_type(), " but means is ", like.scalar_type());
  TORCH_CHECK(tensor.device() == like.device(), name, " is on ",
              tensor.device(), " but means is on ", like.device());
}

}  // namespace

absl::Status SplattingOptions::Validate() const {
  if (!(low_pass >= 0)) {
    return absl::InvalidArgumentError("low_pass must be at least 0");
  }
  if (!(near > 0)) {
    return absl::InvalidArgumentError("near must be greater than 0");
  }
  return absl::OkStatus();
}

void CheckGaussianBatch(const GaussianBatch& batch,
                        absl::Span<const Camera> cameras,
                        const at::Tensor& background,
                        const at::Tensor& screen_offsets) {
  const at::Tensor& like = batch.means;
  CheckTensor("means", batch.means, {-1, -1, 3}, like);
  TORCH_CHECK(
      like.scalar_type() == at::kFloat || like.scalar_type() == at::kDouble,
      "means is ", like.scalar_type(), ", not float or double");
  const int64_t count = like.size(1);
  CheckTensor("quaternions", batch.quaternions, {-1, count, 4}, like);
  CheckTensor("log_scales", batch.log_scales, {-1, count, 3}, like);
  CheckTensor("opacity_logits", batch.opacity_logits, {-1, count, 1}, like);
  CheckTensor("sh", batch.sh, {-1, count, -1, 3}, like);
  TORCH_CHECK(ShDegreeOf(batch.sh.size(2)) >= 0, "sh has ", batch.sh.size(2),
              " coefficients, not 1, 4, 9 or 16");
  const int64_t times = TimesOf(batch);
  for (const at::Tensor* tensor :
       {&batch.means, &batch.quaternions, &batch.log_scales,
        &batch.opacity_logits, &batch.sh}) {
    TORCH_CHECK(tensor->size(0) == times || tensor->size(0) == 1,
                "a parameter has ", tensor->size(0), " times, another ", times);
  }

  const int64_t images = static_cast<int64_t>(cameras.size());
  TORCH_CHECK(images > 0, "there is no camera");
  TORCH_CHECK(static_cast<int64_t>(batch.time_of_camera.size()) == images,
              "time_of_camera has ", batch.time_of_camera.size(),
              " numbers for ", images, " cameras");
  for (const int time : batch.time_of_camera) {
    TORCH_CHECK(time >= 0 && time < times, "time_of_camera says ", time, " of ",
                times, " times");
  }
  for (const Camera& camera : cameras) {
    TORCH_CHECK(camera.width > 0 && camera.height > 0, "a camera's size is ",
                camera.width, " x ", camera.height);
    TORCH_CHECK(
        camera.width == cameras[0].width && camera.height == cameras[0].height,
        "cameras differ in size");
  }
  CheckTensor("background", background, {images, 3}, like);
  if (screen_offsets.defined()) {
    CheckTensor("screen_offsets", screen_offsets, {images, count, 2}, like);
  }
}

int64_t TimesOf(const GaussianBatch& batch) {
  return std::max({batch.means.size(0), batch.quaternions.size(0),
                   batch.log_scales.size(0), batch.opacity_logits.size(0),
                   batch.sh.size(0)});
}

int ShDegreeOf(int64_t coefficients) {
  for (int degree = 0; degree <= 3; ++degree) {
    if (coefficients == (degree + 1) * (degree + 1)) return degree;
  }
  return -1;
}

std::array<double, 12> ViewFromWorld(const Camera& camera) {
  const std::array<double, 16> camera_from_world = camera.camera_from_world();
  std::array<double, 12> view_from_world;
  for (int i = 0; i < 12; ++i) {
    // The camera's y points up and it looks along -z.
    view_from_world[i] = i < 4 ? camera_from_world[i] : -camera_from_world[i];
  }
  return view_from_world;
}

}  // namespace dg4d
