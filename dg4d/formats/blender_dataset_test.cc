#include "dg4d/formats/blender_dataset.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/full.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/formats/image_io.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

std::string NewFolder(const std::string& name) {
  const std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

BlenderDataset TwoPictures() {
  BlenderDataset dataset;
  for (int i = 0; i < 2; ++i) {
    PosedImage posed;
    posed.name = "train/r_00" + std::to_string(i) + ".png";
    posed.image.pixels = at::full({6, 8, 4}, 0.2 * (i + 1));
    Camera intrinsics;
    intrinsics.width = 8;
    intrinsics.height = 6;
    intrinsics.fov_y = 0.7;
    posed.camera = OrbitCamera(
        {.elevation_degrees = -20.0 * i, .azimuth_degrees = 30.0 + 90 * i},
        intrinsics);
    posed.time = i;
    dataset.images.push_back(posed);
  }
  return dataset;
}

// A folder with one good picture and this transforms_train.json.
std::string FolderWith(const std::string& json) {
  const std::string folder = NewFolder("wrong");
  std::filesystem::create_directories(folder + "/train");
  Image image;
  image.pixels = at::full({4, 4, 4}, 1.0);
  EXPECT_TRUE(WritePng(folder + "/train/r_000.png", image).ok());
  image.pixels = at::full({5, 4, 4}, 1.0);
  EXPECT_TRUE(WritePng(folder + "/train/tall.png", image).ok());
  image.pixels = at::full({4, 4, 3}, 1.0);
  EXPECT_TRUE(WritePng(folder + "/train/opaque.png", image).ok());
  EXPECT_TRUE(
      WriteFileAtomically(folder + "/transforms_train.json", json).ok());
  return folder;
}

constexpr char kIdentity[] = "[[1,0,0,0],[0,1,0,0],[0,0,1,2],[0,0,0,1]]";

std::string Frame(const std::string& path, const std::string& matrix,
                  const std::string& time = "0") {
  return R"({"file_path": ")" + path + R"(", "time": )" + time +
         R"(, "transform_matrix": )" + matrix + "}";
}
std::string Frames(const std::string& frames) {
  return R"({"camera_angle_x": 0.7, "frames": [)" + frames + "]}";
}

TEST(BlenderDataset, ReadsBackWhatItWrote) {
  const std::string folder = NewFolder("round_trip");
  const BlenderDataset written = TwoPictures();
  ASSERT_TRUE(WriteBlenderDataset(folder, "train", written).ok());
  const auto read = ReadBlenderDataset(folder, "train");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->images.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const PosedImage& a = written.images[i];
    const PosedImage& b = read->images[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.time, b.time);
    EXPECT_TRUE(at::allclose(a.image.pixels, b.image.pixels, 0, 0.5 / 255));
    EXPECT_NEAR(a.camera.fov_y, b.camera.fov_y, 1e-9);
    EXPECT_EQ(b.camera.width, 8);
    for (int k = 0; k < 16; ++k) {
      EXPECT_NEAR(a.camera.world_from_camera[k], b.camera.world_from_camera[k],
                  1e-9);
    }
  }
  EXPECT_EQ(read->Times(), (std::vector<double>{0, 1}));
}

TEST(BlenderDataset, TurnsTheFilesZUpWorldToOurYUp) {
  // A camera straight above the object in Blender, at z = 2, looking down.
  const auto read = ReadBlenderDataset(
      FolderWith(Frames(Frame("./train/r_000", kIdentity))), "train");
  ASSERT_TRUE(read.ok()) << read.status();
  const auto position = read->images[0].camera.position();
  EXPECT_EQ(position[0], 0);
  EXPECT_EQ(position[1], 2);
  EXPECT_EQ(position[2], 0);
}

TEST(BlenderDataset, ShrinksPicturesAndKeepsTheFieldOfView) {
  const std::string folder = NewFolder("shrink");
  ASSERT_TRUE(WriteBlenderDataset(folder, "train", TwoPictures()).ok());
  const auto read = ReadBlenderDataset(folder, "train", {.max_side = 4});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->images[0].image.width(), 4);
  EXPECT_EQ(read->images[0].image.height(), 3);
  EXPECT_EQ(read->images[0].camera.width, 4);
  EXPECT_NEAR(read->images[0].camera.fov_y, 0.7, 1e-9);
}

TEST(BlenderDataset, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string json;
    const char* said;
  } kCases[] = {
      {"{", "no JSON"},
      {"[]", "one JSON object"},
      {R"({"frames": []})", "camera_angle_x"},
      {R"({"camera_angle_x": 40, "frames": []})", "radians"},
      {R"({"camera_angle_x": 0.7, "frames": []})", "at least one picture"},
      {Frames("3"), "frame 0: must be an object"},
      {Frames(R"({"time": 0})"), "file_path"},
      {Frames(R"({"file_path": "train/r_000"})"), "transform_matrix"},
      {Frames(Frame("train/r_000", "[[1,0,0],[0,1,0],[0,0,1]]")),
       "4 rows of 4 numbers"},
      {Frames(Frame("train/r_000",
                    "[[1,0,0,0],[0,1,0,0],[0,0,\"x\",0],[0,0,0,1]]")),
       "4 rows of 4 numbers"},
      {Frames(
           Frame("train/r_000", "[[1,1,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]")),
       "no rotation"},
      {Frames(Frame("train/r_000", kIdentity, "1.5")), "from 0 to 1"},
      {Frames(Frame("train/missing", kIdentity)), "missing.png"},
      {Frames(Frame("train/opaque", kIdentity)), "no alpha"},
      {Frames(Frame("train/r_000", kIdentity) + "," +
              Frame("train/tall", kIdentity)),
       "frame 1: train/tall.png is 4 x 5, train/r_000.png is 4 x 4"},
  };
  for (const auto& wrong : kCases) {
    const auto read = ReadBlenderDataset(FolderWith(wrong.json), "train");
    ASSERT_FALSE(read.ok()) << wrong.json;
    EXPECT_NE(read.status().message().find(wrong.said), std::string::npos)
        << wrong.json << "\n"
        << read.status();
  }
  const auto no_split = ReadBlenderDataset(FolderWith("{}"), "val");
  EXPECT_EQ(no_split.status().code(), absl::StatusCode::kNotFound);
  const auto no_folder = ReadBlenderDataset("no/such/folder", "train");
  EXPECT_EQ(no_folder.status().code(), absl::StatusCode::kNotFound);
}

TEST(BlenderDataset, PlacesTheWorldWhereTheCamerasLook) {
  std::vector<Camera> cameras;
  for (int i = 0; i < 5; ++i) {
    cameras.push_back(OrbitCamera({.elevation_degrees = 10.0 * i - 30,
                                   .azimuth_degrees = 70.0 * i,
                                   .radius = 5,
                                   .target = {1, -2, 3}}));
  }
  const WorldPlacement placement = PlaceAround(cameras);
  EXPECT_NEAR(placement.center[0], 1, 1e-6);
  EXPECT_NEAR(placement.center[1], -2, 1e-6);
  EXPECT_NEAR(placement.center[2], 3, 1e-6);
  EXPECT_NEAR(placement.scale, 0.4, 1e-6);
  const auto p = Place(cameras[2], placement).position();
  EXPECT_NEAR(std::hypot(p[0], p[1], p[2]), 2, 1e-6);
}

TEST(BlenderDataset, PlacesParallelCamerasSomewhereFinite) {
  const WorldPlacement placement = PlaceAround({Camera(), Camera()});
  for (const double x : placement.center) EXPECT_TRUE(std::isfinite(x));
  EXPECT_TRUE(std::isfinite(placement.scale));
}

}  // namespace
}  // namespace dg4d
