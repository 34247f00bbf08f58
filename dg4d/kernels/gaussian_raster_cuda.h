#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_H_

#include <cstddef>
#include <cstdint>
#include <functional>
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
// takes from the most that it saw of late. If a later call needs more, its
// images are still right: it goes without tiles' lists, which is slow, and the
// calls after it have the room.
//
// The calls enqueue work on `stream` and wait for nothing, but for the first
// forward pass of a workspace and one whose sizes grow: these allocate, and
// wait for the number of touches. After one such call, the same calls can be
// captured in a CUDA graph, which then has the workspace for itself.

// Memory of the current device for work on the stream of the calls below: what
// is freed may be in use by work that was enqueued before. Null if there is too
// little. Torch's allocator is like that.
using GaussianRasterAllocator =
    std::function<std::shared_ptr<void>(size_t bytes)>;

// How many touches of tiles drawings had, of up to so many rows (Gaussians in
// images) and tiles.
struct GaussianRasterTouches {
  int64_t touches = 0, rows = 0, tiles = 0;
};

// What a forward pass keeps for its backward pass; used on one device and, at
// a time, one stream.
//
// With an allocator, each call takes what it needs and gives back at once what
// the backward pass does not. Without one, all memory stays with the workspace
// and only grows.
template <typename Real>
class GaussianRasterCudaWorkspace {
 public:
  // With an allocator and what another workspace has seen, it can be captured
  // like that one, from its first call on.
  explicit GaussianRasterCudaWorkspace(GaussianRasterAllocator allocate = {},
                                       const GaussianRasterTouches& seen = {});
  // Waits for the device.
  ~GaussianRasterCudaWorkspace();
  GaussianRasterCudaWorkspace(const GaussianRasterCudaWorkspace&) = delete;
  GaussianRasterCudaWorkspace& operator=(const GaussianRasterCudaWorkspace&) =
      delete;

  // Gives what the last forward pass kept back to the allocator, if there is
  // one.
  void Release();

  // By now, of its drawings so far.
  GaussianRasterTouches seen() const;
  // Of the device's memory, at present.
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
// the same inputs and its image of alpha, which must be as it was left. May be
// called again.
//
// The bytes of sums differ from call to call, as their order does, unless
// inputs.deterministic: then terms of different warps are added as whole
// numbers, whose order does not matter (gaussian_raster_sums.h). That needs
// bounds, so where the gradient with respect to an image is not finite
// anywhere, the gradients of all Gaussians in that image are NaN. It can be
// captured, as the other can.
//
// Asks for `gradients`, where to write them, when it is done with its largest
// arrays: not before, so that their memory may be that of those.
template <typename Real>
absl::Status GaussianRasterBackwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterCudaWorkspace<Real>& workspace,
    const std::function<GaussianRasterGradients<Real>()>& gradients,
    CUstream_st* stream);

template <typename Real>
absl::Status GaussianRasterBackwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterCudaWorkspace<Real>& workspace,
    const GaussianRasterGradients<Real>& gradients, CUstream_st* stream) {
  const std::function<GaussianRasterGradients<Real>()> given = [&] {
    return gradients;
  };
  return GaussianRasterBackwardCuda<Real>(inputs, image_gradients, workspace,
                                          given, stream);
}

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_H_
