#include "dg4d/exporters/usda/texture_sheet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace dg4d::usda {
namespace {

constexpr int64_t kBorder = 4;  // pixels around each tile
constexpr int64_t kMostPixels = 16384;

at::Tensor Upwards(const at::Tensor& u, const at::Tensor& v) {
  return at::stack({u, 1 - v}, 1);
}

// For each mesh the number of its texture among those that differ, and of each
// of these a mesh that has it.
struct DistinctTextures {
  std::vector<int> of_mesh;
  std::vector<const Mesh*> owners;
};

DistinctTextures FindDistinct(const std::vector<Mesh>& meshes) {
  DistinctTextures distinct;
  for (const Mesh& mesh : meshes) {
    const auto owner = std::find_if(
        distinct.owners.begin(), distinct.owners.end(), [&](const Mesh* other) {
          return HaveOneTexture({*other, mesh});
        });
    distinct.of_mesh.push_back(owner - distinct.owners.begin());
    if (owner == distinct.owners.end()) distinct.owners.push_back(&mesh);
  }
  return distinct;
}

// `image` with its edge repeated kBorder times on each side.
at::Tensor WithBorder(const Image& image) {
  const auto spread = [](int64_t size) {
    return at::arange(-kBorder, size + kBorder).clamp(0, size - 1);
  };
  return image.pixels.index_select(0, spread(image.height()))
      .index_select(1, spread(image.width()));
}

}  // namespace

absl::StatusOr<TextureSheet> MakeTextureSheet(const std::vector<Mesh>& meshes) {
  TextureSheet sheet;
  const DistinctTextures distinct = FindDistinct(meshes);
  if (distinct.owners.size() == 1) {
    sheet.picture = meshes[0].albedo;
    for (const Mesh& mesh : meshes) {
      sheet.uvs.push_back(
          Upwards(mesh.uvs.select(1, 0), mesh.uvs.select(1, 1)));
    }
    return sheet;
  }

  int64_t tile_height = 0, tile_width = 0;
  for (const Mesh* owner : distinct.owners) {
    tile_height =
        std::max<int64_t>(tile_height, owner->albedo.height() + 2 * kBorder);
    tile_width =
        std::max<int64_t>(tile_width, owner->albedo.width() + 2 * kBorder);
  }
  const int64_t count = static_cast<int64_t>(distinct.owners.size());
  const int64_t columns = std::ceil(std::sqrt(count));
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t height = rows * tile_height, width = columns * tile_width;
  if (std::max(height, width) > kMostPixels) {
    return absl::OutOfRangeError(absl::StrCat(
        "the textures of ", count, " frames make a picture of ", width, " x ",
        height, " pixels, and programs show at most ", kMostPixels,
        "; export with exporter 'gltf', which keeps a picture a frame"));
  }
  sheet.picture.pixels = at::ones({height, width, 3});
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor tile = WithBorder(distinct.owners[i]->albedo);
    sheet.picture.pixels.narrow(0, i / columns * tile_height, tile.size(0))
        .narrow(1, i % columns * tile_width, tile.size(1))
        .copy_(tile);
  }
  for (size_t frame = 0; frame < meshes.size(); ++frame) {
    const Mesh& mesh = meshes[frame];
    const int64_t i = distinct.of_mesh[frame];
    const at::Tensor uvs = mesh.uvs.clamp(0, 1);
    const at::Tensor x = i % columns * tile_width + kBorder +
                         mesh.albedo.width() * uvs.select(1, 0);
    const at::Tensor y = i / columns * tile_height + kBorder +
                         mesh.albedo.height() * uvs.select(1, 1);
    sheet.uvs.push_back(Upwards(x / width, y / height));
  }
  return sheet;
}

}  // namespace dg4d::usda
