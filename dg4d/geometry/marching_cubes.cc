#include "dg4d/geometry/marching_cubes.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int kSide = BlockGrid::kSide;

// Corner c of a cell stands at (c & 1, c >> 1 & 1, c >> 2). An edge runs along
// `axis` from `corner`, whose bit of that axis is 0.
struct CellEdge {
  int corner;
  int axis;
};

// For each set of inside corners, the triangles as triples of edges.
struct CellTable {
  std::array<CellEdge, 12> edges;
  std::array<std::vector<std::array<int8_t, 3>>, 256> triangles;
};

// Builds the table from its rules instead of listing it.
class TableBuilder {
 public:
  TableBuilder() {
    int count = 0;
    for (int axis = 0; axis < 3; ++axis) {
      for (int corner = 0; corner < 8; ++corner) {
        if (corner >> axis & 1) continue;
        edge_of_[corner][corner | 1 << axis] = count;
        edge_of_[corner | 1 << axis][corner] = count;
        table_.edges[count++] = {corner, axis};
      }
    }
    // Corners of each face, counter-clockwise seen from outside the cell.
    for (int axis = 0; axis < 3; ++axis) {
      const int u = 1 << (axis + 1) % 3;
      const int v = 1 << (axis + 2) % 3;
      for (int side = 0; side < 2; ++side) {
        const int base = side << axis;
        faces_[axis * 2 + side] = {base, base | u, base | u | v, base | v};
        if (side == 0) {
          std::reverse(faces_[axis * 2].begin(), faces_[axis * 2].end());
        }
      }
    }
    for (int face = 0; face < 6; ++face) {
      for (int k = 0; k < 4; ++k)
        faces_of_edge_[FaceEdge(face, k)] |= 1 << face;
    }
  }

  CellTable Build() {
    for (int inside = 0; inside < 256; ++inside) AddCase(inside);
    return table_;
  }

 private:
  int FaceEdge(int face, int k) const {
    return edge_of_[faces_[face][k % 4]][faces_[face][(k + 1) % 4]];
  }

  // On each face, links the crossing where a walk around it leaves the inside
  // to the one where it entered last: that cuts off each run of inside corners
  // by itself. Each crossed edge belongs to two faces walked in opposite
  // directions, so the links close to loops.
  void AddCase(int inside) {
    std::array<int, 12> next;
    next.fill(-1);
    for (int face = 0; face < 6; ++face) {
      const auto is_inside = [&](int k) {
        return (inside >> faces_[face][k & 3] & 1) != 0;
      };
      for (int k = 0; k < 4; ++k) {
        if (!is_inside(k) || is_inside(k + 1)) continue;
        int entry = k + 3;
        while (is_inside(entry)) --entry;
        next[FaceEdge(face, entry & 3)] = FaceEdge(face, k);
      }
    }
    std::array<bool, 12> done = {};
    for (int start = 0; start < 12; ++start) {
      if (next[start] < 0 || done[start]) continue;
      std::vector<int> loop;
      for (int edge = start; !done[edge]; edge = next[edge]) {
        done[edge] = true;
        loop.push_back(edge);
      }
      Triangulate(loop, 0, static_cast<int>(loop.size()) - 1,
                  table_.triangles[inside]);
    }
  }

  // Whether the chord between two corners of `loop` is one of its sides or
  // runs through the inside of the cell. A chord within a face could also be a
  // chord of the neighbour, and its edge would then have four triangles.
  bool ChordIsFree(const std::vector<int>& loop, int i, int j) const {
    return j - i == 1 || j - i == static_cast<int>(loop.size()) - 1 ||
           (faces_of_edge_[loop[i]] & faces_of_edge_[loop[j]]) == 0;
  }

  // Appends a triangulation of loop[first..last]; false if there is none. For
  // all 256 cases there is one.
  bool Triangulate(const std::vector<int>& loop, int first, int last,
                   std::vector<std::array<int8_t, 3>>& triangles) const {
    if (last - first < 2) return true;
    for (int middle = first + 1; middle < last; ++middle) {
      if (!ChordIsFree(loop, first, middle) ||
          !ChordIsFree(loop, middle, last)) {
        continue;
      }
      const size_t size = triangles.size();
      triangles.push_back({static_cast<int8_t>(loop[first]),
                           static_cast<int8_t>(loop[middle]),
                           static_cast<int8_t>(loop[last])});
      if (Triangulate(loop, first, middle, triangles) &&
          Triangulate(loop, middle, last, triangles)) {
        return true;
      }
      triangles.resize(size);
    }
    return false;
  }

  CellTable table_;
  int edge_of_[8][8];
  std::array<std::array<int, 4>, 6> faces_;
  std::array<int, 12> faces_of_edge_ = {};
};

const CellTable& Table() {
  static const CellTable* const table = new CellTable(TableBuilder().Build());
  return *table;
}

// The samples of a block and of one layer beyond it along each axis.
struct Patch {
  static constexpr int kWidth = kSide + 1;
  float values[kWidth][kWidth][kWidth];  // [z][y][x]

  Patch(const BlockGrid& grid, int block) {
    const auto at = grid.BlockAt(block);
    for (int z = 0; z < kWidth; ++z) {
      for (int y = 0; y < kWidth; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          values[z][y][x] =
              grid.At(at[0] * kSide + x, at[1] * kSide + y, at[2] * kSide + z);
        }
      }
    }
  }
};

class Extractor {
 public:
  Extractor(const BlockGrid& grid, float level) : grid_(grid), level_(level) {}

  Mesh Run() {
    FindBlocks();
    const int64_t blocks = static_cast<int64_t>(blocks_.size());
    ParallelFor(blocks, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) FindVertices(blocks_[i]);
    });
    int32_t vertices = 0;
    for (BlockSurface& block : blocks_) {
      block.first_vertex = vertices;
      vertices += static_cast<int32_t>(block.vertices.size());
    }
    ParallelFor(blocks, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) FindTriangles(blocks_[i]);
    });
    return Assemble(vertices);
  }

 private:
  struct BlockSurface {
    int block;
    int32_t first_vertex = 0;
    std::vector<std::array<float, 3>> vertices;
    // Per sample and axis, the local number of the vertex on the edge that
    // runs from the sample along the axis; -1 without one.
    std::vector<int16_t> vertex_on_edge;
    std::vector<std::array<int32_t, 3>> triangles;
  };

  // Blocks that can hold a crossing: any but those which, with all their
  // neighbours on the positive side, are constant and equal.
  void FindBlocks() {
    surface_of_block_.assign(grid_.block_count(), -1);
    for (int block = 0; block < grid_.block_count(); ++block) {
      const auto at = grid_.BlockAt(block);
      bool constant = true;
      for (int n = 0; n < 8 && constant; ++n) {
        const int other = grid_.BlockIndex(
            at[0] + (n & 1), at[1] + (n >> 1 & 1), at[2] + (n >> 2));
        constant = other < 0 || (!grid_.IsDense(other) &&
                                 (grid_.Constant(other) > level_) ==
                                     (grid_.Constant(block) > level_));
      }
      if (constant) continue;
      surface_of_block_[block] = static_cast<int>(blocks_.size());
      blocks_.push_back({block});
    }
  }

  void FindVertices(BlockSurface& surface) const {
    const Patch patch(grid_, surface.block);
    const auto at = grid_.BlockAt(surface.block);
    for (int z = 0; z < kSide; ++z) {
      for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide; ++x) {
          const float a = patch.values[z][y][x];
          const float ends[3] = {patch.values[z][y][x + 1],
                                 patch.values[z][y + 1][x],
                                 patch.values[z + 1][y][x]};
          for (int axis = 0; axis < 3; ++axis) {
            const float b = ends[axis];
            if ((a > level_) == (b > level_)) continue;
            if (surface.vertex_on_edge.empty()) {
              surface.vertex_on_edge.assign(3 * BlockGrid::kVolume, -1);
            }
            // Kept off the samples, where several vertices would coincide.
            const double t = std::clamp((static_cast<double>(level_) - a) /
                                            (static_cast<double>(b) - a),
                                        0.01, 0.99);
            double position[3] = {double(at[0] * kSide + x),
                                  double(at[1] * kSide + y),
                                  double(at[2] * kSide + z)};
            position[axis] += t;
            surface.vertex_on_edge[EdgeIndex(x, y, z, axis)] =
                static_cast<int16_t>(surface.vertices.size());
            surface.vertices.push_back(
                {float(grid_.origin().x + grid_.spacing() * position[0]),
                 float(grid_.origin().y + grid_.spacing() * position[1]),
                 float(grid_.origin().z + grid_.spacing() * position[2])});
          }
        }
      }
    }
  }

  void FindTriangles(BlockSurface& surface) const {
    const Patch patch(grid_, surface.block);
    const CellTable& table = Table();
    const auto at = grid_.BlockAt(surface.block);
    const auto cells = [&](int axis) {
      return at[axis] + 1 < grid_.blocks()[axis] ? kSide : kSide - 1;
    };
    for (int z = 0; z < cells(2); ++z) {
      for (int y = 0; y < cells(1); ++y) {
        for (int x = 0; x < cells(0); ++x) {
          int inside = 0;
          for (int c = 0; c < 8; ++c) {
            const float value =
                patch.values[z + (c >> 2)][y + (c >> 1 & 1)][x + (c & 1)];
            inside |= int{value > level_} << c;
          }
          for (const auto& triangle : table.triangles[inside]) {
            std::array<int32_t, 3> corners;
            for (int k = 0; k < 3; ++k) {
              const CellEdge& edge = table.edges[triangle[k]];
              corners[k] = VertexOnEdge(at, x + (edge.corner & 1),
                                        y + (edge.corner >> 1 & 1),
                                        z + (edge.corner >> 2), edge.axis);
            }
            surface.triangles.push_back(corners);
          }
        }
      }
    }
  }

  // Coordinates are relative to block `at` and may lie in the next one.
  int32_t VertexOnEdge(const std::array<int, 3>& at, int x, int y, int z,
                       int axis) const {
    const int block = grid_.BlockIndex(at[0] + x / kSide, at[1] + y / kSide,
                                       at[2] + z / kSide);
    const BlockSurface& surface = blocks_[surface_of_block_[block]];
    return surface.first_vertex + surface.vertex_on_edge[EdgeIndex(
                                      x % kSide, y % kSide, z % kSide, axis)];
  }

  static int EdgeIndex(int x, int y, int z, int axis) {
    return ((z * kSide + y) * kSide + x) * 3 + axis;
  }

  Mesh Assemble(int64_t vertex_count) const {
    int64_t triangle_count = 0;
    for (const BlockSurface& block : blocks_) {
      triangle_count += static_cast<int64_t>(block.triangles.size());
    }
    Mesh mesh;
    mesh.vertices = at::empty({vertex_count, 3}, at::kFloat);
    mesh.triangles = at::empty({triangle_count, 3}, at::kInt);
    float* vertex = mesh.vertices.data_ptr<float>();
    int32_t* triangle = mesh.triangles.data_ptr<int32_t>();
    for (const BlockSurface& block : blocks_) {
      for (const auto& v : block.vertices) {
        vertex = std::copy(v.begin(), v.end(), vertex);
      }
      for (const auto& t : block.triangles) {
        triangle = std::copy(t.begin(), t.end(), triangle);
      }
    }
    return mesh;
  }

  const BlockGrid& grid_;
  const float level_;
  std::vector<BlockSurface> blocks_;
  std::vector<int> surface_of_block_;
};

}  // namespace

Mesh MarchingCubes(const BlockGrid& grid, float level) {
  return Extractor(grid, level).Run();
}

}  // namespace dg4d
