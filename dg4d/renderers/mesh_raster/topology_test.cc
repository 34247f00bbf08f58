#include "dg4d/renderers/mesh_raster/topology.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "gtest/gtest.h"

namespace dg4d::mesh_raster_renderer {
namespace {

at::Tensor Square() {
  return at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3});
}

TEST(Topologies, FindsNeighborsOnceForEachMesh) {
  Topologies topologies;
  int calls = 0;
  const auto find = [&](const at::Tensor& triangles) {
    ++calls;
    return at::zeros(triangles.sizes(), triangles.options());
  };
  const at::Tensor first = Square(), second = Square();
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_TRUE(topologies.Get(first, first, 4, 4, find).neighbors.defined());
    EXPECT_TRUE(topologies.Get(second, first, 4, 4, find).neighbors.defined());
  }
  EXPECT_EQ(calls, 2);
  // And none where nobody wants them.
  EXPECT_FALSE(topologies.Get(Square(), first, 4, 4, {}).neighbors.defined());
  EXPECT_EQ(calls, 2);
}

TEST(Topologies, NoticesWritesAndOtherSizes) {
  Topologies topologies;
  const at::Tensor triangles = Square(), uv_triangles = Square();
  topologies.Get(triangles, uv_triangles, 4, 4, {});
  EXPECT_THROW(topologies.Get(triangles, uv_triangles, 3, 4, {}), c10::Error);
  EXPECT_THROW(topologies.Get(triangles, uv_triangles, 4, 3, {}), c10::Error);
  uv_triangles[1][1] = 4;
  EXPECT_THROW(topologies.Get(triangles, uv_triangles, 4, 4, {}), c10::Error);
  uv_triangles[1][1] = -1;
  EXPECT_THROW(topologies.Get(triangles, uv_triangles, 4, 4, {}), c10::Error);
}

TEST(Topologies, ForgetsTheOneThatWasNotUsedForLongest) {
  Topologies topologies;
  int calls = 0;
  const auto find = [&](const at::Tensor& triangles) {
    ++calls;
    return at::zeros(triangles.sizes(), triangles.options());
  };
  const at::Tensor kept = Square();
  topologies.Get(kept, kept, 4, 4, find);
  for (int other = 0; other < 10; ++other) {
    topologies.Get(Square(), kept, 4, 4, find);
    topologies.Get(kept, kept, 4, 4, find);
  }
  EXPECT_EQ(calls, 11);
}

}  // namespace
}  // namespace dg4d::mesh_raster_renderer
