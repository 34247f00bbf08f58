#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/core/exporter.h"
#include "dg4d/formats/spz_io.h"
#include "dg4d/scene/gaussian_sequence.h"

// Writes Gaussians as SPZ files, about a tenth of their PLY files: a folder
// with static.spz and, for Gaussians that move, frame_0001.spz and on. A path
// that ends in .spz gets the static Gaussians alone. What numbers lose stands
// in dg4d/formats/spz_io.h.
namespace dg4d::spz {

class Spz final : public Exporter {
 public:
  struct Options {
    std::string version = "3";
    int fractional_bits = 12;
    bool frames = true;

    template <typename V>
    void Visit(V& v) {
      v("version", version, {"3", "4"},
        "Of the format: 4 is smaller by some per cent, 3 is read by more "
        "programs.");
      v("fractional_bits", fractional_bits,
        "Bits of a position, of 24, behind the point: 12, as others write, "
        "gives steps of 1/4096 and reaches to 2048.");
      v("frames", frames,
        "Whether each frame of moving Gaussians is written, beside the still "
        "ones.");
    }

    absl::Status Validate() const {
      if (fractional_bits >= 0 && fractional_bits <= 23) {
        return absl::OkStatus();
      }
      return absl::InvalidArgumentError(absl::StrCat(
          "fractional_bits must be from 0 to 23, not ", fractional_bits));
    }
  };

  explicit Spz(Options options) : options_(std::move(options)) {}

  std::vector<Slot> Reads() const override { return {Slot::kGaussians}; }
  std::string DefaultPath() const override { return "spz"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override {
    const SpzOptions options = {.version = options_.version == "3" ? 3 : 4,
                                .fractional_bits = options_.fractional_bits};
    return WriteGaussianSequence(
        path, scene.gaussians, scene.gaussian_frames,
        {.extension = "spz", .frames = options_.frames},
        [&options](const Gaussians& gaussians) {
          return EncodeGaussiansSpz(gaussians, options);
        },
        [&context] { return context.CheckCancelled(); });
  }

 private:
  const Options options_;
};

DG4D_REGISTER(Exporter, Spz, "spz",
              "Gaussians as SPZ files, packed small, still and one a frame.");

}  // namespace dg4d::spz
