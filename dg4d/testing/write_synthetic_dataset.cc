// write_synthetic_dataset SCENE FOLDER FRAMES TRAIN_VIEWS TEST_VIEWS SIZE:
// pictures for tests, made when they are built.

#include <cstdlib>
#include <iostream>

#include "dg4d/testing/synthetic_scene.h"

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: " << argv[0]
              << " SCENE FOLDER FRAMES TRAIN_VIEWS TEST_VIEWS SIZE\n";
    return 2;
  }
  const auto scene = dg4d::SyntheticScene::Create(argv[1]);
  if (!scene.ok()) {
    std::cerr << scene.status().message() << "\n";
    return 1;
  }
  const absl::Status status =
      dg4d::WriteSyntheticDataset(*scene,
                                  {.frames = std::atoi(argv[3]),
                                   .train_views = std::atoi(argv[4]),
                                   .test_views = std::atoi(argv[5]),
                                   .size = std::atoi(argv[6])},
                                  argv[2]);
  if (!status.ok()) std::cerr << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
