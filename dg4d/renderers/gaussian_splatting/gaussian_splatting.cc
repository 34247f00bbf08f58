#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "dg4d/core/gaussian_batch.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/kernels/gaussian_raster.h"

namespace dg4d::gaussian_splatting {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Workspaces that no rendering uses, to spare their memory's allocation in each
// iteration. Renderings outlive the renderer if their graph does.
template <typename Real>
class WorkspacePool : public std::enable_shared_from_this<WorkspacePool<Real>> {
 public:
  using Workspace = GaussianRasterWorkspace<Real>;

  std::shared_ptr<Workspace> Take() {
    std::unique_ptr<Workspace> workspace;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        workspace = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!workspace) workspace = std::make_unique<Workspace>();
    return {workspace.release(), [pool = this->weak_from_this()](Workspace* w) {
              std::unique_ptr<Workspace> owned(w);
              if (const auto alive = pool.lock()) {
                alive->Return(std::move(owned));
              }
            }};
  }

 private:
  static constexpr size_t kMaxIdle = 2;

  void Return(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(workspace));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

struct Pools {
  std::shared_ptr<WorkspacePool<float>> of_floats =
      std::make_shared<WorkspacePool<float>>();
  std::shared_ptr<WorkspacePool<double>> of_doubles =
      std::make_shared<WorkspacePool<double>>();

  template <typename Real>
  auto Take() const {
    if constexpr (std::is_same_v<Real, float>) {
      return of_floats->Take();
    } else {
      return of_doubles->Take();
    }
  }
};

struct RasterSettings {
  int width;
  int height;
  double low_pass;
  double near;
  int64_t times;
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
template <typename Real>
struct Rendering : torch::CustomClassHolder {
  RasterSettings settings;
  std::vector<Real> view_from_world;   // [B, 3, 4]
  std::vector<Real> focal_lengths;     // [B, 2]
  std::vector<int64_t> time_of_image;  // [B]
  std::shared_ptr<GaussianRasterWorkspace<Real>> workspace;

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
            .images = static_cast<int64_t>(time_of_image.size()),
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
            .view_from_world = view_from_world.data(),
            .focal_lengths = focal_lengths.data(),
            .time_of_image = time_of_image.data(),
            .background = data(kBackground),
            .screen_offsets = data(kScreenOffsets),
            .low_pass = static_cast<Real>(settings.low_pass),
            .near = static_cast<Real>(settings.near)};
  }
};

template <typename Real>
using RenderingPtr = c10::intrusive_ptr<Rendering<Real>>;

// Inputs as the enum above has them; outputs rgb, alpha, depth, radii.
template <typename Real>
struct RasterFunction : torch::autograd::Function<RasterFunction<Real>> {
  static variable_list forward(AutogradContext* context, at::Tensor means,
                               at::Tensor quaternions, at::Tensor log_scales,
                               at::Tensor opacity_logits, at::Tensor sh,
                               at::Tensor background,
                               std::optional<at::Tensor> screen_offsets,
                               RenderingPtr<Real> rendering) {
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
    GaussianRasterForwardCpu<Real>(
        inputs,
        {rgb.mutable_data_ptr<Real>(), alpha.mutable_data_ptr<Real>(),
         depth.mutable_data_ptr<Real>()},
        radii.mutable_data_ptr<int32_t>(), *rendering->workspace);
    context->save_for_backward(
        variable_list(std::begin(tensors), std::end(tensors)));
    context->saved_data["rendering"] = c10::IValue::make_capsule(rendering);
    context->mark_non_differentiable({radii});
    return {rgb, alpha, depth, radii};
  }

  static variable_list backward(AutogradContext* context,
                                variable_list image_gradients) {
    const auto rendering = c10::static_intrusive_pointer_cast<Rendering<Real>>(
        context->saved_data["rendering"].toCapsule());
    const variable_list tensors = context->get_saved_variables();
    variable_list gradients(kInputs + 1);
    for (int k = 0; k < kInputs; ++k) {
      // Contiguous, as the tensors are, whose strides the kernel goes by.
      if (tensors[k].defined() && context->needs_input_grad(k)) {
        gradients[k] = at::empty(tensors[k].sizes(), tensors[k].options());
      }
    }
    const auto out = [&](Input input) {
      at::Tensor& gradient = gradients[input];
      return gradient.defined() ? gradient.template mutable_data_ptr<Real>()
                                : nullptr;
    };
    const auto in = [&](int output) -> const Real* {
      at::Tensor& gradient = image_gradients[output];
      if (!gradient.defined()) return nullptr;
      gradient = gradient.contiguous();
      return gradient.template const_data_ptr<Real>();
    };
    GaussianRasterBackwardCpu<Real>(rendering->Inputs(tensors.data()),
                                    {in(0), in(1), in(2)},
                                    *rendering->workspace,
                                    {.means = out(kMeans),
                                     .quaternions = out(kQuaternions),
                                     .log_scales = out(kLogScales),
                                     .opacity_logits = out(kOpacityLogits),
                                     .sh = out(kSh),
                                     .background = out(kBackground),
                                     .screen_offsets = out(kScreenOffsets)});
    return gradients;
  }
};

template <typename Real>
GaussianRendering Rasterise(const GaussianBatch& batch,
                            absl::Span<const Camera> cameras,
                            const at::Tensor& background,
                            const at::Tensor& screen_offsets,
                            const RasterSettings& settings,
                            const Pools& pools) {
  auto rendering = c10::make_intrusive<Rendering<Real>>();
  rendering->settings = settings;
  rendering->time_of_image.assign(batch.time_of_camera.begin(),
                                  batch.time_of_camera.end());
  for (const Camera& camera : cameras) {
    for (const double x : ViewFromWorld(camera)) {
      rendering->view_from_world.push_back(static_cast<Real>(x));
    }
    const Real focal = static_cast<Real>(camera.focal());
    rendering->focal_lengths.insert(rendering->focal_lengths.end(),
                                    {focal, focal});
  }
  rendering->workspace = pools.Take<Real>();
  const variable_list images = RasterFunction<Real>::apply(
      batch.means, batch.quaternions, batch.log_scales, batch.opacity_logits,
      batch.sh, background,
      // An undefined tensor cannot take part in a graph.
      screen_offsets.defined() ? std::make_optional(screen_offsets)
                               : std::nullopt,
      rendering);
  return {images[0], images[1], images[2], images[3]};
}

}  // namespace

class GaussianSplatting final : public GaussianRenderer {
 public:
  using Options = SplattingOptions;

  explicit GaussianSplatting(const Options& options) : options_(options) {}

  GaussianRendering Render(const GaussianBatch& batch,
                           absl::Span<const Camera> cameras,
                           const at::Tensor& background,
                           const at::Tensor& screen_offsets) const override {
    CheckGaussianBatch(batch, cameras, background, screen_offsets);
    TORCH_CHECK(batch.means.is_cpu(), "gaussian_splatting draws on the CPU, ",
                "but the Gaussians are on ", batch.means.device());
    const RasterSettings settings = {.width = cameras[0].width,
                                     .height = cameras[0].height,
                                     .low_pass = options_.low_pass,
                                     .near = options_.near,
                                     .times = TimesOf(batch)};
    return batch.means.scalar_type() == at::kFloat
               ? Rasterise<float>(batch, cameras, background, screen_offsets,
                                  settings, pools_)
               : Rasterise<double>(batch, cameras, background, screen_offsets,
                                   settings, pools_);
  }

 private:
  const Options options_;
  const Pools pools_;
};

DG4D_REGISTER(Renderer, GaussianSplatting, "gaussian_splatting",
              "Draws Gaussians fast, in tiles, with exact gradients.");

}  // namespace dg4d::gaussian_splatting
