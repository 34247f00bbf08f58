#ifndef DG4D_IMAGING_MATTING_H_
#define DG4D_IMAGING_MATTING_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/imaging/cut_out.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Options of stages that let a network of the user's tell an object from its
// background, under the name `matting`. The defaults are what U^2-Net (Qin et
// al. 2020) wants, with the treatment that rembg gives its output.
struct MattingOptions {
  std::string network;
  int size = 320;
  std::vector<double> mean = {0.485, 0.456, 0.406};
  std::vector<double> deviation = {0.229, 0.224, 0.225};
  std::string output = "stretched";

  // Whether a network was given.
  bool wanted() const { return !network.empty(); }

  template <typename V>
  void Visit(V& v) {
    v("network", network,
      "A TorchScript file of a matting network; empty: none. It is a program: "
      "run only files that you trust.");
    v("size", size, "Side of the square that the network sees, in pixels.");
    v("mean", mean, "Of red, green and blue in [0, 1], subtracted ...");
    v("deviation", deviation, "... and then divided by.");
    v("output", output, {"stretched", "probability", "logit"},
      "What the network's numbers are; stretched: probabilities, of which the "
      "least becomes 0 and the largest 1.");
  }

  absl::Status Validate() const;
};

// A network, in TorchScript, that says how opaque the object is at each pixel.
//
// It gets [1, 3, size, size] in the type of its weights, and gives one number a
// pixel, [1, 1, h, w], [1, h, w] or [h, w], alone or first in a tuple, a list
// or a dictionary, however deep: U^2-Net, IS-Net, BiRefNet, RMBG and their kin,
// as torch.jit.script or torch.jit.trace save them.
class Matting {
 public:
  // NotFound without the file; InvalidArgument, with the file, for options that
  // Validate refuses and for what is no TorchScript: damaged files, weights
  // without a network, operators that LibTorch lacks.
  static absl::StatusOr<Matting> Load(const MattingOptions& options,
                                      const c10::Device& device);

  Matting(Matting&&) noexcept;
  Matting& operator=(Matting&&) noexcept;
  ~Matting();

  // How opaque the object in `image` (RGB; alpha is ignored) is: [H, W] in
  // [0, 1], float32 on the CPU. InvalidArgument, with the file, if the network
  // fails, or what it gives is not one finite number a pixel;
  // ResourceExhausted if memory does not suffice for `size`.
  absl::StatusOr<at::Tensor> Alpha(const Image& image) const;

  // `image` (RGB) with that alpha, and what colours have of the background
  // taken out. If `rectangle` is not empty, the network sees only that part,
  // and everything outside is background. InvalidArgument if the network finds
  // nothing that is more than half opaque.
  absl::StatusOr<Image> CutOut(const Image& image,
                               const Rectangle& rectangle = {}) const;

 private:
  struct Network;

  Matting(MattingOptions options, std::unique_ptr<Network> network);

  MattingOptions options_;
  std::unique_ptr<Network> network_;
};

}  // namespace dg4d

#endif  // DG4D_IMAGING_MATTING_H_
