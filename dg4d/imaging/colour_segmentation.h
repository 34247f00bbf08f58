#ifndef DG4D_IMAGING_COLOUR_SEGMENTATION_H_
#define DG4D_IMAGING_COLOUR_SEGMENTATION_H_

#include <opencv2/core.hpp>

namespace dg4d {

// The object before a background that is not plain, as the signed distance to
// its contour in pixels, positive inside (CV_32FC1).
//
// GrabCut (Rother et al. 2004) tells the two by the colours of the whole
// picture. Its answer is then put to the vote among neighbours of like colour,
// first far and then near (NeighbourVote), each time with a minimal cut that
// prefers the picture's edges. What remains is smoothed by a pixel or two.
//
//   rgb      CV_32FC3, about 500 pixels wide
//   lab      `rgb` in CIE Lab
//   allowed  CV_8UC1: 255 where the object may be
//   guess    CV_32FC1 in [0, 1]: about where it is; may be empty
//
// Draws from OpenCV's generator of the thread (k-means, GrabCut).
cv::Mat SegmentByColour(const cv::Mat& rgb, const cv::Mat& lab,
                        const cv::Mat& allowed, const cv::Mat& guess,
                        int iterations);

}  // namespace dg4d

#endif  // DG4D_IMAGING_COLOUR_SEGMENTATION_H_
