#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/base/cuda_stream.h"
#include "dg4d/core/gaussian_batch.h"
#include "dg4d/core/gaussian_views.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/kernels/gaussian_raster.h"
#include "dg4d/kernels/gaussian_raster_cuda.h"
#include "dg4d/renderers/gaussian_splatting/workspace_pool.h"

namespace dg4d::gaussian_splatting {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Called when the memory is needed.
template <typename Real>
using MakeGradients = std::function<GaussianRasterGradients<Real>()>;

// The rasteriser of CPU tensors, and that of CUDA tensors, which works on the
// stream that torch works on.
template <typename RealType>
struct OnCpu {
  using Real = RealType;
  using Workspace = GaussianRasterWorkspace<Real>;

  static void Forward(const GaussianRasterInputs<Real>& inputs,
                      const GaussianRasterImages<Real*>& images, int32_t* radii,
                      Workspace& workspace, c10::Device) {
    GaussianRasterForwardCpu(inputs, images, radii, workspace);
  }
  static void Backward(const GaussianRasterInputs<Real>& inputs,
                       const GaussianRasterImages<const Real*>& image_gradients,
                       Workspace& workspace, const MakeGradients<Real>& make,
                       c10::Device) {
    GaussianRasterBackwardCpu(inputs, image_gradients, workspace, make());
  }
  struct Seen {};

  static std::unique_ptr<Workspace> Make(const Seen&) {
    return std::make_unique<Workspace>();
  }
  static Seen SeenBy(const Workspace&) { return {}; }
  static void Release(Workspace&) {}
  static bool Captured(const Workspace&) { return false; }
  static bool Outgrown(const Workspace&) { return false; }
};

void Check(const absl::Status& status) {
  TORCH_CHECK(status.ok(), "gaussian_splatting: ", status.ToString());
}

CUstream_st* StreamOf(c10::Device device) {
  return static_cast<CUstream_st*>(CurrentCudaStream(device));
}

// Of torch, which also keeps what a graph that is being captured uses.
std::shared_ptr<void> AllocateCuda(size_t bytes) {
  try {
    auto data = std::make_shared<c10::DataPtr>(
        c10::GetAllocator(c10::kCUDA)->allocate(bytes));
    return {data, data->get()};
  } catch (const c10::OutOfMemoryError&) {
    return nullptr;
  }
}

template <typename RealType>
struct OnCuda {
  using Real = RealType;
  using Workspace = GaussianRasterCudaWorkspace<Real>;

  static void Forward(const GaussianRasterInputs<Real>& inputs,
                      const GaussianRasterImages<Real*>& images, int32_t* radii,
                      Workspace& workspace, c10::Device device) {
    Check(GaussianRasterForwardCuda(inputs, images, radii, workspace,
                                    StreamOf(device)));
  }
  static void Backward(const GaussianRasterInputs<Real>& inputs,
                       const GaussianRasterImages<const Real*>& image_gradients,
                       Workspace& workspace, const MakeGradients<Real>& make,
                       c10::Device device) {
    Check(GaussianRasterBackwardCuda(inputs, image_gradients, workspace, make,
                                     StreamOf(device)));
  }
  using Seen = GaussianRasterTouches;

  static std::unique_ptr<Workspace> Make(const Seen& seen) {
    return std::make_unique<Workspace>(&AllocateCuda, seen);
  }
  static Seen SeenBy(const Workspace& workspace) { return workspace.seen(); }
  static void Release(Workspace& workspace) { workspace.Release(); }
  // Whether a CUDA graph uses it.
  static bool Captured(const Workspace& workspace) {
    return workspace.captured();
  }
  static bool Outgrown(const Workspace& workspace) {
    return workspace.outgrown();
  }
};

// Workspaces of renderings: on the CPU to spare their memory's allocation in
// each iteration, on CUDA, where torch keeps the memory, for what they know
// about its size.
struct Pools {
  template <typename Backend>
  using PoolOf = std::shared_ptr<WorkspacePool<Backend>>;

  template <typename Backend>
  static PoolOf<Backend> Make() {
    return std::make_shared<WorkspacePool<Backend>>();
  }
  std::tuple<PoolOf<OnCpu<float>>, PoolOf<OnCpu<double>>, PoolOf<OnCuda<float>>,
             PoolOf<OnCuda<double>>>
      all = {Make<OnCpu<float>>(), Make<OnCpu<double>>(), Make<OnCuda<float>>(),
             Make<OnCuda<double>>()};

  template <typename Backend>
  auto Take(c10::Device device, const std::array<int64_t, 3>& shape) const {
    WorkspaceUse use = {.device = device};
    if (device.is_cuda()) {
      use.stream = CurrentCudaStream(device);
      use.shape = shape;
    }
    return std::get<PoolOf<Backend>>(all)->Take(use);
  }
};

struct RasterSettings {
  int width;
  int height;
  double low_pass;
  double near;
  bool deterministic;
  int64_t times;
  bool median_depth;
  bool normals;
};

// The differentiable inputs, in the order of RasterFunction::forward.
enum Input {
  kMeans,
  kQuaternions,
  kLogScales,
  kOpacityLogits,
  kSh,
  kBackground,
  kScreenOffsets,
  kInputs,
};

// What of a rendering is not a tensor with gradients: kept for its backward
// pass.
template <typename Backend>
struct Rendering : torch::CustomClassHolder {
  using Real = typename Backend::Real;

  RasterSettings settings;
  // As GaussianViews has them. Only the forward pass reads their values.
  at::Tensor view_from_world, focal_lengths, time_of_image;
  std::shared_ptr<typename Backend::Workspace> workspace;

  int64_t images() const { return time_of_image.numel(); }

  // `tensors` are contiguous, or undefined.
  GaussianRasterInputs<Real> Inputs(const at::Tensor* tensors) const {
    const auto data = [&](Input input) {
      const at::Tensor& tensor = tensors[input];
      return tensor.defined() ? tensor.const_data_ptr<Real>() : nullptr;
    };
    const auto stride = [&](Input input) {
      const at::Tensor& tensor = tensors[input];
      return tensor.size(0) == 1 ? 0 : tensor.stride(0);
    };
    return {.count = tensors[kMeans].size(1),
            .times = settings.times,
            .images = images(),
            .width = settings.width,
            .height = settings.height,
            .sh_degree = ShDegreeOf(tensors[kSh].size(2)),
            .means = data(kMeans),
            .quaternions = data(kQuaternions),
            .log_scales = data(kLogScales),
            .opacity_logits = data(kOpacityLogits),
            .sh = data(kSh),
            .means_stride = stride(kMeans),
            .quaternions_stride = stride(kQuaternions),
            .log_scales_stride = stride(kLogScales),
            .opacity_logits_stride = stride(kOpacityLogits),
            .sh_stride = stride(kSh),
            .view_from_world = view_from_world.const_data_ptr<Real>(),
            .focal_lengths = focal_lengths.const_data_ptr<Real>(),
            .time_of_image = time_of_image.const_data_ptr<int64_t>(),
            .background = data(kBackground),
            .screen_offsets = data(kScreenOffsets),
            .low_pass = static_cast<Real>(settings.low_pass),
            .near = static_cast<Real>(settings.near),
            .deterministic = settings.deterministic};
  }
};

template <typename Backend>
using RenderingPtr = c10::intrusive_ptr<Rendering<Backend>>;

// Inputs as the enum above has them; outputs rgb, alpha, depth, radii, and
// normals and median depth if they are wanted.
template <typename Backend>
struct RasterFunction : torch::autograd::Function<RasterFunction<Backend>> {
  using Real = typename Backend::Real;

  static variable_list forward(AutogradContext* context, at::Tensor means,
                               at::Tensor quaternions, at::Tensor log_scales,
                               at::Tensor opacity_logits, at::Tensor sh,
                               at::Tensor background,
                               std::optional<at::Tensor> screen_offsets,
                               RenderingPtr<Backend> rendering) {
    const c10::DeviceGuard guard(means.device());
    at::Tensor tensors[kInputs] = {means,
                                   quaternions,
                                   log_scales,
                                   opacity_logits,
                                   sh,
                                   background,
                                   screen_offsets.value_or(at::Tensor())};
    for (at::Tensor& tensor : tensors) {
      if (tensor.defined()) tensor = tensor.contiguous();
    }
    const GaussianRasterInputs<Real> inputs = rendering->Inputs(tensors);
    const auto image = [&](int64_t channels) {
      return at::empty({inputs.images, channels, inputs.height, inputs.width},
                       means.options());
    };
    at::Tensor rgb = image(3), alpha = image(1), depth = image(1);
    at::Tensor radii = at::empty({inputs.images, inputs.count},
                                 means.options().dtype(at::kInt));
    const RasterSettings& settings = rendering->settings;
    at::Tensor normals = settings.normals ? image(3) : at::Tensor();
    at::Tensor median = settings.median_depth ? image(1) : at::Tensor();
    const auto data = [](at::Tensor& tensor) {
      return tensor.defined() ? tensor.template mutable_data_ptr<Real>()
                              : nullptr;
    };
    Backend::Forward(inputs,
                     {.rgb = data(rgb),
                      .alpha = data(alpha),
                      .depth = data(depth),
                      .median_depth = data(median),
                      .normals = data(normals)},
                     radii.mutable_data_ptr<int32_t>(), *rendering->workspace,
                     means.device());
    variable_list saved(std::begin(tensors), std::end(tensors));
    saved.push_back(alpha);  // so that torch refuses to go on if it changed
    context->save_for_backward(std::move(saved));
    context->saved_data["rendering"] = c10::IValue::make_capsule(rendering);
    variable_list outputs = {rgb, alpha, depth, radii}, constants = {radii};
    if (normals.defined()) outputs.push_back(normals);
    if (median.defined()) {
      outputs.push_back(median);
      constants.push_back(median);
    }
    context->mark_non_differentiable(constants);
    return outputs;
  }

  static variable_list backward(AutogradContext* context,
                                variable_list image_gradients) {
    const auto rendering =
        c10::static_intrusive_pointer_cast<Rendering<Backend>>(
            context->saved_data["rendering"].toCapsule());
    // Alpha, the last one, is known to the workspace.
    const variable_list tensors = context->get_saved_variables();
    const c10::Device device = tensors[kMeans].device();
    const c10::DeviceGuard guard(device);
    variable_list gradients(kInputs + 1);
    const auto out = [&](Input input) -> Real* {
      const at::Tensor& tensor = tensors[input];
      if (!tensor.defined() || !context->needs_input_grad(input)) {
        return nullptr;
      }
      // Contiguous, as the tensors are, whose strides the kernel goes by.
      gradients[input] = at::empty(tensor.sizes(), tensor.options());
      return gradients[input].template mutable_data_ptr<Real>();
    };
    const MakeGradients<Real> make = [&]() -> GaussianRasterGradients<Real> {
      return {.means = out(kMeans),
              .quaternions = out(kQuaternions),
              .log_scales = out(kLogScales),
              .opacity_logits = out(kOpacityLogits),
              .sh = out(kSh),
              .background = out(kBackground),
              .screen_offsets = out(kScreenOffsets)};
    };
    const auto in = [&](int output) -> const Real* {
      at::Tensor& gradient = image_gradients[output];
      if (!gradient.defined()) return nullptr;
      gradient = gradient.contiguous();
      return gradient.template const_data_ptr<Real>();
    };
    Backend::Backward(
        rendering->Inputs(tensors.data()),
        {.rgb = in(0),
         .alpha = in(1),
         .depth = in(2),
         .normals = rendering->settings.normals ? in(4) : nullptr},
        *rendering->workspace, make, device);
    return gradients;
  }
};

// Keeps a workspace for the CUDA graph that uses it.
template <typename Backend>
class Captured final : public CapturedDrawing {
 public:
  using Workspace = typename Backend::Workspace;
  explicit Captured(std::shared_ptr<Workspace> workspace)
      : workspace_(std::move(workspace)) {}
  bool outgrown() const override { return Backend::Outgrown(*workspace_); }

 private:
  const std::shared_ptr<Workspace> workspace_;
};

// The batch's own views, or some of `cameras`.
std::shared_ptr<GaussianViews> ViewsOf(const GaussianBatch& batch,
                                       absl::Span<const Camera> cameras) {
  const auto images = static_cast<int64_t>(cameras.size());
  const int64_t times = TimesOf(batch);
  if (!batch.views) {
    return std::make_shared<GaussianViews>(cameras, batch.time_of_camera, times,
                                           batch.means.options());
  }
  const GaussianViews& views = *batch.views;
  TORCH_CHECK(views.images() == images && views.times() == times &&
                  views.width() == cameras[0].width &&
                  views.height() == cameras[0].height,
              "the batch's views are ", views.images(), " of ", views.times(),
              " times, ", views.width(), " x ", views.height(), ", not ",
              images, " of ", times, ", ", cameras[0].width, " x ",
              cameras[0].height);
  const at::Tensor on_device = views.view_from_world();
  TORCH_CHECK(on_device.device() == batch.means.device() &&
                  on_device.scalar_type() == batch.means.scalar_type(),
              "the batch's views are ", on_device.scalar_type(), " on ",
              on_device.device(), ", but means is ", batch.means.scalar_type(),
              " on ", batch.means.device());
  return batch.views;
}

template <typename Backend>
GaussianRendering Rasterise(const GaussianBatch& batch,
                            absl::Span<const Camera> cameras,
                            const at::Tensor& background,
                            const at::Tensor& screen_offsets,
                            const RasterSettings& settings,
                            const Pools& pools) {
  const std::shared_ptr<GaussianViews> views = ViewsOf(batch, cameras);
  auto rendering = c10::make_intrusive<Rendering<Backend>>();
  rendering->settings = settings;
  rendering->view_from_world = views->view_from_world();
  rendering->focal_lengths = views->focal_lengths();
  rendering->time_of_image = views->time_of_image();
  rendering->workspace = pools.Take<Backend>(
      batch.means.device(),
      {rendering->images(), settings.height, settings.width});
  const variable_list outputs = RasterFunction<Backend>::apply(
      batch.means, batch.quaternions, batch.log_scales, batch.opacity_logits,
      batch.sh, background,
      // An undefined tensor cannot take part in a graph.
      screen_offsets.defined() ? std::make_optional(screen_offsets)
                               : std::nullopt,
      rendering);
  if (Backend::Captured(*rendering->workspace)) {
    TORCH_CHECK(batch.views,
                "gaussian_splatting: a CUDA graph cannot hold the upload of "
                "cameras; set the batch's views before the capture");
    views->Keep(std::make_unique<Captured<Backend>>(rendering->workspace));
  }
  return {.rgb = outputs[0],
          .alpha = outputs[1],
          .depth = outputs[2],
          .radii = outputs[3],
          .median_depth = settings.median_depth ? outputs.back() : at::Tensor(),
          .normals = settings.normals ? outputs[4] : at::Tensor()};
}

}  // namespace

struct GaussianSplattingOptions : SplattingOptions {
  bool deterministic = true;

  template <typename V>
  void Visit(V& v) {
    SplattingOptions::Visit(v);
    v("deterministic", deterministic,
      "On a GPU, gradients of the same bytes at each run, for about a fifth "
      "more time; on the CPU they always are.");
  }
};

class GaussianSplatting final : public GaussianRenderer {
 public:
  using Options = GaussianSplattingOptions;

  explicit GaussianSplatting(const Options& options) : options_(options) {}

  GaussianRendering Render(const GaussianBatch& batch,
                           absl::Span<const Camera> cameras,
                           const at::Tensor& background,
                           const at::Tensor& screen_offsets) const override {
    CheckGaussianBatch(batch, cameras, background, screen_offsets);
    const RasterSettings settings = {.width = cameras[0].width,
                                     .height = cameras[0].height,
                                     .low_pass = options_.low_pass,
                                     .near = options_.near,
                                     .deterministic = options_.deterministic,
                                     .times = TimesOf(batch),
                                     .median_depth = batch.median_depth,
                                     .normals = batch.normals};
    const auto rasterise = [&]<typename Backend>() {
      return Rasterise<Backend>(batch, cameras, background, screen_offsets,
                                settings, pools_);
    };
    const bool single = batch.means.scalar_type() == at::kFloat;
    if (batch.means.is_cuda()) {
      return single ? rasterise.template operator()<OnCuda<float>>()
                    : rasterise.template operator()<OnCuda<double>>();
    }
    TORCH_CHECK(batch.means.is_cpu(), "gaussian_splatting draws on CPU and ",
                "CUDA, but the Gaussians are on ", batch.means.device());
    return single ? rasterise.template operator()<OnCpu<float>>()
                  : rasterise.template operator()<OnCpu<double>>();
  }

 private:
  const Options options_;
  const Pools pools_;
};

DG4D_REGISTER(Renderer, GaussianSplatting, "gaussian_splatting",
              "Draws Gaussians fast, in tiles, with exact gradients.");

}  // namespace dg4d::gaussian_splatting
