#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "dg4d/kernels/gaussian_raster.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d {

// The CUDA twin of GaussianRasterForwardCpu and GaussianRasterBackwardCpu: the
// same inputs, images and gradients, all on the current device (also the
// cameras and time_of_image), with the same maths. All images are drawn at
// once, by about twenty kernels, whatever their number.
//
// Which splat touches which tile is decided on the device, and so is how often
// that happens. A workspace has room for some number of such touches, which it
// takes from what it saw before. If a later call needs more, its images are
// still right: it goes without tiles' lists, which is slow, and the call after
// it has the room.
//
// The calls enqueue work on `stream` and wait for nothing, but for the first
// forward pass of a workspace and one whose sizes grow: these allocate, and
// wait for the number of touches. After one such call, the same calls can be
// captured in a CUDA graph, which then has the workspace for itself.

// What a forward pass keeps for its backward pass; used on one device and, at
// a time, one stream.
template <typename Real>
class GaussianRasterCudaWorkspace {
 public:
  GaussianRasterCudaWorkspace();
  // Waits for the device.
  ~GaussianRasterCudaWorkspace();
  GaussianRasterCudaWorkspace(const GaussianRasterCudaWorkspace&) = delete;
  GaussianRasterCudaWorkspace& operator=(const GaussianRasterCudaWorkspace&) =
      delete;

  // Of the device's memory.
  int64_t bytes() const;
  // Whether a forward pass with this was captured: the graph goes on to use it.
  bool captured() const;
  // Whether the last forward pass that has ended went without lists.
  bool outgrown() const;
  // The most touches of splat and tile that have their lists: for tests. From
  // the next call on; later ones may change it.
  void set_room(int64_t touches);

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Renders `images`, all of them, and writes `radii` [B, N] unless null.
//
// InvalidArgument for a negative `near` and for sizes out of range: at least
// one image, no side above 32768, B x N below 2^31, and the number of tiles of
// 16 x 16 pixels in all images below 2^28.
// FailedPrecondition if memory would have to grow while `stream` is captured.
// ResourceExhausted if the device has too little memory. Unimplemented without
// --config=cuda.
template <typename Real>
absl::Status GaussianRasterForwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<Real*>& images, int32_t* radii,
    GaussianRasterCudaWorkspace<Real>& workspace, CUstream_st* stream);

// Gradients of what the last forward pass that used `workspace` computed, with
// the same inputs. May be called again.
//
// The bytes of sums differ from call to call, as their order does, unless
// inputs.deterministic: then terms of different warps are added as whole
// numbers, whose order does not matter (gaussian_raster_sums.h). That needs
// bounds, so where the gradient with respect to an image is not finite
// anywhere, the gradients of all Gaussians in that image are NaN. It needs
// neither room nor lists, so it waits no more than other calls, and can be
// captured.
template <typename Real>
absl::Status GaussianRasterBackwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterCudaWorkspace<Real>& workspace,
    const GaussianRasterGradients<Real>& gradients, CUstream_st* stream);

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_H_
