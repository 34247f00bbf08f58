// Prints the acceptance measures of the proxy that a picture inflates to and
// of its motions, and writes what they look like.
//
//   inflation_measure PICTURE [SHEET.png [MOTIONS.png]]

#include <chrono>
#include <cstdio>
#include <string>

#include "dg4d/formats/image_io.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/measures.h"
#include "dg4d/geometry/inflation/motion_measures.h"
#include "dg4d/geometry/inflation/surface_gaussians.h"

namespace dg4d::inflation {
namespace {

double Seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Status Main(const std::string& picture_path,
                  const std::string& sheet_path,
                  const std::string& motions_path) {
  const absl::StatusOr<Image> picture = ReadImage(picture_path);
  if (!picture.ok()) return picture.status();
  const Camera camera = OrbitCamera({});
  const double start = Seconds();
  const absl::StatusOr<Inflation> inflation = Inflate(*picture, camera);
  if (!inflation.ok()) return inflation.status();
  const double inflated = Seconds();
  const Mesh mesh = MeshOf(*inflation);
  std::printf("%d vertices, %d triangles, %.2f s\n",
              static_cast<int>(mesh.vertex_count()),
              static_cast<int>(mesh.triangle_count()), inflated - start);
  const double before = Seconds();
  const Gaussians gaussians = SurfaceGaussians(*inflation);
  std::printf("%d Gaussians, %.3f s\n", static_cast<int>(gaussians.size()),
              Seconds() - before);
  const ProxyRenderer renderer({mesh});
  const double rendering = Seconds();
  for (int i = 0; i < 10; ++i) {
    renderer.Render(0, TurnedCamera(camera, 36 * i).WithSize(128, 128));
  }
  std::printf("%.4f s a view of 128 x 128\n", (Seconds() - rendering) / 10);
  std::printf(
      "%s",
      MeasureTable(MeasureInflation(*inflation, *picture, camera)).c_str());
  for (const char* motion : {"idle", "dance", "twist"}) {
    std::printf("%s", MeasureTable(MeasureMotion(*inflation, motion)).c_str());
  }
  if (sheet_path.empty()) return absl::OkStatus();
  const absl::Status written =
      WritePng(sheet_path, ContactSheet(*inflation, *picture, camera));
  if (!written.ok() || motions_path.empty()) return written;
  return WritePng(motions_path, MotionSheet(*inflation, camera));
}

}  // namespace
}  // namespace dg4d::inflation

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: %s PICTURE [SHEET.png [MOTIONS.png]]\n",
                 argv[0]);
    return 2;
  }
  const absl::Status status = dg4d::inflation::Main(
      argv[1], argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  }
  return status.ok() ? 0 : 1;
}
