#ifndef DG4D_IMAGING_NEIGHBOUR_VOTE_H_
#define DG4D_IMAGING_NEIGHBOUR_VOTE_H_

#include <opencv2/core.hpp>

namespace dg4d {

struct VoteReach {
  double place = 40;  // pixels
  double colour = 6;  // Lab
};

// For each pixel the share of object, in [0, 1], among the pixels near it in
// place and colour (CV_32FC1): the message of a fully connected conditional
// random field with Gaussian edges (Kraehenbuehl and Koltun 2011), summed on a
// bilateral grid (Chen et al. 2007).
//
// Every pixel has one vote, so a patch of background that was taken for object
// is outvoted by the background of its colour around it, which models of the
// colours of a whole picture do not see to.
//
//   lab     CV_32FC3
//   object  CV_32FC1 in [0, 1]
cv::Mat NeighbourVote(const cv::Mat& lab, const cv::Mat& object,
                      const VoteReach& reach);

}  // namespace dg4d

#endif  // DG4D_IMAGING_NEIGHBOUR_VOTE_H_
