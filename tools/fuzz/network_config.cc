#include <utility>

#include "dg4d/diffusion/clip_images.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"
#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

// Each kind of configuration that a folder of weights holds: whichever file it
// stands in, any of them may be read from it.
void FuzzOne(absl::string_view bytes) {
  using namespace diffusion;  // NOLINT: all of these are its
  const auto json = JsonConfig::Parse(bytes, "input");
  if (!json.ok()) return;
  (void)CameraProjection::ParseConfig(*json);
  (void)ClipImages::Parse(*json);
  (void)ClipVision::ParseConfig(*json);
  (void)UNet::ParseConfig(*json);
  (void)Vae::ParseConfig(*json);
  (void)VideoUNet::ParseConfig(*json);
  (void)VideoVae::ParseConfig(*json);
  // These are computed with at once, on the host.
  if (const auto config = DdimScheduler::Config::Parse(*json); config.ok()) {
    const DdimScheduler scheduler(*config);
    for (const int t : scheduler.Timesteps(3)) (void)scheduler.Step(t, 3);
  }
  if (const auto config = EulerScheduler::Config::Parse(*json); config.ok()) {
    const EulerScheduler scheduler(*config, 3);
    for (int i = 0; i < scheduler.count(); ++i) (void)scheduler.Step(i);
  }
}

}  // namespace dg4d
