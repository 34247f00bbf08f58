#include "dg4d/exporters/gltf/joined_corners.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::gltf {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

at::Tensor Indices(const std::vector<int>& values) {
  return at::tensor(values, at::kInt).view({-1, 3});
}

TEST(JoinCorners, SplitsVerticesAtASeamOnly) {
  const Mesh mesh = {.vertices = at::zeros({5, 3}),
                     .triangles = Indices({3, 1, 2, 2, 1, 4}),
                     .uvs = at::zeros({5, 2}),
                     .uv_triangles = Indices({0, 1, 2, 2, 4, 3})};
  const JoinedCorners joined = JoinCorners(mesh);
  EXPECT_THAT(joined.vertex_of_point, ElementsAre(3, 1, 2, 1, 4));
  EXPECT_THAT(joined.uv_of_point, ElementsAre(0, 1, 2, 4, 3));
  EXPECT_THAT(joined.triangles, ElementsAre(0, 1, 2, 2, 3, 4));
}

TEST(JoinCorners, LeavesOutUnusedVerticesOfAMeshWithoutUvs) {
  const Mesh mesh = {.vertices = at::zeros({9, 3}),
                     .triangles = Indices({8, 0, 4})};
  const JoinedCorners joined = JoinCorners(mesh);
  EXPECT_THAT(joined.vertex_of_point, ElementsAre(8, 0, 4));
  EXPECT_THAT(joined.uv_of_point, IsEmpty());
  EXPECT_THAT(joined.triangles, ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace dg4d::gltf
