#include "dg4d/core/gaussian_views.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dg4d/core/gaussian_batch.h"

namespace dg4d {
namespace {

constexpr int64_t kTimeBytes = sizeof(int64_t);
constexpr int64_t kViewNumbers = 12, kFocalNumbers = 2;

template <typename Real>
void WriteCameras(absl::Span<const Camera> cameras, Real* views,
                  Real* focal_lengths) {
  for (const Camera& camera : cameras) {
    const std::array<double, 12> view_from_world = ViewFromWorld(camera);
    views = std::copy(view_from_world.begin(), view_from_world.end(), views);
    focal_lengths = std::fill_n(focal_lengths, kFocalNumbers, camera.focal());
  }
}

}  // namespace

GaussianViews::GaussianViews(int64_t images, int64_t times,
                             const at::TensorOptions& options)
    : images_(images),
      times_(times),
      type_(c10::typeMetaToScalarType(options.dtype())),
      bytes_(at::empty(
          {images * (kTimeBytes + (kViewNumbers + kFocalNumbers) *
                                      int64_t(c10::elementSize(type_)))},
          at::TensorOptions(options.device()).dtype(at::kByte))) {
  TORCH_CHECK(type_ == at::kFloat || type_ == at::kDouble,
              "views are float or double, not ", type_);
}

GaussianViews::GaussianViews(absl::Span<const Camera> cameras,
                             absl::Span<const int> time_of_camera,
                             int64_t times, const at::TensorOptions& options)
    : GaussianViews(static_cast<int64_t>(cameras.size()), times,
                    options.device(at::kCPU)) {
  Write(cameras, time_of_camera, bytes_.mutable_data_ptr<uint8_t>());
  bytes_ = bytes_.to(options.device(), /*non_blocking=*/true);
}

void GaussianViews::Set(absl::Span<const Camera> cameras,
                        absl::Span<const int> time_of_camera) {
  if (bytes_.is_cpu()) {
    return Write(cameras, time_of_camera, bytes_.mutable_data_ptr<uint8_t>());
  }
  // Pinned memory stays with its allocator until the copy has ended.
  const at::Tensor staged = at::empty(
      bytes_.sizes(), at::TensorOptions().dtype(at::kByte).pinned_memory(true));
  Write(cameras, time_of_camera, staged.mutable_data_ptr<uint8_t>());
  bytes_.copy_(staged, /*non_blocking=*/true);
}

void GaussianViews::Write(absl::Span<const Camera> cameras,
                          absl::Span<const int> time_of_camera,
                          uint8_t* bytes) {
  TORCH_CHECK(static_cast<int64_t>(cameras.size()) == images_ &&
                  static_cast<int64_t>(time_of_camera.size()) == images_,
              "there are ", cameras.size(), " cameras with ",
              time_of_camera.size(), " times, not ", images_);
  for (const int time : time_of_camera) {
    TORCH_CHECK(time >= 0 && time < times_, "time_of_camera says ", time,
                " of ", times_, " times");
  }
  for (const Camera& camera : cameras) {
    if (width_ == 0) {
      width_ = camera.width;
      height_ = camera.height;
    }
    TORCH_CHECK(camera.width == width_ && camera.height == height_,
                "a camera's size is ", camera.width, " x ", camera.height,
                ", not ", width_, " x ", height_);
  }
  std::copy(time_of_camera.begin(), time_of_camera.end(),
            reinterpret_cast<int64_t*>(bytes));
  const auto write = [&]<typename Real>() {
    Real* const views = reinterpret_cast<Real*>(bytes + kTimeBytes * images_);
    WriteCameras<Real>(cameras, views, views + kViewNumbers * images_);
  };
  if (type_ == at::kFloat) {
    write.operator()<float>();
  } else {
    write.operator()<double>();
  }
}

at::Tensor GaussianViews::view_from_world() const {
  const int64_t size = kViewNumbers * images_ * c10::elementSize(type_);
  return bytes_.narrow(0, kTimeBytes * images_, size)
      .view(type_)
      .view({images_, 3, 4});
}

at::Tensor GaussianViews::focal_lengths() const {
  const int64_t element = c10::elementSize(type_);
  return bytes_
      .narrow(0, (kTimeBytes + kViewNumbers * element) * images_,
              kFocalNumbers * images_ * element)
      .view(type_)
      .view({images_, kFocalNumbers});
}

at::Tensor GaussianViews::time_of_image() const {
  return bytes_.narrow(0, 0, kTimeBytes * images_).view(at::kLong);
}

void GaussianViews::Keep(std::unique_ptr<CapturedDrawing> drawing) {
  captured_.push_back(std::move(drawing));
}

bool GaussianViews::outgrown() const {
  return std::any_of(captured_.begin(), captured_.end(),
                     [](const auto& drawing) { return drawing->outgrown(); });
}

}  // namespace dg4d
