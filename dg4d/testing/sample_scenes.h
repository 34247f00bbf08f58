#ifndef DG4D_TESTING_SAMPLE_SCENES_H_
#define DG4D_TESTING_SAMPLE_SCENES_H_

#include "dg4d/scene/mesh.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// Small scenes with something in every slot but `proxy`, for whatever takes
// finished scenes: exporters, checkpoints. They are the same at every call. The
// name of their configuration has what formats must escape.

// A closed, lopsided, textured ball of latitudes and longitudes whose texture
// has a seam. `phase` in [0, 1) bends it, one period a turn; `hue` in [0, 1)
// colours it. Needs rings >= 2 and segments >= 3.
struct SampleMeshOptions {
  int rings = 6;
  int segments = 8;
  double phase = 0;
  double hue = 0;
};
Mesh SampleMesh(const SampleMeshOptions& options = {});

// One mesh and still Gaussians.
Scene StaticScene();

// One topology and one texture: only the vertices and Gaussians move.
Scene MovingScene(int frames = 5);

// Another topology and another texture in each frame.
Scene ChangingScene(int frames = 4);

// Empties one slot of `scene`, for whatever must refuse a scene without it.
void ClearSlot(Slot slot, Scene& scene);

}  // namespace dg4d

#endif  // DG4D_TESTING_SAMPLE_SCENES_H_
