// Memory and order of the steps.

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/gaussian_raster_cuda.h"
#include "dg4d/kernels/gaussian_raster_device.h"
#include "dg4d/kernels/gaussian_raster_memory.h"

namespace dg4d {
namespace gaussian_raster {
namespace {

constexpr int kMaxSide = 32768;
constexpr int64_t kMost = int64_t{1} << 31;

// Room for touches beyond those seen last: where each call can have another
// room, and where it cannot.
constexpr double kSpareRoom = 1.05, kFixedSpareRoom = 1.15;

// The greatest of the last values, between kWindow and twice as many: cameras
// may see little now and more soon, and Gaussians may have gone for good.
class RecentMost {
 public:
  uint32_t value() const { return std::max(now_, before_); }
  void Add(uint32_t value) {
    if (++count_ == kWindow) {
      before_ = now_;
      now_ = count_ = 0;
    }
    now_ = std::max(now_, value);
  }

 private:
  static constexpr uint32_t kWindow = 16;
  uint32_t now_ = 0, before_ = 0, count_ = 0;
};

// Lets this thread call, while it captures a graph, what allocates: that is
// not the graph's.
class AnyCallWhileCapturing {
 public:
  AnyCallWhileCapturing() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~AnyCallWhileCapturing() { cudaThreadExchangeStreamCaptureMode(&mode_); }

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

TileGrid GridOf(int width, int height, int64_t images) {
  const int columns = (width + kCudaTile - 1) / kCudaTile;
  const int rows = (height + kCudaTile - 1) / kCudaTile;
  return {columns, rows, columns * rows,
          static_cast<int>(images * columns * rows)};
}

template <typename Real>
absl::Status Check(const GaussianRasterInputs<Real>& in) {
  if (in.width < 1 || in.height < 1 || in.width > kMaxSide ||
      in.height > kMaxSide) {
    return absl::InvalidArgumentError(
        absl::StrCat("images of ", in.width, " x ", in.height,
                     " pixels: sides must be from 1 to ", kMaxSide));
  }
  if (in.count < 0 || in.images < 1 || in.times < 1 || in.sh_degree < 0 ||
      in.sh_degree > 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        in.count, " Gaussians at ", in.times, " times in ", in.images,
        " images, with harmonics of degree ", in.sh_degree));
  }
  if (!(in.near >= 0)) {  // depths are sorted by their bits
    return absl::InvalidArgumentError(
        absl::StrCat("near is ", in.near, ": it must be at least 0"));
  }
  const int64_t tiles = GridOf(in.width, in.height, 1).per_image;
  if (in.count >= kMost || in.images >= kMost || in.times >= kMost ||
      in.images * in.count >= kMost || in.images * tiles >= kMost / 8) {
    return absl::InvalidArgumentError(absl::StrCat(
        in.count, " Gaussians in ", in.images, " images of ", in.width, " x ",
        in.height, " pixels are too many for one call: draw fewer images"));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace gaussian_raster

using gaussian_raster::AnyCallWhileCapturing;
using gaussian_raster::Arrays;
using gaussian_raster::Block;
using gaussian_raster::RecentMost;
using gaussian_raster::Scene;

template <typename Real>
struct GaussianRasterCudaWorkspace<Real>::State {
  GaussianRasterAllocator allocate;  // or none: cudaMalloc
  int device = 0;                    // that `seen` is of
  Block kept, list, order, scratch, normals;
  Scene<Real> scene;         // of the last forward pass
  int64_t room = 0;          // touches
  uint32_t* seen = nullptr;  // touches of the last forward pass that has ended,
                             // in pinned memory
  RecentMost recent;         // touches
  bool captured = false;
  bool has_normals = false;  // of the last forward pass
  bool spoiled = false;      // splats, by sums in their place
  // Sizes up to which the touches were seen.
  int64_t settled_rows = 0, settled_tiles = 0;
  gaussian_raster::Sorts sorts;

  ~State() {
    const AnyCallWhileCapturing mode;
    cudaFreeHost(seen);
  }
  // As the device has it by now.
  uint32_t Seen() const { return *static_cast<volatile uint32_t*>(seen); }
  uint32_t Recent() const { return std::max(recent.value(), Seen()); }
};

template <typename Real>
GaussianRasterCudaWorkspace<Real>::GaussianRasterCudaWorkspace(
    GaussianRasterAllocator allocate, const GaussianRasterTouches& seen)
    : state_(std::make_unique<State>()) {
  state_->allocate = std::move(allocate);
  state_->room = seen.touches;
  state_->settled_rows = seen.rows;
  state_->settled_tiles = seen.tiles;
}

template <typename Real>
GaussianRasterTouches GaussianRasterCudaWorkspace<Real>::seen() const {
  return {.touches = state_->seen ? state_->Recent() : state_->room,
          .rows = state_->settled_rows,
          .tiles = state_->settled_tiles};
}

template <typename Real>
GaussianRasterCudaWorkspace<Real>::~GaussianRasterCudaWorkspace() {
  if (!state_->seen) return;
  int current = 0;
  cudaGetDevice(&current);
  cudaSetDevice(state_->device);
  cudaDeviceSynchronize();
  cudaSetDevice(current);
}

template <typename Real>
int64_t GaussianRasterCudaWorkspace<Real>::bytes() const {
  return state_->kept.bytes + state_->list.bytes + state_->order.bytes +
         state_->scratch.bytes + state_->normals.bytes;
}

template <typename Real>
void GaussianRasterCudaWorkspace<Real>::Release() {
  if (!state_->allocate) return;
  for (Block* block : {&state_->kept, &state_->list, &state_->order,
                       &state_->scratch, &state_->normals}) {
    block->Free();
  }
}

template <typename Real>
bool GaussianRasterCudaWorkspace<Real>::captured() const {
  return state_->captured;
}

template <typename Real>
bool GaussianRasterCudaWorkspace<Real>::outgrown() const {
  return state_->seen && state_->Seen() > state_->room;
}

template <typename Real>
void GaussianRasterCudaWorkspace<Real>::set_room(int64_t touches) {
  state_->room = touches;
  state_->recent = {};
  if (state_->seen) *state_->seen = static_cast<uint32_t>(touches);
}

namespace {

template <typename Real>
using State = typename GaussianRasterCudaWorkspace<Real>::State;

bool Capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamIsCapturing(stream, &status);
  return status != cudaStreamCaptureStatusNone;
}

absl::Status CheckMayAllocate(cudaStream_t stream) {
  if (!Capturing(stream)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the rasteriser's memory must grow, which a CUDA graph cannot hold: draw "
      "the same once before the capture");
}

// Makes a block that large, whatever was in it.
template <typename Real>
absl::Status Take(State<Real>& state, Block& block, size_t bytes,
                  cudaStream_t stream) {
  if (bytes <= block.bytes) return absl::OkStatus();
  cudaError_t error = cudaSuccess;
  if (state.allocate) {
    block.Free();
    block.memory = state.allocate(bytes);
    if (!block.memory) error = cudaErrorMemoryAllocation;
  } else {
    if (absl::Status status = CheckMayAllocate(stream); !status.ok()) {
      return status;
    }
    // Work on the old memory may still run, also on a stream that does not wait
    // for cudaFree.
    cudaStreamSynchronize(stream);
    block.Free();
    void* data = nullptr;
    error = cudaMalloc(&data, bytes);
    if (error == cudaSuccess) {
      block.memory = {data, [](void* p) { cudaFree(p); }};
    } else {
      cudaGetLastError();  // or it shows up elsewhere
    }
  }
  if (error == cudaSuccess) block.bytes = bytes;
  return CudaStatus(
      error, absl::StrCat("memory of the rasteriser, ", bytes >> 20, " MiB"));
}

// Of a step. An allocator's memory is for others between the steps; where there
// is none, that of all steps is taken at once.
template <typename Real>
absl::Status TakeScratch(State<Real>& state, size_t bytes,
                         cudaStream_t stream) {
  if (!state.allocate) {
    Arrays<Real> sizes;
    bytes = std::max({bytes,
                      PlaceDepthSort<Real>(state.scene, state.sorts.depth_bytes,
                                           nullptr, sizes),
                      PlaceTileSort<Real>(state.scene, state.sorts.tile_bytes,
                                          nullptr, sizes),
                      PlaceBackward<Real>(state.scene, nullptr, sizes)});
  }
  return Take<Real>(state, state.scratch, bytes, stream);
}

// How many touches to have room for if `touches` were seen. Few values, so that
// a slow change does not call for new sizes at each step.
int64_t RoomFor(uint32_t touches, double spare) {
  const int64_t wanted = static_cast<int64_t>(touches * spare) + 256;
  int64_t step = 256;
  while (step * 32 < wanted) step *= 2;
  return std::min<int64_t>((wanted + step - 1) / step * step,
                           gaussian_raster::kMostTouches);
}

// Sets the room, and what follows from it.
template <typename Real>
absl::Status SetRoom(State<Real>& state, int64_t room) {
  Scene<Real>& scene = state.scene;
  state.room = room;
  scene.room = static_cast<uint32_t>(room);
  if (scene.rows() == state.sorts.rows &&
      scene.list_size() == state.sorts.list_size) {
    return absl::OkStatus();
  }
  return CudaStatus(gaussian_raster::SetSortBytes<Real>(
                        scene.rows(), scene.list_size(), state.sorts),
                    "sizes of sorts");
}

// The room for a call, from what earlier ones saw; of which, is no matter.
template <typename Real>
int64_t RoomOf(State<Real>& state, cudaStream_t stream) {
  state.recent.Add(state.Seen());
  const uint32_t seen = state.recent.value();
  if (state.allocate) {
    // A graph keeps its room for all replays.
    return RoomFor(seen, Capturing(stream) ? gaussian_raster::kFixedSpareRoom
                                           : gaussian_raster::kSpareRoom);
  }
  const int64_t wanted = RoomFor(seen, gaussian_raster::kFixedSpareRoom);
  const bool change =
      !Capturing(stream) && (seen > state.room || wanted < state.room / 2);
  return change ? wanted : state.room;
}

// From Gaussians to rows front to back, and the number of their touches.
template <typename Real>
absl::Status ProjectAndSort(State<Real>& state, int32_t* radii,
                            cudaStream_t stream) {
  Scene<Real>& scene = state.scene;
  Arrays<Real>& arrays = scene.arrays;
  const size_t sort_bytes = state.sorts.depth_bytes;
  for (absl::Status status :
       {Take<Real>(state, state.order, PlaceOrder<Real>(scene, nullptr, arrays),
                   stream),
        TakeScratch<Real>(
            state, PlaceDepthSort<Real>(scene, sort_bytes, nullptr, arrays),
            stream)}) {
    if (!status.ok()) return status;
  }
  PlaceOrder(scene, state.order.data(), arrays);
  PlaceDepthSort(scene, sort_bytes, state.scratch.data(), arrays);
  arrays.rows = state.sorts.order_stays ? arrays.order : arrays.spare_order;
  LaunchProject(scene, radii, stream);
  if (absl::Status status = CudaStatus(SortByDepth(scene, state.sorts, stream),
                                       "sorting splats by depth");
      !status.ok()) {
    return status;
  }
  cudaMemcpyAsync(state.seen, arrays.total, sizeof(*state.seen),
                  cudaMemcpyDeviceToHost, stream);
  if (state.allocate) state.scratch.Free();
  return absl::OkStatus();
}

template <typename Real>
absl::Status ListTouches(State<Real>& state, cudaStream_t stream) {
  Scene<Real>& scene = state.scene;
  Arrays<Real>& arrays = scene.arrays;
  const size_t sort_bytes = state.sorts.tile_bytes;
  for (absl::Status status :
       {Take<Real>(state, state.list, PlaceList<Real>(scene, nullptr, arrays),
                   stream),
        TakeScratch<Real>(
            state, PlaceTileSort<Real>(scene, sort_bytes, nullptr, arrays),
            stream)}) {
    if (!status.ok()) return status;
  }
  PlaceList(scene, state.list.data(), arrays);
  PlaceTileSort(scene, sort_bytes, state.scratch.data(), arrays);
  const cudaError_t error = MakeLists(scene, state.sorts, stream);
  if (state.allocate) {
    state.scratch.Free();
    state.order.Free();
  }
  return CudaStatus(error, "sorting touches by tile");
}

template <typename Real>
absl::Status DrawNormals(State<Real>& state,
                         const GaussianRasterImages<Real*>& images,
                         cudaStream_t stream) {
  Scene<Real>& scene = state.scene;
  if (absl::Status status =
          Take<Real>(state, state.normals,
                     PlaceNormals<Real>(scene, nullptr, scene.arrays), stream);
      !status.ok()) {
    return status;
  }
  PlaceNormals(scene, state.normals.data(), scene.arrays);
  LaunchMakeNormals(scene, stream);
  // What it draws beside the normals, it draws again.
  LaunchDraw<Real>(
      gaussian_raster::NormalsOf(scene),
      {.rgb = images.normals, .alpha = images.alpha, .depth = images.depth},
      stream);
  return absl::OkStatus();
}

}  // namespace

template <typename Real>
absl::Status GaussianRasterForwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<Real*>& images, int32_t* radii,
    GaussianRasterCudaWorkspace<Real>& workspace, CUstream_st* stream) {
  if (absl::Status status = gaussian_raster::Check(inputs); !status.ok()) {
    return status;
  }
  State<Real>& state = workspace.state();
  Scene<Real>& scene = state.scene;
  scene.inputs = inputs;
  scene.grid =
      gaussian_raster::GridOf(inputs.width, inputs.height, inputs.images);
  scene.entry_bits = gaussian_raster::PixelEnds<Real>::BitsFor(scene.rows());
  const int64_t rows = scene.rows();

  state.captured = state.captured || Capturing(stream);
  if (!state.seen) {
    const AnyCallWhileCapturing mode;
    if (absl::Status status = CudaStatus(
            cudaMallocHost(&state.seen, sizeof(*state.seen)), "pinned memory");
        !status.ok()) {
      return status;
    }
    *state.seen = static_cast<uint32_t>(state.room);
    cudaGetDevice(&state.device);
  }
  // Whether the room is known to fit about.
  const bool settled =
      rows <= state.settled_rows && scene.grid.total <= state.settled_tiles;
  if (!settled) {
    if (absl::Status status = CheckMayAllocate(stream); !status.ok()) {
      return status;
    }
  }
  const int64_t room = settled ? RoomOf<Real>(state, stream) : state.room;
  for (absl::Status status :
       {SetRoom<Real>(state, room),
        Take<Real>(state, state.kept,
                   PlaceKept<Real>(scene, nullptr, scene.arrays), stream)}) {
    if (!status.ok()) return status;
  }
  PlaceKept(scene, state.kept.data(), scene.arrays);
  scene.arrays.alpha = images.alpha;

  state.spoiled = false;
  LaunchPrepare(scene, stream);
  if (rows > 0) {
    if (absl::Status status = ProjectAndSort<Real>(state, radii, stream);
        !status.ok()) {
      return status;
    }
    if (!settled) {
      if (absl::Status status =
              CudaStatus(cudaStreamSynchronize(stream), "counting touches");
          !status.ok()) {
        return status;
      }
      if (absl::Status status =
              SetRoom<Real>(state, RoomOf<Real>(state, stream));
          !status.ok()) {
        return status;
      }
    }
  } else {
    cudaMemsetAsync(scene.arrays.total, 0, sizeof(uint32_t), stream);
  }
  // Never less than before, or calls of two shapes that take turns would each
  // wait.
  state.settled_rows = std::max(state.settled_rows, rows);
  state.settled_tiles =
      std::max<int64_t>(state.settled_tiles, scene.grid.total);
  if (absl::Status status = ListTouches<Real>(state, stream); !status.ok()) {
    return status;
  }
  LaunchDraw(scene, images, stream);
  state.has_normals = images.normals;
  if (state.has_normals) {
    if (absl::Status status = DrawNormals<Real>(state, images, stream);
        !status.ok()) {
      return status;
    }
  }
  return LaunchStatus("drawing Gaussians");
}

namespace {

// Makes splats and those of normals anew, by the same kernels.
template <typename Real>
void Restore(State<Real>& state, cudaStream_t stream) {
  Scene<Real> scene = state.scene;
  scene.arrays.touches = nullptr;
  LaunchProject<Real>(scene, nullptr, stream);
  if (state.has_normals) LaunchMakeNormals(scene, stream);
  state.spoiled = false;
}

}  // namespace

template <typename Real>
absl::Status GaussianRasterBackwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterCudaWorkspace<Real>& workspace,
    const std::function<GaussianRasterGradients<Real>()>& gradients,
    CUstream_st* stream) {
  State<Real>& state = workspace.state();
  if (inputs.deterministic != state.scene.inputs.deterministic) {
    return absl::InvalidArgumentError(
        "the forward and the backward pass must both be deterministic, or not");
  }
  const bool with_normals = image_gradients.normals;
  if (with_normals && !state.has_normals) {
    return absl::FailedPreconditionError(
        "there are gradients of normals, but none were drawn");
  }
  state.scene.inputs = inputs;
  Scene<Real> scene = state.scene;
  if (inputs.count > 0) {
    if (absl::Status status = TakeScratch<Real>(
            state, PlaceBackward<Real>(scene, nullptr, scene.arrays), stream);
        !status.ok()) {
      return status;
    }
    PlaceBackward(scene, state.scratch.data(), scene.arrays);
    if (state.spoiled) Restore<Real>(state, stream);
    const Scene<Real> normals = gaussian_raster::NormalsOf(scene);
    const GaussianRasterImages<const Real*> normal_gradients = {
        .rgb = image_gradients.normals};
    if (inputs.deterministic) {
      LaunchMaxima(scene, image_gradients, stream);
      if (with_normals) LaunchMaxima(normals, normal_gradients, stream);
    }
    const int64_t at_once = gaussian_raster::ImagesAtOnce(inputs);
    for (int64_t begin = 0; begin < inputs.images; begin += at_once) {
      const gaussian_raster::ImageRange range = {
          begin, std::min(begin + at_once, inputs.images)};
      LaunchDrawBackward(scene, image_gradients, range, stream);
      LaunchStoreSums(scene, range, stream);
      if (with_normals) {
        LaunchDrawBackward(normals, normal_gradients, range, stream);
        LaunchStoreSums(normals, range, stream);
      }
    }
    state.spoiled = true;
    if (state.allocate) state.scratch.Free();
  }
  const GaussianRasterGradients<Real> out = gradients();
  if (out.background) {
    LaunchBackgroundBackward(scene, image_gradients.rgb, out.background,
                             stream);
  }
  if (inputs.count > 0) {
    LaunchProjectBackward(scene, out, stream);
    if (with_normals) {
      LaunchNormalsBackward(gaussian_raster::NormalsOf(scene), out, stream);
    }
    // A graph may go on without what comes before it here.
    if (Capturing(stream)) Restore<Real>(state, stream);
  }
  return LaunchStatus("gradients of Gaussians");
}

#define DG4D_INSTANTIATE(Real)                                               \
  template class GaussianRasterCudaWorkspace<Real>;                          \
  template absl::Status GaussianRasterForwardCuda(                           \
      const GaussianRasterInputs<Real>&, const GaussianRasterImages<Real*>&, \
      int32_t*, GaussianRasterCudaWorkspace<Real>&, CUstream_st*);           \
  template absl::Status GaussianRasterBackwardCuda(                          \
      const GaussianRasterInputs<Real>&,                                     \
      const GaussianRasterImages<const Real*>&,                              \
      GaussianRasterCudaWorkspace<Real>&,                                    \
      const std::function<GaussianRasterGradients<Real>()>&, CUstream_st*)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);

}  // namespace dg4d
