#include "dg4d/imaging/neighbour_vote.h"

#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Blue on the left, yellow on the right.
cv::Mat TwoColours() {
  cv::Mat lab(60, 80, CV_32FC3, cv::Scalar(55, -5, -30));
  lab(cv::Rect(40, 0, 40, 60)).setTo(cv::Scalar(80, 5, 70));
  return lab;
}

TEST(NeighbourVote, OutvotesAPatchOfItsSurroundingsColour) {
  const cv::Mat lab = TwoColours();
  cv::Mat object = cv::Mat::zeros(lab.size(), CV_32FC1);
  object(cv::Rect(40, 0, 40, 60)).setTo(1);   // the yellow half
  object(cv::Rect(30, 20, 10, 20)).setTo(1);  // and some blue
  const cv::Mat share = NeighbourVote(lab, object, {.place = 20, .colour = 6});
  EXPECT_LT(share.at<float>(30, 35), 0.4);
  EXPECT_LT(share.at<float>(30, 39), 0.4);
  EXPECT_GT(share.at<float>(30, 41), 0.99);
  EXPECT_EQ(share.at<float>(30, 70), 1);
}

TEST(NeighbourVote, DoesNotReachFarPlaces) {
  cv::Mat lab(20, 300, CV_32FC3, cv::Scalar(50, 0, 0));
  cv::Mat object = cv::Mat::zeros(lab.size(), CV_32FC1);
  object(cv::Rect(0, 0, 150, 20)).setTo(1);
  const cv::Mat share = NeighbourVote(lab, object, {.place = 10, .colour = 6});
  EXPECT_GT(share.at<float>(10, 50), 0.999);
  EXPECT_NEAR(share.at<float>(10, 149), 0.5, 0.1);
  EXPECT_LT(share.at<float>(10, 250), 0.001);
}

}  // namespace
}  // namespace dg4d
