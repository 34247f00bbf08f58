// Memory and order of the steps.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/gaussian_raster_cuda.h"
#include "dg4d/kernels/gaussian_raster_device.h"
#include "dg4d/kernels/gaussian_raster_sums.h"

namespace dg4d {
namespace gaussian_raster {
namespace {

constexpr int kMaxSide = 32768;
constexpr int64_t kMost = int64_t{1} << 31;

// Room for touches beyond those seen last.
constexpr double kSpareRoom = 1.15;

// Rows whose sums there is memory for at a time, if an image has fewer.
constexpr int64_t kRowsAtOnce = int64_t{1} << 21;

// A piece of device memory that only grows.
struct Block {
  char* data = nullptr;
  size_t bytes = 0;

  ~Block() { cudaFree(data); }
  cudaError_t Grow(size_t size) {
    if (size <= bytes) return cudaSuccess;
    cudaFree(data);  // waits for whatever uses it
    data = nullptr;
    bytes = 0;
    const cudaError_t error = cudaMalloc(&data, size);
    if (error == cudaSuccess) bytes = size;
    return error;
  }
};

// Hands out arrays of a block; of none, it adds up their sizes.
class Layout {
 public:
  explicit Layout(char* data) : data_(data) {}

  template <typename T>
  void Place(int64_t count, T*& array) {
    array = data_ ? reinterpret_cast<T*>(data_ + bytes_) : nullptr;
    bytes_ += (count * sizeof(T) + 255) / 256 * 256;
  }
  size_t bytes() const { return bytes_; }

 private:
  char* data_;
  size_t bytes_ = 0;
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

using gaussian_raster::Arrays;
using gaussian_raster::Layout;
using gaussian_raster::Scene;

template <typename Real>
struct GaussianRasterCudaWorkspace<Real>::State {
  gaussian_raster::Block kept, scratch, lists, temporary, normals;
  Scene<Real> scene;         // of the last forward pass
  int64_t room = 0;          // touches
  uint32_t* seen = nullptr;  // touches of the last forward pass that has ended,
                             // in pinned memory
  bool captured = false;
  bool has_normals = false;  // of the last forward pass
  // Sizes up to which the touches were seen.
  int64_t settled_rows = 0, settled_tiles = 0;
  // What sort_bytes is for.
  int64_t sort_rows = -1, sort_room = -1;
  size_t sort_bytes = 0;

  ~State() { cudaFreeHost(seen); }
  // As the device has it by now.
  uint32_t Seen() const { return *static_cast<volatile uint32_t*>(seen); }
};

template <typename Real>
GaussianRasterCudaWorkspace<Real>::GaussianRasterCudaWorkspace()
    : state_(std::make_unique<State>()) {}

template <typename Real>
GaussianRasterCudaWorkspace<Real>::~GaussianRasterCudaWorkspace() {
  if (state_->seen) cudaDeviceSynchronize();
}

template <typename Real>
int64_t GaussianRasterCudaWorkspace<Real>::bytes() const {
  return state_->kept.bytes + state_->scratch.bytes + state_->lists.bytes +
         state_->temporary.bytes + state_->normals.bytes;
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
  if (state_->seen) *state_->seen = static_cast<uint32_t>(touches);
}

namespace {

template <typename Real>
using State = typename GaussianRasterCudaWorkspace<Real>::State;

template <typename Real>
size_t PlaceKept(const Scene<Real>& scene, char* data, Arrays<Real>& arrays) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t rows = scene.rows();
  const int64_t pixels = in.images * in.width * in.height;
  Layout layout(data);
  layout.Place(in.images, arrays.views);
  layout.Place(in.images, arrays.images_by_time);
  layout.Place(in.times + 1, arrays.time_begin);
  layout.Place(rows, arrays.splats);
  layout.Place(rows, arrays.rows[0]);
  layout.Place(rows, arrays.rows[1]);
  layout.Place(rows, arrays.touches_end);
  layout.Place(scene.grid.total + 1, arrays.tile_begin);
  layout.Place(pixels, arrays.light);
  layout.Place(pixels, arrays.last);
  return layout.bytes();
}

// How many images' sums the backward pass holds at a time: all, or, as those of
// a deterministic one are twice as large, what bounds their memory. Then a few
// parts of about one size, as each has to fill the device.
template <typename Real>
int64_t ImagesAtOnce(const GaussianRasterInputs<Real>& in) {
  if (!in.deterministic) return in.images;
  const int64_t rows = in.images * in.count;
  const int64_t parts = std::clamp<int64_t>(
      (rows + gaussian_raster::kRowsAtOnce - 1) / gaussian_raster::kRowsAtOnce,
      1, in.images);
  return (in.images + parts - 1) / parts;
}

// What different steps need lies in the same place: none needs what another
// left there.
template <typename Real>
size_t PlaceScratch(const Scene<Real>& scene, int64_t room, char* data,
                    Arrays<Real>& arrays) {
  const int64_t rows = scene.rows();
  Layout by_depth(data), by_tile(data), backward(data);
  by_depth.Place(rows, arrays.depths[0]);
  by_depth.Place(rows, arrays.depths[1]);
  by_depth.Place(rows, arrays.touches);
  by_tile.Place(room, arrays.tiles[0]);
  by_tile.Place(room, arrays.tiles[1]);
  if (scene.inputs.deterministic) {
    backward.Place(scene.inputs.images, arrays.maxima);
    backward.Place(scene.inputs.images, arrays.normal_maxima);
    backward.Place(gaussian_raster::kSums * scene.inputs.count *
                       ImagesAtOnce(scene.inputs),
                   arrays.exact_sums);
  } else {
    backward.Place(gaussian_raster::kSums * rows, arrays.sums);
  }
  return std::max({by_depth.bytes(), by_tile.bytes(), backward.bytes()});
}

template <typename Real>
size_t PlaceNormals(const Scene<Real>& scene, char* data,
                    Arrays<Real>& arrays) {
  Layout layout(data);
  layout.Place(scene.rows(), arrays.normal_splats);
  layout.Place(3 * scene.inputs.images, arrays.black);
  return layout.bytes();
}

template <typename Real>
size_t PlaceLists(int64_t room, char* data, Arrays<Real>& arrays) {
  Layout layout(data);
  layout.Place(room, arrays.lists[0]);
  layout.Place(room, arrays.lists[1]);
  return layout.bytes();
}

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

absl::Status GrowBlock(gaussian_raster::Block& block, size_t bytes,
                       cudaStream_t stream) {
  if (bytes <= block.bytes) return absl::OkStatus();
  if (absl::Status status = CheckMayAllocate(stream); !status.ok()) {
    return status;
  }
  // Work on the old memory may still run, also on a stream that does not wait
  // for cudaFree.
  cudaStreamSynchronize(stream);
  const cudaError_t error = block.Grow(bytes);
  if (error != cudaSuccess) cudaGetLastError();  // or it shows up elsewhere
  return CudaStatus(
      error, absl::StrCat("memory of the rasteriser, ", bytes >> 20, " MiB"));
}

// How many touches to have room for if `touches` were seen. Few values, so that
// a slow change does not call for new sizes at each step.
int64_t RoomFor(uint32_t touches) {
  const int64_t wanted =
      static_cast<int64_t>(touches * gaussian_raster::kSpareRoom) + 1024;
  int64_t step = 1024;
  while (step * 16 < wanted) step *= 2;
  return std::min<int64_t>((wanted + step - 1) / step * step,
                           gaussian_raster::kMostTouches);
}

template <typename Real>
absl::Status SetRoom(int64_t room, State<Real>& state, cudaStream_t stream) {
  Arrays<Real> sizes;
  for (absl::Status status :
       {GrowBlock(state.lists, PlaceLists<Real>(room, nullptr, sizes), stream),
        GrowBlock(state.scratch,
                  PlaceScratch<Real>(state.scene, room, nullptr, sizes),
                  stream)}) {
    if (!status.ok()) return status;
  }
  state.room = room;
  return absl::OkStatus();
}

template <typename Real>
absl::Status SetSortBytes(State<Real>& state, cudaStream_t stream) {
  const int64_t rows = state.scene.rows();
  if (rows != state.sort_rows || state.room != state.sort_room) {
    if (absl::Status status =
            CudaStatus(gaussian_raster::SortBytes<Real>(rows, state.room,
                                                        state.sort_bytes),
                       "sizes of sorts");
        !status.ok()) {
      return status;
    }
    state.sort_rows = rows;
    state.sort_room = state.room;
  }
  return GrowBlock(state.temporary, state.sort_bytes, stream);
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
  const int64_t rows = scene.rows();

  state.captured = state.captured || Capturing(stream);
  bool settled = true;  // whether the room is known to fit about
  if (!state.seen) {
    if (absl::Status status = CheckMayAllocate(stream); !status.ok()) {
      return status;
    }
    if (absl::Status status = CudaStatus(
            cudaMallocHost(&state.seen, sizeof(*state.seen)), "pinned memory");
        !status.ok()) {
      return status;
    }
    *state.seen = static_cast<uint32_t>(state.room);
    settled = state.room > 0;
  }
  Arrays<Real> sizes;
  const size_t kept = PlaceKept<Real>(scene, nullptr, sizes);
  const size_t scratch = PlaceScratch<Real>(scene, state.room, nullptr, sizes);
  settled = settled && rows <= state.settled_rows &&
            scene.grid.total <= state.settled_tiles;
  for (absl::Status status : {GrowBlock(state.kept, kept, stream),
                              GrowBlock(state.scratch, scratch, stream)}) {
    if (!status.ok()) return status;
  }
  PlaceKept<Real>(scene, state.kept.data, scene.arrays);

  // What an earlier pass saw; of which, is no matter.
  const uint32_t seen = state.Seen();
  if (settled && !Capturing(stream) &&
      (seen > state.room || RoomFor(seen) < state.room / 2)) {
    if (absl::Status status = SetRoom<Real>(RoomFor(seen), state, stream);
        !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = SetSortBytes<Real>(state, stream); !status.ok()) {
    return status;
  }
  PlaceScratch<Real>(scene, state.room, state.scratch.data, scene.arrays);

  LaunchPrepare(scene, stream);
  if (rows > 0) {
    LaunchProject(scene, radii, stream);
    if (absl::Status status =
            CudaStatus(SortByDepth(scene, state.temporary.data,
                                   state.temporary.bytes, stream),
                       "sorting splats by depth");
        !status.ok()) {
      return status;
    }
    cudaMemcpyAsync(state.seen, scene.arrays.touches_end + rows - 1,
                    sizeof(*state.seen), cudaMemcpyDeviceToHost, stream);
    if (!settled && !Capturing(stream)) {
      if (absl::Status status =
              CudaStatus(cudaStreamSynchronize(stream), "counting touches");
          !status.ok()) {
        return status;
      }
      if (absl::Status status =
              SetRoom<Real>(RoomFor(*state.seen), state, stream);
          !status.ok()) {
        return status;
      }
      if (absl::Status status = SetSortBytes<Real>(state, stream);
          !status.ok()) {
        return status;
      }
      // Never less than before, or calls of two shapes that take turns would
      // each wait.
      state.settled_rows = std::max(state.settled_rows, rows);
      state.settled_tiles =
          std::max<int64_t>(state.settled_tiles, scene.grid.total);
    }
  }
  scene.room = static_cast<uint32_t>(state.room);
  PlaceLists<Real>(state.room, state.lists.data, scene.arrays);
  PlaceScratch<Real>(scene, state.room, state.scratch.data, scene.arrays);
  if (absl::Status status = CudaStatus(
          MakeLists(scene, state.temporary.data, state.temporary.bytes, stream),
          "sorting touches by tile");
      !status.ok()) {
    return status;
  }
  LaunchDraw(scene, images, stream);
  state.has_normals = images.normals;
  if (state.has_normals) {
    if (absl::Status status = GrowBlock(
            state.normals, PlaceNormals<Real>(scene, nullptr, sizes), stream);
        !status.ok()) {
      return status;
    }
    PlaceNormals<Real>(scene, state.normals.data, scene.arrays);
    LaunchMakeNormals(scene, stream);
    // What it draws beside the normals, it draws again.
    LaunchDraw<Real>(
        gaussian_raster::NormalsOf(scene),
        {.rgb = images.normals, .alpha = images.alpha, .depth = images.depth},
        stream);
  }
  return LaunchStatus("drawing Gaussians");
}

template <typename Real>
absl::Status GaussianRasterBackwardCuda(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterCudaWorkspace<Real>& workspace,
    const GaussianRasterGradients<Real>& gradients, CUstream_st* stream) {
  Scene<Real> scene = workspace.state().scene;
  if (inputs.deterministic != scene.inputs.deterministic) {
    return absl::InvalidArgumentError(
        "the forward and the backward pass must both be deterministic, or not");
  }
  scene.inputs = inputs;
  const bool with_normals = image_gradients.normals;
  if (with_normals && !workspace.state().has_normals) {
    return absl::FailedPreconditionError(
        "there are gradients of normals, but none were drawn");
  }
  const Scene<Real> normals = gaussian_raster::NormalsOf(scene);
  const GaussianRasterImages<const Real*> normal_gradients = {
      .rgb = image_gradients.normals};
  if (gradients.background) {
    LaunchBackgroundBackward(scene, image_gradients.rgb, gradients.background,
                             stream);
  }
  if (inputs.count > 0) {
    if (inputs.deterministic) {
      LaunchMaxima(scene, image_gradients, stream);
      if (with_normals) LaunchMaxima(normals, normal_gradients, stream);
    }
    const int64_t at_once = ImagesAtOnce(inputs);
    for (int64_t begin = 0; begin < inputs.images; begin += at_once) {
      const gaussian_raster::ImageRange range = {
          begin, std::min(begin + at_once, inputs.images)};
      LaunchDrawBackward(scene, image_gradients, range, stream);
      LaunchProjectBackward(scene, gradients, range, stream);
      if (with_normals) {
        LaunchDrawBackward(normals, normal_gradients, range, stream);
        LaunchNormalsBackward(normals, gradients, range, stream);
      }
    }
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
      const GaussianRasterGradients<Real>&, CUstream_st*)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);

}  // namespace dg4d
