#include "dg4d/imaging/colour_segmentation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <opencv2/imgproc.hpp>
#include <opencv2/imgproc/detail/gcgraph.hpp>
#include <vector>

#include "dg4d/imaging/mask.h"
#include "dg4d/imaging/neighbour_vote.h"

namespace dg4d {
namespace {

// Pixels of the border that are background: those near the corners, which an
// object that the border cuts (a bust) rarely reaches, and those whose colour
// the left and the right side share at one height, such as a horizon.
cv::Mat BackgroundRing(const cv::Mat& lab) {
  const int width = RingWidth(lab.size());
  const int slack = lab.rows / 50;
  cv::Mat smooth;
  cv::blur(lab, smooth, {5, 5}, {-1, -1}, cv::BORDER_REPLICATE);
  const auto shared = [&](int x, int y) {
    const cv::Vec3f& colour = smooth.at<cv::Vec3f>(y, x);
    for (int v = std::max(0, y - slack); v <= std::min(lab.rows - 1, y + slack);
         ++v) {
      if (cv::norm(colour - smooth.at<cv::Vec3f>(v, lab.cols - 1 - x)) < 6) {
        return true;
      }
    }
    return false;
  };
  cv::Mat background = cv::Mat::zeros(lab.size(), CV_8UC1);
  for (int y = 0; y < lab.rows; ++y) {
    const bool at_end = y < lab.rows / 5 || y >= lab.rows - lab.rows / 5;
    for (int x = 0; x < lab.cols; ++x) {
      if (!OnRing(x, y, lab.size(), width)) continue;
      const bool at_side = x < lab.cols / 5 || x >= lab.cols - lab.cols / 5;
      const bool on_side = x < width || x >= lab.cols - width;
      if ((at_end && at_side) || (on_side && shared(x, y))) {
        background.at<uint8_t>(y, x) = 255;
      }
    }
  }
  return background;
}

// Which pixels have a colour that is found on `background`.
cv::Mat LikeBackground(const cv::Mat& lab, const cv::Mat& background) {
  std::vector<cv::Vec3f> colours;
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      if (background.at<uint8_t>(y, x) != 0) {
        colours.push_back(lab.at<cv::Vec3f>(y, x));
      }
    }
  }
  const int count = static_cast<int>(colours.size());
  const int clusters = std::min(10, count);
  cv::Mat labels, centers;
  cv::kmeans(cv::Mat(count, 3, CV_32F, colours.data()), clusters, labels,
             {cv::TermCriteria::COUNT, 20, 0}, 1, cv::KMEANS_PP_CENTERS,
             centers);
  const auto distance = [&](const cv::Vec3f& colour, int cluster) {
    return cv::norm(colour - *centers.ptr<cv::Vec3f>(cluster));
  };
  std::vector<double> squares(clusters, 0);
  std::vector<int> sizes(clusters, 0);
  for (int i = 0; i < count; ++i) {
    const int label = labels.at<int>(i);
    squares[label] += std::pow(distance(colours[i], label), 2);
    ++sizes[label];
  }
  std::vector<double> reach;
  for (int k = 0; k < clusters; ++k) {
    const double spread = std::sqrt(squares[k] / std::max(1, sizes[k]));
    reach.push_back(std::max(4.0, 1.5 * spread));
  }
  cv::Mat like = cv::Mat::zeros(lab.size(), CV_8UC1);
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      for (int k = 0; k < clusters; ++k) {
        if (distance(lab.at<cv::Vec3f>(y, x), k) < reach[k]) {
          like.at<uint8_t>(y, x) = 255;
        }
      }
    }
  }
  return like;
}

// Drops what is thinner than three pixels and reaches further than a little
// from what is thicker: joints of a floor, twigs, noise.
void DropThreads(cv::Mat& object) {
  const cv::Mat ball = Disc(1);
  cv::Mat thick;
  cv::morphologyEx(object, thick, cv::MORPH_OPEN, ball);
  const int reach = std::max(3, std::max(object.cols, object.rows) / 40);
  for (int i = 0; i < reach; ++i) {
    cv::dilate(thick, thick, ball);
    thick &= object;
  }
  if (cv::countNonZero(thick) > 0) object = thick;
}

// The labels that GrabCut starts from, and those it may not change.
cv::Mat StartingLabels(const cv::Mat& lab, const cv::Mat& allowed,
                       const cv::Mat& guess) {
  const cv::Mat border = BackgroundRing(lab);
  const cv::Mat like_border = LikeBackground(lab, border);
  cv::Mat labels(lab.size(), CV_8UC1, cv::Scalar(cv::GC_PR_FGD));
  if (guess.empty()) {
    labels.setTo(cv::GC_PR_BGD, like_border);
  } else {
    const cv::Mat inside = guess > 0.5f;
    const int side = std::max(lab.cols, lab.rows);
    cv::Mat core, near, reach;
    cv::erode(inside, core, Disc(std::max(1, side / 60)));
    cv::dilate(inside, near, Disc(std::max(2, side / 30)));
    // Between frames nothing moves further than an eighth of the picture.
    cv::dilate(inside, reach, Disc(std::max(3, side / 8)));
    labels.setTo(cv::GC_PR_BGD, ~near | like_border);
    labels.setTo(cv::GC_PR_FGD, core);
    labels.setTo(cv::GC_BGD, ~reach);
  }
  const int width = RingWidth(lab.size());
  cv::Mat ring(lab.size(), CV_8UC1, cv::Scalar(255));
  ring(cv::Rect(width, width, lab.cols - 2 * width, lab.rows - 2 * width))
      .setTo(0);
  labels.setTo(cv::GC_BGD, (ring & like_border) | border);
  labels.setTo(cv::GC_BGD, ~allowed);
  return labels;
}

// What stays on the object's side of a minimal cut (Boykov and Jolly 2001)
// between the pixels that `share` calls object and background. The cut is cheap
// along edges of `lab`. `labels` are GrabCut's: some are given.
cv::Mat CutAlongEdges(const cv::Mat& lab, const cv::Mat& share,
                      const cv::Mat& labels) {
  constexpr double kSmoothness = 6;  // a pixel of contour against a doubt of e
  constexpr double kGiven = 1000;
  const cv::Point steps[] = {{1, 0}, {0, 1}, {1, 1}, {-1, 1}};
  const cv::Rect inside({}, lab.size());
  const auto gap = [&](cv::Point p, cv::Point q) {
    const cv::Vec3f across = lab.at<cv::Vec3f>(p) - lab.at<cv::Vec3f>(q);
    return static_cast<double>(across.dot(across));
  };
  double sum = 0;
  int64_t count = 0;
  const auto for_each_edge = [&](const auto& visit) {
    for (int y = 0; y < lab.rows; ++y) {
      for (int x = 0; x < lab.cols; ++x) {
        for (const cv::Point step : steps) {
          const cv::Point p(x, y), q = p + step;
          if (inside.contains(q)) visit(p, q);
        }
      }
    }
  };
  for_each_edge([&](cv::Point p, cv::Point q) {
    sum += gap(p, q);
    ++count;
  });
  const double sharpness = count / (2 * std::max(sum, 1e-6));

  const int pixels = lab.rows * lab.cols;
  cv::detail::GCGraph<double> graph(pixels, 8 * pixels);
  for (int y = 0; y < lab.rows; ++y) {
    for (int x = 0; x < lab.cols; ++x) {
      const double s = share.at<float>(y, x);
      const uint8_t label = labels.at<uint8_t>(y, x);
      const double lean = label == cv::GC_FGD ? kGiven
                          : label == cv::GC_BGD
                              ? -kGiven
                              : std::log((s + 0.02) / (1.02 - s));
      graph.addTermWeights(graph.addVtx(), std::max(lean, 0.0),
                           std::max(-lean, 0.0));
    }
  }
  for_each_edge([&](cv::Point p, cv::Point q) {
    const double weight = kSmoothness * std::exp(-sharpness * gap(p, q)) /
                          std::hypot(p.x - q.x, p.y - q.y);
    graph.addEdges(p.y * lab.cols + p.x, q.y * lab.cols + q.x, weight, weight);
  });
  graph.maxFlow();
  cv::Mat object(lab.size(), CV_8UC1);
  for (int i = 0; i < pixels; ++i) {
    object.data[i] = graph.inSourceSegment(i) ? 255 : 0;
  }
  return object;
}

// Corrects `object` by what pixels of like colour near by were taken for.
cv::Mat PutToVote(const cv::Mat& rgb, const cv::Mat& labels, cv::Mat object) {
  // Grain and compression are no edges, and no colours of their own.
  cv::Mat smooth, lab;
  cv::bilateralFilter(rgb, smooth, 7, 0.1, 2);
  cv::cvtColor(smooth, lab, cv::COLOR_RGB2Lab);
  const double side = std::max(rgb.cols, rgb.rows);
  for (const double place : {side / 8, side / 8, side / 16}) {
    cv::Mat taken;
    object.convertTo(taken, CV_32F, 1 / 255.0);
    const cv::Mat share =
        NeighbourVote(lab, taken, {.place = place, .colour = 6});
    const cv::Mat cut = CutAlongEdges(lab, share, labels);
    if (cv::countNonZero(cut) == 0) break;
    object = cut;
  }
  return object;
}

void FillSmallHoles(cv::Mat& object) {
  cv::Mat background = 255 - object;
  const int min_hole = std::max(4, cv::countNonZero(object) / 500);
  FilterComponents(background, 4, [&](int area, bool touches) {
    return touches || area >= min_hole;
  });
  object = 255 - background;
}

}  // namespace

cv::Mat SegmentByColour(const cv::Mat& rgb, const cv::Mat& lab,
                        const cv::Mat& allowed, const cv::Mat& guess,
                        int iterations) {
  constexpr double kContourSigma = 1.5;
  cv::Mat labels = StartingLabels(lab, allowed, guess);
  const int probable = cv::countNonZero(labels & 1);
  if (probable == 0 || probable == labels.rows * labels.cols) {
    return SmoothDistance((labels & 1) * 255, kContourSigma);
  }
  const cv::Mat start = labels.clone();
  cv::Mat bytes, background_model, object_model;
  rgb.convertTo(bytes, CV_8UC3, 255);
  cv::grabCut(bytes, labels, {}, background_model, object_model, iterations,
              cv::GC_INIT_WITH_MASK);
  cv::Mat object = (labels & 1) * 255;
  if (cv::countNonZero(object) > 0) object = PutToVote(rgb, start, object);
  DropThreads(object);
  KeepLargeParts(object);
  FillSmallHoles(object);
  return SmoothDistance(object, kContourSigma);
}

}  // namespace dg4d
