#ifndef DG4D_EXPORTERS_USDA_PRIMS_H_
#define DG4D_EXPORTERS_USDA_PRIMS_H_

#include <string>
#include <vector>

#include "dg4d/exporters/usda/usda_text.h"
#include "dg4d/scene/mesh.h"
#include "dg4d/scene/scene.h"

namespace dg4d::usda {

// Adds the Mesh "mesh" below the prim `root`: one whose points change, and
// whose triangles do where topology changes (UsdGeomMesh). `uvs` are the
// texture coordinates of each mesh, bottom left first, or empty.
void AddMeshPrim(const std::vector<Mesh>& meshes,
                 const std::vector<at::Tensor>& uvs, bool normals,
                 const std::string& root, UsdaText& text);

// Adds the Scope "materials" below the prim `root` with one UsdPreviewSurface:
// `picture`, a file beside the .usda, or white if "".
void AddMaterialPrim(const std::string& picture, const std::string& root,
                     UsdaText& text);

// Adds the ParticleField3DGaussianSplat "gaussians" (UsdVol of OpenUSD 26.03).
// InvalidArgument for numbers that are not finite or do not fit together.
absl::Status AddGaussianPrim(const Scene& scene, UsdaText& text);

}  // namespace dg4d::usda

#endif  // DG4D_EXPORTERS_USDA_PRIMS_H_
