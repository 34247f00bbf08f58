// What every Renderer promises, of Gaussians or of meshes. Linked with plugins,
// tests each of them; gaussian_renderer_conformance.cc and its like go on.

#include <string>

#include "dg4d/core/renderer.h"
#include "dg4d/testing/conformance_options.h"
#include "dg4d/testing/options_conformance.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

class RendererConformance : public testing::TestWithParam<std::string> {};

TEST_P(RendererConformance, ReadsItsOptionsStrictly) {
  ExpectOptionsConform<Renderer>(GetParam(), ConformanceOptions(GetParam()));
}

TEST_P(RendererConformance, DrawsGaussiansOrMeshes) {
  const auto renderer =
      Registry<Renderer>::Create(GetParam(), ConformanceOptions(GetParam()))
          .value();
  EXPECT_NE(dynamic_cast<GaussianRenderer*>(renderer.get()) != nullptr,
            dynamic_cast<MeshRenderer*>(renderer.get()) != nullptr);
}

INSTANTIATE_TEST_SUITE_P(Linked, RendererConformance,
                         testing::ValuesIn(Registry<Renderer>::Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
