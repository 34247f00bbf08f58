#ifndef DG4D_FORMATS_GLTF_POSES_H_
#define DG4D_FORMATS_GLTF_POSES_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/formats/glb_file.h"

namespace dg4d {

// A mesh of a glTF file where its node puts it at one time.
struct GltfInstance {
  int64_t mesh = 0;                        // index in the file
  std::array<double, 16> world_from_mesh;  // row-major; at once the identity
                                           // for a node that is not moved
  std::vector<double> weights;             // of morph targets, one each

  bool operator==(const GltfInstance&) const = default;
};

// The nodes of a glTF file's scene and the animation that moves them: its
// first. Translations, rotations, scales and morph weights move, in steps, on
// lines or on cubic splines. What else an animation moves is noted. A node
// whose scale is 0 on all axes, or lies below such a node, shows nothing:
// glTF 2.0, section 3.5.3.
//
// Errors are InvalidArgument and say what is wrong of "it", the file.
class GltfPoses {
 public:
  // Refuses nodes that are no trees, name what is not there, or are moved by
  // bones (skins); keys that do not increase; numbers that are not finite.
  // `fps`, if given, is used for Times().
  static absl::StatusOr<GltfPoses> Parse(const GlbFile& file,
                                         std::optional<double> fps);

  // When frames are shown, in seconds: at the keys where these are even, else
  // (or if fps was given) every 1 / fps(). The last is left out where it only
  // leads back to the first, or holds the one before. {0} without animation.
  const std::vector<double>& Times() const { return times_; }
  double fps() const { return fps_; }  // 0 for less than two times

  // What is to be seen at `seconds`, in the order of the tree.
  std::vector<GltfInstance> At(double seconds) const;

  const std::vector<std::string>& notes() const { return notes_; }

 private:
  enum class Path { kTranslation, kRotation, kScale, kWeights };
  enum class Interpolation { kStep, kLinear, kCubic };
  struct Node {
    int64_t index = 0;                             // in the file
    int64_t mesh = -1;                             // -1: none
    int64_t parent = -1;                           // in nodes_
    std::optional<std::array<double, 16>> matrix;  // else of the three below
    std::array<double, 3> translation = {0, 0, 0};
    std::array<double, 4> rotation = {0, 0, 0, 1};  // x y z w
    std::array<double, 3> scale = {1, 1, 1};
    std::vector<double> weights;
  };
  struct Channel {
    size_t node = 0;  // in nodes_
    Path path = Path::kTranslation;
    Interpolation interpolation = Interpolation::kLinear;
    size_t width = 0;    // numbers a key
    int64_t input = 0;   // accessor of seconds, in keys_
    int64_t output = 0;  // accessor, in values_
  };

  absl::Status AddNodes(const GlbFile& file);
  absl::StatusOr<Node> ParseNode(const GlbFile& file, int64_t index) const;
  absl::Status AddAnimation(const GlbFile& file);
  absl::Status AddChannel(const GlbFile& file, const nlohmann::json& animation,
                          const nlohmann::json& channel);
  absl::Status ChooseTimes(std::optional<double> fps);
  std::vector<double> ValueAt(const Channel& channel, double seconds) const;

  std::vector<Node> nodes_;             // parents before children
  std::map<int64_t, size_t> place_of_;  // in nodes_, by index in the file
  std::vector<Channel> channels_;
  // Accessors, read once however many channels share them.
  std::map<int64_t, std::vector<float>> keys_;
  std::map<int64_t, std::vector<float>> values_;
  std::vector<double> times_;
  double fps_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace dg4d

#endif  // DG4D_FORMATS_GLTF_POSES_H_
