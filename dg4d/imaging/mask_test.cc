#include "dg4d/imaging/mask.h"

#include <cstdint>
#include <opencv2/imgproc.hpp>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(SmoothDistance, LeavesAStraightEdgeWhereItIs) {
  cv::Mat object = cv::Mat::zeros(40, 60, CV_8UC1);
  object(cv::Rect(0, 0, 25, 40)).setTo(255);
  const cv::Mat distance = SmoothDistance(object, 1.5);
  for (int y = 0; y < 40; ++y) {  // up to the border, which it crosses
    EXPECT_NEAR(distance.at<float>(y, 24), 0.5, 0.05);
    EXPECT_NEAR(distance.at<float>(y, 25), -0.5, 0.05);
    EXPECT_NEAR(distance.at<float>(y, 15), 9.5, 0.05);
  }
}

TEST(SmoothDistance, TakesTeethOffAndKeepsLimbs) {
  cv::Mat object = cv::Mat::zeros(80, 80, CV_8UC1);
  object(cv::Rect(20, 20, 40, 40)).setTo(255);
  for (int x = 20; x < 60; x += 4) {
    object(cv::Rect(x, 17, 1, 3)).setTo(255);  // teeth
  }
  object(cv::Rect(60, 38, 15, 4)).setTo(255);  // a limb
  const cv::Mat smooth = SmoothDistance(object, 1.5) > 0;
  EXPECT_EQ(cv::countNonZero(smooth.rowRange(0, 19)), 0);
  EXPECT_EQ(smooth.at<uint8_t>(40, 70), 255);
  EXPECT_EQ(smooth.at<uint8_t>(35, 70), 0);
}

TEST(KeepLargeParts, DropsSpecksAndKeepsWhatIsAFiftieth) {
  cv::Mat object = cv::Mat::zeros(60, 60, CV_8UC1);
  object(cv::Rect(5, 5, 30, 30)).setTo(255);
  object(cv::Rect(45, 45, 5, 5)).setTo(255);
  object(cv::Rect(50, 10, 2, 2)).setTo(255);
  KeepLargeParts(object);
  EXPECT_EQ(cv::countNonZero(object), 900 + 25);
}

}  // namespace
}  // namespace dg4d
