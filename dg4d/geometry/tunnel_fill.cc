#include "dg4d/geometry/tunnel_fill.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int kSide = BlockGrid::kSide;
constexpr int kVolume = BlockGrid::kVolume;
constexpr float kWall = 2;

enum Label : uint8_t { kSolid, kOpen, kHidden };

// The 18 neighbours at faces and edges. Outside samples are connected along
// these, as MarchingCubes keeps inside corners apart on ambiguous faces.
struct Neighbourhood {
  std::array<std::array<int, 3>, 18> offsets;
  std::array<int, 18> steps;         // of a chamfer distance
  std::array<uint32_t, 18> touches;  // the others that touch each, as bits

  Neighbourhood() {
    int count = 0;
    for (int z = -1; z <= 1; ++z) {
      for (int y = -1; y <= 1; ++y) {
        for (int x = -1; x <= 1; ++x) {
          const int axes = x * x + y * y + z * z;
          if (axes == 0 || axes == 3) continue;
          steps[count] = axes == 1 ? 5 : 7;
          offsets[count++] = {x, y, z};
        }
      }
    }
    for (int a = 0; a < 18; ++a) {
      touches[a] = 0;
      for (int b = 0; b < 18; ++b) {
        int square = 0;
        for (int k = 0; k < 3; ++k) {
          const int step = offsets[a][k] - offsets[b][k];
          square += step * step;
        }
        if (square == 1 || square == 2) touches[a] |= 1u << b;
      }
    }
  }
};

// The dense samples in their order, then the blocks, of which constant ones
// stand for all their samples.
using Node = int32_t;

class TunnelFiller {
 public:
  TunnelFiller(const BlockGrid& field,
               absl::FunctionRef<bool(const Vec3&)> is_seen_empty)
      : field_(field), is_seen_empty_(is_seen_empty) {}

  BlockGrid Run() {
    Refine();
    LabelNodes();
    JoinSeen();
    MeasureClearance();
    Grow();
    for (Node node = 0; node < samples_; ++node) {
      if (labels_[node] != kHidden) continue;
      field_.Values(block_of_slot_[node / kVolume])[node % kVolume] = kWall;
    }
    return std::move(field_);
  }

 private:
  using Position = std::array<int, 3>;

  Position PositionOf(Node node) const {
    const auto at = field_.BlockAt(block_of_slot_[node / kVolume]);
    const int sample = node % kVolume;
    return {at[0] * kSide + sample % kSide,
            at[1] * kSide + sample / kSide % kSide,
            at[2] * kSide + sample / (kSide * kSide)};
  }

  Vec3 PointAt(const Position& p) const {
    return field_.origin() +
           field_.spacing() * Vec3{double(p[0]), double(p[1]), double(p[2])};
  }

  // -1 beyond the grid.
  Node NodeAt(int x, int y, int z) const {
    if (x < 0 || y < 0 || z < 0) return -1;
    const int block = field_.BlockIndex(x / kSide, y / kSide, z / kSide);
    if (block < 0) return -1;
    if (!field_.IsDense(block)) return samples_ + block;
    return field_.Slot(block) * kVolume +
           ((z % kSide) * kSide + y % kSide) * kSide + x % kSide;
  }

  std::array<Node, 18> NeighboursOf(Node node) const {
    const Position p = PositionOf(node);
    std::array<Node, 18> nodes;
    for (int k = 0; k < 18; ++k) {
      const auto& step = around_.offsets[k];
      nodes[k] = NodeAt(p[0] + step[0], p[1] + step[1], p[2] + step[2]);
    }
    return nodes;
  }

  // Makes dense what is outside and not wholly seen, judged by corners and
  // centre: nothing of the object is within.
  void Refine() {
    std::vector<uint8_t> wanted(field_.block_count(), 0);
    ParallelFor(field_.block_count(), 256, [&](int64_t begin, int64_t end) {
      for (int block = static_cast<int>(begin); block < end; ++block) {
        if (field_.IsDense(block) || field_.Constant(block) > 0) continue;
        const auto at = field_.BlockAt(block);
        bool border = false;
        for (int k = 0; k < 3; ++k) {
          border = border || at[k] == 0 || at[k] == field_.blocks()[k] - 1;
        }
        for (int corner = 0; corner < 9 && !border; ++corner) {
          Position p;
          for (int k = 0; k < 3; ++k) {
            p[k] = at[k] * kSide + (corner == 8         ? kSide / 2
                                    : (corner >> k & 1) ? kSide - 1
                                                        : 0);
          }
          if (!is_seen_empty_(PointAt(p))) wanted[block] = 1;
        }
      }
    });
    std::vector<int> blocks;
    for (int block = 0; block < field_.block_count(); ++block) {
      if (wanted[block]) blocks.push_back(block);
    }
    field_.MakeDense(blocks);
    block_of_slot_.resize(field_.dense_count());
    for (int block = 0; block < field_.block_count(); ++block) {
      if (field_.IsDense(block)) block_of_slot_[field_.Slot(block)] = block;
    }
    samples_ = field_.dense_count() * kVolume;
  }

  void LabelNodes() {
    labels_.assign(int64_t{samples_} + field_.block_count(), kSolid);
    for (int block = 0; block < field_.block_count(); ++block) {
      if (!field_.IsDense(block) && !(field_.Constant(block) > 0)) {
        labels_[samples_ + block] = kOpen;
      }
    }
    ParallelFor(samples_, 1 << 12, [&](int64_t begin, int64_t end) {
      for (Node node = static_cast<Node>(begin); node < end; ++node) {
        const float value =
            field_.Values(block_of_slot_[node / kVolume])[node % kVolume];
        if (value > 0) continue;
        labels_[node] =
            is_seen_empty_(PointAt(PositionOf(node))) ? kOpen : kHidden;
      }
    });
  }

  Node Find(Node node) {
    while (parents_[node] != node) {
      node = parents_[node] = parents_[parents_[node]];
    }
    return node;
  }

  void Join(Node a, Node b) {
    a = Find(a);
    b = Find(b);
    parents_[std::max(a, b)] = std::min(a, b);
  }

  void JoinSeen() {
    parents_.resize(labels_.size());
    for (size_t i = 0; i < parents_.size(); ++i) {
      parents_[i] = static_cast<Node>(i);
    }
    for (Node node = 0; node < samples_; ++node) {
      if (labels_[node] != kOpen) continue;
      for (const Node next : NeighboursOf(node)) {
        if (next >= 0 && labels_[next] == kOpen) Join(node, next);
      }
    }
    for (int block = 0; block < field_.block_count(); ++block) {
      if (field_.IsDense(block) || labels_[samples_ + block] != kOpen) continue;
      const auto at = field_.BlockAt(block);
      for (int axis = 0; axis < 3; ++axis) {
        auto next = at;
        ++next[axis];
        const int other = field_.BlockIndex(next[0], next[1], next[2]);
        if (other < 0 || field_.IsDense(other)) continue;
        if (labels_[samples_ + other] == kOpen) {
          Join(samples_ + block, samples_ + other);
        }
      }
    }
  }

  // Distances of hidden samples to the solid: 5 a step across a face, 7 across
  // an edge.
  void MeasureClearance() {
    constexpr int kFurthest = 5 * 64;
    clearance_.assign(samples_, kFurthest);
    std::vector<std::vector<Node>> buckets(kFurthest + 1);
    const auto reach = [&](Node node, int distance) {
      if (distance >= clearance_[node]) return;
      clearance_[node] = static_cast<uint16_t>(distance);
      buckets[distance].push_back(node);
    };
    for (Node node = 0; node < samples_; ++node) {
      if (labels_[node] != kHidden) continue;
      const auto nodes = NeighboursOf(node);
      for (int k = 0; k < 18; ++k) {
        if (nodes[k] >= 0 && labels_[nodes[k]] == kSolid) {
          reach(node, around_.steps[k]);
        }
      }
    }
    for (int distance = 0; distance < kFurthest; ++distance) {
      for (size_t i = 0; i < buckets[distance].size(); ++i) {
        const Node node = buckets[distance][i];
        if (clearance_[node] != distance) continue;
        const auto nodes = NeighboursOf(node);
        for (int k = 0; k < 18; ++k) {
          if (nodes[k] >= 0 && labels_[nodes[k]] == kHidden) {
            reach(nodes[k], distance + around_.steps[k]);
          }
        }
      }
    }
  }

  // A watershed in the order of clearance, as in SolidFill: levels descend, and
  // a wider space reached late belongs to the level that reached it. A sample
  // that had to wait is tried again when one beside it has joined.
  void Grow() {
    std::vector<std::vector<Node>> levels(
        1 + *std::max_element(clearance_.begin(), clearance_.end()));
    std::vector<uint8_t> queued(samples_, 0);
    int level = static_cast<int>(levels.size()) - 1;
    const auto queue = [&](Node node) {
      if (node < 0 || labels_[node] != kHidden || queued[node]) return;
      queued[node] = 1;
      levels[std::min<int>(level, clearance_[node])].push_back(node);
    };
    for (Node node = 0; node < samples_; ++node) {
      if (labels_[node] != kHidden) continue;
      for (const Node next : NeighboursOf(node)) {
        if (next >= 0 && labels_[next] == kOpen) queue(node);
      }
    }
    for (; level >= 0; --level) {
      for (size_t i = 0; i < levels[level].size(); ++i) {
        const Node node = levels[level][i];
        queued[node] = 0;
        if (!TryOpen(node)) continue;
        for (const Node next : NeighboursOf(node)) queue(next);
      }
      levels[level].clear();
    }
  }

  // Opens `node` unless the outside would meet itself there: unless two groups
  // of open samples around it, apart from each other, are joined elsewhere.
  bool TryOpen(Node node) {
    const auto nodes = NeighboursOf(node);
    uint32_t open = 0;
    for (int k = 0; k < 18; ++k) {
      if (nodes[k] >= 0 && labels_[nodes[k]] == kOpen) open |= 1u << k;
    }
    std::array<Node, 18> groups;
    int count = 0;
    while (open != 0) {
      const int first = __builtin_ctz(open);
      groups[count++] = Find(nodes[first]);
      uint32_t front = 1u << first;
      while (front != 0) {
        open &= ~front;
        uint32_t next = 0;
        for (; front != 0; front &= front - 1) {
          next |= around_.touches[__builtin_ctz(front)];
        }
        front = next & open;
      }
    }
    std::sort(groups.begin(), groups.begin() + count);
    if (std::adjacent_find(groups.begin(), groups.begin() + count) !=
        groups.begin() + count) {
      return false;
    }
    labels_[node] = kOpen;
    for (int i = 0; i < count; ++i) Join(node, groups[i]);
    return true;
  }

  BlockGrid field_;
  const absl::FunctionRef<bool(const Vec3&)> is_seen_empty_;
  const Neighbourhood around_;
  Node samples_ = 0;
  std::vector<int> block_of_slot_;
  std::vector<uint8_t> labels_;
  std::vector<Node> parents_;
  std::vector<uint16_t> clearance_;
};

}  // namespace

BlockGrid FillTunnels(const BlockGrid& field,
                      absl::FunctionRef<bool(const Vec3&)> is_seen_empty) {
  return TunnelFiller(field, is_seen_empty).Run();
}

}  // namespace dg4d
