// Draws the pictures of this folder:
// `bazel run //testdata:make_pictures -- $PWD/testdata`.
// Every picture is ray-marched from a few solids, so that it may be used and
// changed freely, and the same bytes come out each time.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/gif_io.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/formats/video_io.h"
#include "testdata/paint.h"
#include "testdata/ray_march.h"
#include "testdata/subjects.h"

namespace dg4d::pictures {
namespace {

using Maker = std::function<absl::Status(const std::string& folder)>;

// `make(phase)` with the phase of a loop, from 0 to 1.
std::vector<Image> Frames(const std::function<Picture(float)>& make, int count,
                          int side) {
  std::vector<Image> frames;
  for (int i = 0; i < count; ++i) {
    Picture picture = make(i / static_cast<float>(count));
    picture.height = picture.width = side;
    picture.samples = 2;
    frames.push_back(Render(picture));
  }
  return frames;
}

std::map<std::string, Maker> Makers() {
  const auto write_png = [](const Picture& picture, std::string name) {
    return [=](const std::string& folder) {
      return WritePng(folder + "/" + name, Render(picture));
    };
  };
  return {
      {"character.png", write_png(Character(), "character.png")},
      {"fox.png", write_png(Fox(), "fox.png")},
      {"robot.png", write_png(Robot(), "robot.png")},
      {"vase.png", write_png(Vase(), "vase.png")},
      {"duck_photo.jpg",
       [](const std::string& folder) -> absl::Status {
         DG4D_ASSIGN_OR_RETURN(const std::string bytes,
                               EncodeJpeg(Render(DuckPhoto())));
         return WriteFileAtomically(folder + "/duck_photo.jpg", bytes);
       }},
      // The character waves; frame 0 is the picture, on white.
      {"character_wave.mp4",
       [](const std::string& folder) {
         const auto wave = [](float phase) {
           return Character(0.5f - 0.5f * std::cos(2 * kPi * phase));
         };
         return WriteMp4(folder + "/character_wave.mp4", Frames(wave, 21, 256),
                         10);
       }},
      // The fox wags its tail; frame 0 is the picture, on white.
      {"fox_wag.gif",
       [](const std::string& folder) -> absl::Status {
         const auto wag = [](float phase) {
           return Fox(0.35f * std::sin(2 * kPi * phase));
         };
         DG4D_ASSIGN_OR_RETURN(const std::string bytes,
                               EncodeGif(Frames(wag, 10, 192), 10));
         return WriteFileAtomically(folder + "/fox_wag.gif", bytes);
       }},
  };
}

}  // namespace
}  // namespace dg4d::pictures

// make_pictures FOLDER [FILE ...]: all files, or those named.
int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    std::fprintf(stderr, "usage: make_pictures FOLDER [FILE ...]\n");
    return 2;
  }
  dg4d::SetThreads(2);
  for (const auto& [name, make] : dg4d::pictures::Makers()) {
    const bool wanted =
        arguments.size() == 1 ||
        std::count(arguments.begin() + 1, arguments.end(), name) > 0;
    if (!wanted) continue;
    if (const absl::Status status = make(arguments[0]); !status.ok()) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(),
                   std::string(status.message()).c_str());
      return 1;
    }
  }
  return 0;
}
