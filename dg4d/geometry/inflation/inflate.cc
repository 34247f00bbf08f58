#include "dg4d/geometry/inflation/inflate.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/geometry/inflation/back_texture.h"
#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

constexpr int kFewestPixels = 32;
constexpr double kFullFrame = 0.98;
constexpr double kSpeck = 0.0005;  // of the object's area

// Parts that are too small to be meant.
void DropSpecks(Cutout& cutout) {
  const Mask mask = cutout.mask();
  const double least = kSpeck * Count(mask);
  const Components components = ConnectedComponents(mask, Connectivity::kEight);
  for (int i = 0; i < mask.size(); ++i) {
    const int label = components.labels.values[i];
    if (label > 0 && components.areas[label] < least) {
      cutout.alpha.values[i] = 0;
    }
  }
}

absl::Status Check(const Image& picture, const Camera& camera,
                   const InflationOptions& options) {
  if (!picture.has_alpha()) {
    return absl::InvalidArgumentError(
        "the reference picture has no alpha channel, so its silhouette is "
        "unknown: give an RGBA picture or run stage 'preprocess' first");
  }
  if (picture.height() != picture.width()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the reference picture is ", picture.width(), "x", picture.height(),
        ", not square: run stage 'preprocess' first, which pads it"));
  }
  if (const absl::Status status = options.Validate(); !status.ok()) {
    return status;
  }
  if (MakeReferenceFrame(camera, 1).radius <= camera.near) {
    return absl::InvalidArgumentError(
        "the reference camera does not face the origin, where the object is: "
        "place it with an azimuth, an elevation and a radius");
  }
  return absl::OkStatus();
}

absl::Status CheckArea(const Cutout& cutout, const InflationOptions& options) {
  const int area = Count(cutout.mask());
  if (area < kFewestPixels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the reference picture is ", area == 0 ? "empty" : "almost empty",
        ": at ", cutout.size(), "x", cutout.size(), " only ", area,
        " pixels have an alpha above one half; check its alpha channel, or let "
        "stage 'preprocess' cut the object out and centre it"));
  }
  if (area > kFullFrame * cutout.alpha.size() && !options.allow_full_frame) {
    return absl::InvalidArgumentError(
        "the object fills the whole reference picture, so there is no "
        "silhouette to inflate: let stage 'preprocess' remove the background "
        "and leave a border, or set allow_full_frame to get a rounded slab");
  }
  return absl::OkStatus();
}

// [H, 2W, 3]: left the front, right the back.
Image Atlas(const RgbPlane& front, const RgbPlane& back) {
  const int h = front.height, w = front.width;
  const at::Tensor pixels = at::empty({h, 2 * w, 3}, at::kFloat);
  float* out = pixels.data_ptr<float>();
  for (int y = 0; y < h; ++y) {
    for (const RgbPlane* half : {&front, &back}) {
      for (int x = 0; x < w; ++x) {
        for (const float value : (*half)(y, x)) {
          *out++ = std::clamp(value, 0.0f, 1.0f);
        }
      }
    }
  }
  return {pixels};
}

}  // namespace

absl::Status InflationOptions::Validate() const {
  if (size < 32 || size > 512) {
    return absl::InvalidArgumentError(
        absl::StrCat("size is ", size, "; it must lie between 32 and 512"));
  }
  if (texture_size < 1 || texture_size > 4096) {
    return absl::InvalidArgumentError(absl::StrCat(
        "texture_size is ", texture_size, "; it must lie between 1 and 4096"));
  }
  if (!(thickness > 0) || !(hem_min_aspect >= 0)) {
    return absl::InvalidArgumentError(
        "thickness must be positive and hem_min_aspect not negative");
  }
  return absl::OkStatus();
}

Cutout MakeCutout(const Image& picture, int size) {
  const Image image =
      picture.width() == size ? picture : Resize(picture, size, size);
  const at::Tensor pixels = image.pixels.contiguous();
  const float* in = pixels.data_ptr<float>();
  Cutout cutout = {RgbPlane(size, size), Plane<float>(size, size)};
  for (int i = 0; i < size * size; ++i, in += 4) {
    cutout.rgb.values[i] = {in[0], in[1], in[2]};
    cutout.alpha.values[i] = in[3];
  }
  DropSpecks(cutout);
  return cutout;
}

Image ImageOf(const RgbPlane& plane) {
  const at::Tensor pixels =
      at::empty({plane.height, plane.width, 3}, at::kFloat);
  float* out = pixels.data_ptr<float>();
  for (const Rgb& rgb : plane.values) {
    for (const float value : rgb) *out++ = std::clamp(value, 0.0f, 1.0f);
  }
  return {pixels};
}

absl::StatusOr<Inflation> InflateHeights(const Image& picture,
                                         const Camera& camera,
                                         const InflationOptions& options) {
  if (const absl::Status status = Check(picture, camera, options);
      !status.ok()) {
    return status;
  }
  const int size = std::min(picture.width(), options.size);
  Inflation result;
  result.cutout = MakeCutout(picture, size);
  if (const absl::Status status = CheckArea(result.cutout, options);
      !status.ok()) {
    return status;
  }
  result.front_colours = FrontColours(result.cutout);
  result.front = FrontTexture(result.front_colours, result.cutout.mask());
  result.heights = ComputeHeights(result.cutout, result.front_colours,
                                  {.highest = options.thickness * size / 2,
                                   .hem_min_aspect = options.hem_min_aspect});
  result.frame = MakeReferenceFrame(camera, size);
  return result;
}

void FinishSurface(const Image& picture, const InflationOptions& options,
                   Inflation& inflation) {
  const int size = inflation.frame.size;
  inflation.surface =
      BuildSurface(inflation.cutout.alpha, inflation.heights, inflation.frame);
  const int texture =
      std::clamp(picture.width(), size, std::max(size, options.texture_size));
  if (texture == size) {
    inflation.atlas = Atlas(inflation.front, inflation.back);
    return;
  }
  const Cutout fine = MakeCutout(picture, texture);
  inflation.atlas = Atlas(FrontTexture(FrontColours(fine), fine.mask()),
                          ResizeBilinear(inflation.back, texture, texture));
}

absl::StatusOr<Inflation> Inflate(const Image& picture, const Camera& camera,
                                  const InflationOptions& options) {
  absl::StatusOr<Inflation> result = InflateHeights(picture, camera, options);
  if (!result.ok()) return result;
  result->back = BackTexture(result->front_colours, result->cutout.mask());
  FinishSurface(picture, options, *result);
  return result;
}

Mesh MeshOf(const Inflation& inflation,
            const std::vector<std::array<double, 3>>& vertices) {
  const Surface& surface = inflation.surface;
  const int n = static_cast<int>(vertices.size());
  const int t = static_cast<int>(surface.triangles.size());
  Mesh mesh;
  mesh.vertices = at::empty({n, 3}, at::kFloat);
  mesh.uvs = at::empty({n, 2}, at::kFloat);
  mesh.triangles = at::empty({t, 3}, at::kInt);
  mesh.uv_triangles = at::empty({t, 3}, at::kInt);
  mesh.albedo = inflation.atlas;

  const double texture = inflation.atlas.height();
  const double texels = texture / inflation.frame.size;
  float* position = mesh.vertices.data_ptr<float>();
  float* uv = mesh.uvs.data_ptr<float>();
  for (int i = 0; i < n; ++i) {
    for (const double value : inflation.frame.World(vertices[i])) {
      *position++ = static_cast<float>(value);
    }
    // Half a texel from the edge of its half: nothing bleeds across.
    const double x =
        std::clamp((surface.pixels[i][0] + 0.5) * texels, 0.5, texture - 0.5);
    const double y =
        std::clamp((surface.pixels[i][1] + 0.5) * texels, 0.5, texture - 0.5);
    const bool back = i >= surface.sheet_vertices();
    *uv++ = static_cast<float>((x + (back ? texture : 0)) / (2 * texture));
    *uv++ = static_cast<float>(y / texture);
  }
  int32_t* corner = mesh.triangles.data_ptr<int32_t>();
  int32_t* uv_corner = mesh.uv_triangles.data_ptr<int32_t>();
  for (int i = 0; i < t; ++i) {
    for (const int vertex : surface.triangles[i]) {
      *corner++ = vertex;
      // Walls carry the front's colours, which the back's meet at the rim.
      *uv_corner++ =
          surface.IsWall(i) ? vertex % surface.sheet_vertices() : vertex;
    }
  }
  return mesh;
}

}  // namespace dg4d::inflation
