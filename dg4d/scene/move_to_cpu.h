#ifndef DG4D_SCENE_MOVE_TO_CPU_H_
#define DG4D_SCENE_MOVE_TO_CPU_H_

#include "dg4d/scene/scene.h"

namespace dg4d {

// Moves every tensor of `scene` to the CPU, where results of stages live,
// wherever they were made.
void MoveToCpu(Scene& scene);

}  // namespace dg4d

#endif  // DG4D_SCENE_MOVE_TO_CPU_H_
