#ifndef TOOLS_VIEWER_SCENE_FEED_H_
#define TOOLS_VIEWER_SCENE_FEED_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/scene.h"
#include "tools/viewer/hub.h"

namespace dg4d::viewer {

// Makes messages of scenes, pictures and cameras, on a thread of its own, and
// only while a page is connected.
class SceneFeed {
 public:
  struct Offered {
    std::string stage;
    int64_t step = 0;
    Scene scene;
  };

  explicit SceneFeed(Hub& hub);
  // Waits for the scene under way.
  ~SceneFeed();

  // `scene`, whose tensors must not be written to any more, takes the place of
  // the one that waits, if one does.
  void Offer(absl::string_view stage, int64_t step, Scene scene);

  // Cameras of the newest step, in place of those before.
  void OfferCameras(std::vector<Camera> cameras);

  // Whether a scene waits or is under way.
  bool busy() const;
  // How long the last scene took: of a busy machine's time, as the run does.
  absl::Duration last_cost() const;
  // The newest scene that was offered, shown or not.
  std::optional<Offered> newest() const;

 private:
  void Serve();
  void ShowPictures(const Scene& scene);
  // Where the newest step looked from; needs the mutex.
  void ShowCameras();
  void ShowScene(const Offered& offered);

  Hub& hub_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool waits_ = false;
  bool works_ = false;
  bool cameras_wait_ = false;
  std::optional<Offered> newest_;
  std::vector<Camera> cameras_;
  absl::Time cameras_told_ = absl::InfinitePast();
  absl::Duration last_cost_ = absl::ZeroDuration();
  // What pages have been shown; of the thread alone.
  Image shown_reference_;
  Image shown_frame_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_SCENE_FEED_H_
