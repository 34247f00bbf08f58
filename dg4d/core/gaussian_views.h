#ifndef DG4D_CORE_GAUSSIAN_VIEWS_H_
#define DG4D_CORE_GAUSSIAN_VIEWS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// A drawing that was captured in a CUDA graph: what its replays use lives as
// long as this.
class CapturedDrawing {
 public:
  virtual ~CapturedDrawing() = default;
  // Whether the last replay that has ended had too little memory to be fast.
  // What it drew is right.
  virtual bool outgrown() const = 0;
};

// Cameras, and the times they see, where the Gaussians are: at one address, so
// that a CUDA graph can draw other views at each replay.
//
// Without this, a renderer uploads cameras at each call, which cannot be
// captured. To capture drawing and its gradients:
//
//   GaussianBatch batch = ...;
//   batch.views = std::make_shared<GaussianViews>(B, T, batch.means.options());
//   batch.views->Set(cameras, batch.time_of_camera);
//   // On the stream that will be captured, three times, so that all memory has
//   // its size; nothing of it may stay alive.
//   Loss(renderer.Render(batch, cameras, ...)).backward();
//   graph.capture_begin();
//   Loss(renderer.Render(batch, cameras, ...)).backward();
//   graph.capture_end();
//   for (...) {
//     batch.views->Set(other_cameras, other_times);
//     graph.replay();
//     if (batch.views->outgrown()) ...;  // capture anew, with new views
//   }
//
// Keep the views as long as the graph. A replay computes what the calls would,
// to the byte where these are deterministic.
class GaussianViews {
 public:
  // For `images` cameras at `times` times, to be set before they are used;
  // device and floating type are those of `options`.
  GaussianViews(int64_t images, int64_t times,
                const at::TensorOptions& options);
  // For these cameras, as Set takes them.
  GaussianViews(absl::Span<const Camera> cameras,
                absl::Span<const int> time_of_camera, int64_t times,
                const at::TensorOptions& options);

  // Takes effect in the order of the current stream, and waits for nothing. Not
  // inside a capture. Throws c10::Error if there are not as many cameras and
  // times as there were, the cameras' sizes differ from before, or a time is
  // not below T.
  void Set(absl::Span<const Camera> cameras,
           absl::Span<const int> time_of_camera);

  int64_t images() const { return images_; }
  int64_t times() const { return times_; }
  int width() const { return width_; }
  int height() const { return height_; }

  // For renderers.
  at::Tensor view_from_world() const;  // [B, 3, 4], as ViewFromWorld has it
  at::Tensor focal_lengths() const;    // [B, 2], pixels
  at::Tensor time_of_image() const;    // [B] int64
  void Keep(std::unique_ptr<CapturedDrawing> drawing);

  bool outgrown() const;

 private:
  // Writes the checked arguments of Set to bytes [B x ...] on the CPU.
  void Write(absl::Span<const Camera> cameras,
             absl::Span<const int> time_of_camera, uint8_t* bytes);

  int64_t images_, times_;
  int width_ = 0, height_ = 0;
  at::ScalarType type_;
  // The times, then the views, then the focal lengths.
  at::Tensor bytes_;
  std::vector<std::unique_ptr<CapturedDrawing>> captured_;
};

}  // namespace dg4d

#endif  // DG4D_CORE_GAUSSIAN_VIEWS_H_
