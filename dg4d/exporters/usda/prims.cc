#include "dg4d/exporters/usda/prims.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/scene/mesh_sequence.h"

namespace dg4d::usda {
namespace {

// How long before a frame the one before it is still shown as it was, where
// programs would mix the two. A power of two, so that times stay exact.
constexpr double kHold = 1.0 / 1024;

std::string ExtentOf(const at::Tensor& low, const at::Tensor& high) {
  return FloatList(
      at::stack({std::get<0>(low.min(0)), std::get<0>(high.max(0))}));
}

// A value of each frame, by `value`. Programs interpolate between lists of one
// length: where `jumps` says that this makes no sense from a frame to the next,
// the earlier value is repeated just before.
std::vector<TimeSample> Samples(
    size_t frames, const std::function<std::string(size_t)>& value,
    const std::function<bool(size_t)>& jumps = [](size_t) { return false; }) {
  std::vector<TimeSample> samples;
  for (size_t i = 0; i < frames; ++i) {
    samples.push_back({static_cast<double>(i), value(i)});
    if (i + 1 < frames && jumps(i)) {
      samples.push_back(
          {static_cast<double>(i) + 1 - kHold, samples.back().value});
    }
  }
  return samples;
}

// Colours do not change along with the points: st holds the coordinates of all
// frames, and integers, which nothing interpolates, say which are meant.
void AddTextureCoordinates(const std::vector<Mesh>& meshes,
                           const std::vector<at::Tensor>& uvs, UsdaText& text) {
  std::vector<at::Tensor> distinct;
  std::vector<int64_t> first_of_frame;
  int64_t count = 0, first = 0;
  for (const at::Tensor& frame : uvs) {
    if (distinct.empty() || !distinct.back().equal(frame)) {
      distinct.push_back(frame);
      first = count;
      count += frame.size(0);
    }
    first_of_frame.push_back(first);
  }
  text.Line(
      absl::StrCat("texCoord2f[] primvars:st = ", FloatList(at::cat(distinct)),
                   " (interpolation = \"faceVarying\")"));
  text.Attribute(
      "int[] primvars:st:indices", Samples(meshes.size(), [&](size_t i) {
        return IntList(
            (meshes[i].uv_triangles + first_of_frame[i]).to(at::kInt));
      }));
}

}  // namespace

void AddMeshPrim(const std::vector<Mesh>& meshes,
                 const std::vector<at::Tensor>& uvs, bool normals,
                 const std::string& root, UsdaText& text) {
  const size_t frames = meshes.size();
  const bool closed = std::all_of(
      meshes.begin(), meshes.end(),
      [](const Mesh& mesh) { return AnalyzeTopology(mesh).closed_manifold(); });
  const auto jumps = [&](size_t i) {
    const Mesh &a = meshes[i], &b = meshes[i + 1];
    return a.vertex_count() == b.vertex_count() &&
           !a.triangles.equal(b.triangles);
  };
  text.OpenPrim("Mesh", "mesh",
                "prepend apiSchemas = [\"MaterialBindingAPI\"]");
  text.Line(
      absl::StrCat("rel material:binding = <", root, "/materials/surface>"));
  text.Line("uniform token subdivisionScheme = \"none\"");
  if (!closed) text.Line("uniform bool doubleSided = true");
  text.Attribute("float3[] extent", Samples(frames, [&](size_t i) {
                   return ExtentOf(meshes[i].vertices, meshes[i].vertices);
                 }));
  text.Attribute(
      "int[] faceVertexCounts", Samples(frames, [&](size_t i) {
        return IntList(at::full({meshes[i].triangle_count()}, 3, at::kInt));
      }));
  text.Attribute("int[] faceVertexIndices", Samples(frames, [&](size_t i) {
                   return IntList(meshes[i].triangles);
                 }));
  text.Attribute(
      "point3f[] points",
      Samples(
          frames, [&](size_t i) { return FloatList(meshes[i].vertices); },
          jumps));
  if (normals) {
    text.Attribute(
        "normal3f[] normals",
        Samples(
            frames, [&](size_t i) { return FloatList(UnitNormals(meshes[i])); },
            jumps),
        "interpolation = \"vertex\"");
  }
  if (!uvs.empty()) AddTextureCoordinates(meshes, uvs, text);
  text.ClosePrim();
}

void AddMaterialPrim(const std::string& picture, const std::string& root,
                     UsdaText& text) {
  const std::string surface = absl::StrCat(root, "/materials/surface");
  text.OpenPrim("Scope", "materials");
  text.OpenPrim("Material", "surface");
  text.Line(absl::StrCat("token outputs:surface.connect = <", surface,
                         "/shader.outputs:surface>"));
  text.OpenPrim("Shader", "shader");
  text.Line("uniform token info:id = \"UsdPreviewSurface\"");
  text.Line(picture.empty()
                ? "color3f inputs:diffuseColor = (1, 1, 1)"
                : absl::StrCat("color3f inputs:diffuseColor.connect = <",
                               surface, "/texture.outputs:rgb>"));
  text.Line("float inputs:metallic = 0");
  text.Line("float inputs:roughness = 1");
  text.Line("token outputs:surface");
  text.ClosePrim();
  if (!picture.empty()) {
    text.OpenPrim("Shader", "texture");
    text.Line("uniform token info:id = \"UsdUVTexture\"");
    text.Line(absl::StrCat("asset inputs:file = @./", picture, "@"));
    text.Line(absl::StrCat("float2 inputs:st.connect = <", surface,
                           "/coordinates.outputs:result>"));
    text.Line("token inputs:sourceColorSpace = \"sRGB\"");
    text.Line("token inputs:wrapS = \"clamp\"");
    text.Line("token inputs:wrapT = \"clamp\"");
    text.Line("float3 outputs:rgb");
    text.ClosePrim();
    text.OpenPrim("Shader", "coordinates");
    text.Line("uniform token info:id = \"UsdPrimvarReader_float2\"");
    text.Line("string inputs:varname = \"st\"");
    text.Line("float2 outputs:result");
    text.ClosePrim();
  }
  text.ClosePrim();
  text.ClosePrim();
}

absl::Status AddGaussianPrim(const Scene& scene, UsdaText& text) {
  DG4D_RETURN_IF_ERROR(
      CheckGaussianFrames(scene.gaussians, scene.gaussian_frames));
  std::vector<Gaussians> frames;
  for (int i = 0; i < scene.gaussian_frames.size(); ++i) {
    frames.push_back(FrameAt(scene.gaussians, scene.gaussian_frames, i));
  }
  if (frames.empty()) frames.push_back(scene.gaussians);
  for (size_t i = 0; i < frames.size(); ++i) {
    DG4D_RETURN_IF_ERROR(
        Annotate(CheckGaussians(frames[i]), absl::StrCat("frame ", i)));
  }
  const auto samples = [&](auto value) {
    return Samples(frames.size(),
                   [&](size_t i) { return FloatList(value(frames[i])); });
  };
  text.OpenPrim("ParticleField3DGaussianSplat", "gaussians");
  text.Attribute("float3[] extent", Samples(frames.size(), [&](size_t i) {
                   const Gaussians& g = frames[i];
                   const at::Tensor reach =
                       3 * std::get<0>(g.log_scales.exp().max(1, true));
                   return ExtentOf(g.means - reach, g.means + reach);
                 }));
  text.Attribute("point3f[] positions",
                 samples([](const Gaussians& g) { return g.means; }));
  text.Attribute("quatf[] orientations", samples([](const Gaussians& g) {
                   return g.quaternions /
                          g.quaternions.norm(2, {1}, true).clamp_min(1e-12);
                 }));
  text.Attribute("float3[] scales", samples([](const Gaussians& g) {
                   return g.log_scales.exp();
                 }));
  text.Attribute("float[] opacities", samples([](const Gaussians& g) {
                   return g.opacity_logits.sigmoid();
                 }));
  text.Line(absl::StrCat("uniform int radiance:sphericalHarmonicsDegree = ",
                         scene.gaussians.sh_degree()));
  text.Line(absl::StrCat("float3[] radiance:sphericalHarmonicsCoefficients = ",
                         FloatList(scene.gaussians.sh.reshape({-1, 3}))));
  // As 3D Gaussian Splatting sorts and projects.
  text.Line("uniform token sortingModeHint = \"zDepth\"");
  text.Line("uniform token projectionModeHint = \"perspective\"");
  text.ClosePrim();
  return absl::OkStatus();
}

}  // namespace dg4d::usda
