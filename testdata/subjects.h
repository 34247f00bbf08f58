#ifndef DG4D_TESTDATA_SUBJECTS_H_
#define DG4D_TESTDATA_SUBJECTS_H_

#include "testdata/ray_march.h"

namespace dg4d::pictures {

// A child in a woollen hat, scarf and striped jumper. `wave` lifts the arm on
// the right of the picture, from 0 to 1.
Picture Character(float wave = 0);

// A fox in profile, looking to the left; four legs and a bushy tail, which
// `wag` (radians) turns at its root.
Picture Fox(float wag = 0);

// A glazed vase with two handles, painted in bands.
Picture Vase();

// A toy robot that holds a beach ball before its chest.
Picture Robot();

// A rubber duck on a wooden table before a papered wall, as a camera sees it.
Picture DuckPhoto();

}  // namespace dg4d::pictures

#endif  // DG4D_TESTDATA_SUBJECTS_H_
