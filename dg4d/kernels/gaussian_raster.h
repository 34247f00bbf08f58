#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_H_

#include <cstdint>
#include <memory>

namespace dg4d {

// Differentiable splatting of 3D Gaussians (Kerbl et al. 2023; EWA, Zwicker et
// al. 2001), batched over images: image b shows the Gaussians of time
// `time_of_image[b]` from camera b. All arrays are dense, row-major, on the
// host, of `Real` = float or double.
//
// A Gaussian is drawn where it is further than `near` in front of the camera
// and adds at least 1/255 of opacity to a pixel. Gaussians with values that are
// not finite are not drawn and get zero gradients.

template <typename Real>
struct GaussianRasterInputs {
  int64_t count = 0;   // N, Gaussians; may be 0
  int64_t times = 0;   // T
  int64_t images = 0;  // B
  int width = 0;       // W, at least 1
  int height = 0;      // H, at least 1
  int sh_degree = 0;   // 0 to 3; K = (sh_degree + 1)^2

  // Raw parameters, the same layout at each time: that of time t begins t times
  // its stride after the pointer. Stride 0 shares one array between all times.
  const Real* means = nullptr;           // [T, N, 3], world units
  const Real* quaternions = nullptr;     // [T, N, 4], w x y z, of any length
  const Real* log_scales = nullptr;      // [T, N, 3]
  const Real* opacity_logits = nullptr;  // [T, N]
  const Real* sh = nullptr;              // [T, N, K, 3], rgb = 0.5 + basis . sh
  int64_t means_stride = 0;
  int64_t quaternions_stride = 0;
  int64_t log_scales_stride = 0;
  int64_t opacity_logits_stride = 0;
  int64_t sh_stride = 0;

  // Rigid; the view's axes are x right, y down, z forward.
  const Real* view_from_world = nullptr;   // [B, 3, 4]
  const Real* focal_lengths = nullptr;     // [B, 2], pixels, along x and y
  const int64_t* time_of_image = nullptr;  // [B], in [0, T)
  const Real* background = nullptr;        // [B, 3]
  // Added to the projected centres, in normalised device coordinates (x right,
  // y down, the image spans [-1, 1]); null stands for zeros. The gradient with
  // respect to them tells where detail is missing.
  const Real* screen_offsets = nullptr;  // [B, N, 2]

  Real low_pass = Real(0.3);  // pixels^2, added to each splat's variance
  Real near = Real(0.2);      // world units along the viewing axis

  // On CUDA: equal calls give equal gradients, to the byte, for about a fifth
  // more time. On the CPU they always do, and images do everywhere.
  bool deterministic = false;

  // The code path of processors without AVX2, for tests.
  bool portable = false;
};

// Images, or gradients with respect to them. Gradients may be null: zero.
template <typename Pointer>
struct GaussianRasterImages {
  Pointer rgb = nullptr;    // [B, 3, H, W], not clamped
  Pointer alpha = nullptr;  // [B, 1, H, W]
  Pointer depth = nullptr;  // [B, 1, H, W], sum of weight times view z; not
                            // divided by alpha, nothing for the background

  // Drawn unless null, and cost nothing if they are.
  //
  // [B, 1, H, W], view z of the splat behind which at most half of the light is
  // left; 0 where more is. Jumps from splat to splat: has no gradient.
  Pointer median_depth = nullptr;
  // [B, 3, H, W], sum of weight times the unit normal in the world: the
  // Gaussian's shortest axis, on the side of the camera. Nothing for the
  // background. With them, drawing and gradients take about twice the time.
  Pointer normals = nullptr;
};

// Where to write gradients; a null one is not written. The Gaussians'
// gradients have the strides of the inputs, so that of a shared array is summed
// over the times.
template <typename Real>
struct GaussianRasterGradients {
  Real* means = nullptr;
  Real* quaternions = nullptr;
  Real* log_scales = nullptr;
  Real* opacity_logits = nullptr;
  Real* sh = nullptr;
  Real* background = nullptr;
  Real* screen_offsets = nullptr;  // also without offsets in the inputs
};

// What a forward pass keeps for its backward pass. Memory is kept from one use
// to the next, so reuse an object in loops.
template <typename Real>
class GaussianRasterWorkspace {
 public:
  GaussianRasterWorkspace();
  ~GaussianRasterWorkspace();
  GaussianRasterWorkspace(const GaussianRasterWorkspace&) = delete;
  GaussianRasterWorkspace& operator=(const GaussianRasterWorkspace&) = delete;

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Renders `images`, all of them. Also writes `radii` [B, N], unless null: the
// pixels that three standard deviations span, 0 for Gaussians not drawn. Bytes
// do not depend on the number of threads.
template <typename Real>
void GaussianRasterForwardCpu(const GaussianRasterInputs<Real>& inputs,
                              const GaussianRasterImages<Real*>& images,
                              int32_t* radii,
                              GaussianRasterWorkspace<Real>& workspace);

// Writes the exact gradients of what the forward pass of `inputs`, the last one
// that used `workspace`, computed: through the cap of opacity at 0.99 (where it
// acts, none passes), the bound on the splat's shear at the edge of the view,
// and all activations. The choice of which pixels a Gaussian touches counts as
// constant. May be called again.
template <typename Real>
void GaussianRasterBackwardCpu(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterWorkspace<Real>& workspace,
    const GaussianRasterGradients<Real>& gradients);

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_H_
