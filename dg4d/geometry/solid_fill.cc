#include "dg4d/geometry/solid_fill.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int kSide = BlockGrid::kSide;
constexpr float kClamp = 2;
constexpr int kMaxRadius = 6;

enum Label : uint8_t { kUnknown, kOutside, kInside, kObject };

// A node of the flood: a sample of a dense block, or a whole constant one.
struct Node {
  int block;
  int sample;  // -1: the block
};

class Filler {
 public:
  Filler(const BlockGrid& density, const SolidFillOptions& options)
      : density_(density),
        threshold_(static_cast<float>(options.threshold)),
        radius_(std::clamp(options.seal_radius, 0, kMaxRadius)),
        block_labels_(density.block_count(), kUnknown),
        labels_(int64_t{density.dense_count()} * BlockGrid::kVolume, kUnknown),
        clearance_(labels_.size(), uint8_t(radius_ * radius_ + 1)),
        levels_(radius_ * radius_ + 2) {}

  BlockGrid Run() {
    MarkObject();
    MeasureClearance();
    // The far samples connected to the border are outside, the other far ones
    // inside.
    Seed({0, -1}, kOutside);
    FloodLevel(radius_ * radius_ + 1);
    for (int block = 0; block < density_.block_count(); ++block) {
      if (!density_.IsDense(block)) {
        Seed({block, -1}, kInside);
        continue;
      }
      for (int sample = 0; sample < BlockGrid::kVolume; ++sample) {
        const int64_t index = Index({block, sample});
        if (clearance_[index] > radius_ * radius_) {
          Seed({block, sample}, kInside);
        }
      }
    }
    for (int level = radius_ * radius_ + 1; level >= 0; --level) {
      FloodLevel(level);
    }
    FillGrooves();
    return Field();
  }

 private:
  int64_t Index(const Node& node) const {
    return int64_t{density_.Slot(node.block)} * BlockGrid::kVolume +
           node.sample;
  }

  template <typename Visit>
  void ForSamples(const Visit& visit) const {
    for (int block = 0; block < density_.block_count(); ++block) {
      if (!density_.IsDense(block)) continue;
      for (int sample = 0; sample < BlockGrid::kVolume; ++sample) {
        visit(Node{block, sample});
      }
    }
  }

  void MarkObject() {
    for (int block = 0; block < density_.block_count(); ++block) {
      if (!density_.IsDense(block)) {
        if (density_.Constant(block) >= threshold_) {
          block_labels_[block] = kObject;
        }
        continue;
      }
      const float* values = density_.Values(block);
      for (int sample = 0; sample < BlockGrid::kVolume; ++sample) {
        if (values[sample] >= threshold_) {
          labels_[Index({block, sample})] = kObject;
        }
      }
    }
  }

  // Calls visit(node) for the six neighbours of `node` that exist; for a
  // constant block, for all samples that touch it.
  template <typename Visit>
  void ForNeighbours(const Node& node, const Visit& visit) const {
    const auto at = density_.BlockAt(node.block);
    for (int axis = 0; axis < 3; ++axis) {
      const int stride = axis == 0 ? 1 : axis == 1 ? kSide : kSide * kSide;
      for (const int step : {-1, 1}) {
        const int coordinate = node.sample < 0 ? (step < 0 ? 0 : kSide - 1)
                                               : node.sample / stride % kSide;
        if (node.sample >= 0 && coordinate + step >= 0 &&
            coordinate + step < kSide) {
          visit(Node{node.block, node.sample + step * stride});
          continue;
        }
        auto next = at;
        next[axis] += step;
        const int block = density_.BlockIndex(next[0], next[1], next[2]);
        if (block < 0) continue;
        if (!density_.IsDense(block)) {
          visit(Node{block, -1});
        } else if (node.sample >= 0) {
          visit(Node{block, node.sample - step * (kSide - 1) * stride});
        } else {
          VisitFace(block, axis, step < 0 ? kSide - 1 : 0, visit);
        }
      }
    }
  }

  template <typename Visit>
  static void VisitFace(int block, int axis, int layer, const Visit& visit) {
    for (int sample = 0; sample < BlockGrid::kVolume; ++sample) {
      const int coordinate = axis == 0   ? sample % kSide
                             : axis == 1 ? sample / kSide % kSide
                                         : sample / (kSide * kSide);
      if (coordinate == layer) visit(Node{block, sample});
    }
  }

  // Squared distance to the nearest sample of the object, at most radius^2 + 1:
  // every sample at the rim of the object stamps a ball.
  void MeasureClearance() {
    for (int z = -radius_; z <= radius_; ++z) {
      for (int y = -radius_; y <= radius_; ++y) {
        for (int x = -radius_; x <= radius_; ++x) {
          const int square = x * x + y * y + z * z;
          if (square <= radius_ * radius_) ball_.push_back({x, y, z, square});
        }
      }
    }
    for (int block = 0; block < density_.block_count(); ++block) {
      if (!density_.IsDense(block)) continue;
      const auto at = density_.BlockAt(block);
      for (int sample = 0; sample < BlockGrid::kVolume; ++sample) {
        if (labels_[Index({block, sample})] != kObject) continue;
        clearance_[Index({block, sample})] = 0;
        bool rim = false;
        ForNeighbours({block, sample}, [&](const Node& node) {
          rim = rim || LabelOf(node) != kObject;
        });
        if (!rim) continue;
        for (const auto& [dx, dy, dz, square] : ball_) {
          Stamp(at[0] * kSide + sample % kSide + dx,
                at[1] * kSide + sample / kSide % kSide + dy,
                at[2] * kSide + sample / (kSide * kSide) + dz, square);
        }
      }
    }
  }

  void Stamp(int x, int y, int z, int square) {
    if (x < 0 || y < 0 || z < 0) return;
    const int block = density_.BlockIndex(x / kSide, y / kSide, z / kSide);
    if (block < 0 || !density_.IsDense(block)) return;
    uint8_t& clearance = clearance_[Index(
        {block, ((z % kSide) * kSide + y % kSide) * kSide + x % kSide})];
    clearance = std::min(clearance, static_cast<uint8_t>(square));
  }

  Label LabelOf(const Node& node) const {
    return static_cast<Label>(node.sample < 0 ? block_labels_[node.block]
                                              : labels_[Index(node)]);
  }

  // Labels `node` unless it has a label, and queues it for the flood.
  void Seed(const Node& node, Label label) {
    if (LabelOf(node) != kUnknown) return;
    int level = level_;
    if (node.sample < 0) {
      block_labels_[node.block] = label;
    } else {
      labels_[Index(node)] = label;
      level = std::min<int>(level, clearance_[Index(node)]);
    }
    levels_[level].push_back(node);
  }

  // Grows from the nodes queued at `level` through unlabelled nodes; those
  // with less clearance wait in their own queues, labelled. Levels are flooded
  // in descending order: a wider space reached late belongs to this one.
  void FloodLevel(int level) {
    level_ = level;
    for (size_t i = 0; i < levels_[level].size(); ++i) {
      const Node node = levels_[level][i];
      const Label label = LabelOf(node);
      ForNeighbours(node, [&](const Node& next) { Seed(next, label); });
    }
    levels_[level].clear();
  }

  // Both floods meet half-way through the shell: what a gap leaves outside is a
  // groove. It is filled as far as no ball of the sealing radius fits in.
  void FillGrooves() {
    struct Reached {
      Node node;
      int steps;
    };
    std::vector<Reached> queue;
    std::vector<uint8_t> visited(labels_.size(), 0);
    const auto reach = [&](const Node& node, int steps) {
      if (node.sample < 0 || LabelOf(node) != kOutside ||
          visited[Index(node)]) {
        return;
      }
      visited[Index(node)] = 1;
      queue.push_back({node, steps});
    };
    ForSamples([&](const Node& node) {
      if (LabelOf(node) != kInside) return;
      ForNeighbours(node, [&](const Node& next) { reach(next, 0); });
    });
    std::vector<int64_t> groove;
    for (size_t i = 0; i < queue.size(); ++i) {
      const auto [node, steps] = queue[i];
      if (IsNearWideOutside(node)) continue;
      groove.push_back(Index(node));
      if (steps == 2 * radius_ + 2) continue;
      ForNeighbours(node, [&](const Node& next) { reach(next, steps + 1); });
    }
    for (const int64_t index : groove) labels_[index] = kInside;
  }

  // Whether a sample outside that is further than the radius from the object
  // lies within the radius.
  bool IsNearWideOutside(const Node& node) const {
    const auto at = density_.BlockAt(node.block);
    for (const auto& [dx, dy, dz, square] : ball_) {
      const int x = at[0] * kSide + node.sample % kSide + dx;
      const int y = at[1] * kSide + node.sample / kSide % kSide + dy;
      const int z = at[2] * kSide + node.sample / (kSide * kSide) + dz;
      if (x < 0 || y < 0 || z < 0) return true;
      const int block = density_.BlockIndex(x / kSide, y / kSide, z / kSide);
      if (block < 0) return true;
      if (!density_.IsDense(block)) {
        if (block_labels_[block] == kOutside) return true;
        continue;
      }
      const int64_t index =
          Index({block, ((z % kSide) * kSide + y % kSide) * kSide + x % kSide});
      if (labels_[index] == kOutside && clearance_[index] > radius_ * radius_) {
        return true;
      }
    }
    return false;
  }

  BlockGrid Field() const {
    BlockGrid field = density_;
    for (int block = 0; block < field.block_count(); ++block) {
      if (!field.IsDense(block)) {
        field.SetConstant(block,
                          block_labels_[block] == kOutside ? -kClamp : kClamp);
      }
    }
    ParallelFor(field.block_count(), 64, [&](int64_t begin, int64_t end) {
      for (int block = static_cast<int>(begin); block < end; ++block) {
        if (!field.IsDense(block)) continue;
        float* values = field.Values(block);
        for (int sample = 0; sample < BlockGrid::kVolume; ++sample) {
          const uint8_t label = labels_[Index({block, sample})];
          values[sample] = FieldValue(values[sample], label);
        }
      }
    });
    return field;
  }

  // Samples that neither flood reached are enclosed by the object. Outside,
  // the logarithm is below 0, at the object not; the tiny amount keeps a sample
  // at the threshold itself inside.
  float FieldValue(float density, uint8_t label) const {
    if (label == kInside || label == kUnknown) return kClamp;
    const float log_ratio =
        density > 0 ? std::log(density / threshold_) : -kClamp;
    return label == kObject ? std::clamp(log_ratio, 1e-6f, kClamp)
                            : std::clamp(log_ratio, -kClamp, -1e-6f);
  }

  const BlockGrid& density_;
  const float threshold_;
  const int radius_;
  std::vector<uint8_t> block_labels_;
  std::vector<uint8_t> labels_;
  std::vector<uint8_t> clearance_;         // squared, in voxels
  std::vector<std::array<int, 4>> ball_;   // x, y, z, squared length
  std::vector<std::vector<Node>> levels_;  // nodes queued, by clearance
  int level_ = radius_ * radius_ + 1;
};

}  // namespace

BlockGrid SolidFill(const BlockGrid& density, const SolidFillOptions& options) {
  return Filler(density, options).Run();
}

}  // namespace dg4d
