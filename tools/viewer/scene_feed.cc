#include "tools/viewer/scene_feed.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dg4d/base/status.h"
#include "dg4d/exporters/html/player_scene.h"
#include "dg4d/formats/image_io.h"
#include "tools/viewer/messages.h"

namespace dg4d::viewer {
namespace {

constexpr int kPictureSize = 512;  // pixels of the longer side, at most
constexpr auto kLookForPagesEvery = std::chrono::milliseconds(100);
constexpr absl::Duration kTellCamerasEvery = absl::Milliseconds(500);

bool SameTensor(const Image& a, const Image& b) {
  return a.pixels.defined() && a.pixels.is_same(b.pixels);
}

absl::StatusOr<std::string> SmallPng(const Image& image) {
  const int side = std::max(image.height(), image.width());
  if (side <= kPictureSize) return EncodePng(image);
  return EncodePng(Resize(image,
                          std::max(1, image.height() * kPictureSize / side),
                          std::max(1, image.width() * kPictureSize / side)));
}

}  // namespace

SceneFeed::SceneFeed(Hub& hub) : hub_(hub), thread_([this] { Serve(); }) {}

SceneFeed::~SceneFeed() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SceneFeed::Offer(absl::string_view stage, int64_t step, Scene scene) {
  const std::lock_guard<std::mutex> lock(mutex_);
  newest_ = {std::string(stage), step, std::move(scene)};
  waits_ = true;
  cameras_wait_ = true;  // the reference camera is the scene's
}

void SceneFeed::OfferCameras(std::vector<Camera> cameras) {
  const std::lock_guard<std::mutex> lock(mutex_);
  cameras_ = std::move(cameras);
  cameras_wait_ = true;
}

bool SceneFeed::busy() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return waits_ || works_;
}

absl::Duration SceneFeed::last_cost() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_cost_;
}

std::optional<SceneFeed::Offered> SceneFeed::newest() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return newest_;
}

void SceneFeed::Serve() {
  at::set_num_threads(1);
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    // Pages come without a word to this thread.
    wake_.wait_for(lock, kLookForPagesEvery, [this] { return stopping_; });
    if (stopping_) return;
    if (hub_.pages == 0) continue;
    if (cameras_wait_ && absl::Now() - cameras_told_ >= kTellCamerasEvery) {
      ShowCameras();
    }
    if (!waits_) continue;
    const Offered offered = *newest_;
    waits_ = false;
    works_ = true;
    lock.unlock();
    const absl::Time start = absl::Now();
    const absl::Status status = CatchExceptions([&] {
      ShowScene(offered);
      ShowPictures(offered.scene);
      return absl::OkStatus();
    });
    if (!status.ok()) {
      hub_.Set("warning viewer",
               WarningMessage(offered.stage, status.message()));
    }
    const absl::Duration cost = absl::Now() - start;
    lock.lock();
    last_cost_ = cost;
    works_ = false;
  }
}

void SceneFeed::ShowCameras() {
  cameras_wait_ = false;
  cameras_told_ = absl::Now();
  const bool has_reference =
      newest_.has_value() && !newest_->scene.reference.empty();
  hub_.Set(
      "cameras",
      CamerasMessage(has_reference ? &newest_->scene.reference_camera : nullptr,
                     cameras_));
}

void SceneFeed::ShowPictures(const Scene& scene) {
  const auto show = [&](const Image& image, const std::string& name, int index,
                        int frames) {
    const absl::StatusOr<std::string> png = SmallPng(image);
    if (!png.ok()) return;
    const std::string url = hub_.SetFile(
        absl::StrCat(name, "_", index, ".png"),
        {.bytes = std::make_shared<const std::string>(*std::move(png))});
    hub_.Set(absl::StrCat("image ", name, " ", index),
             {{"type", "image"},
              {"name", name},
              {"index", index},
              {"frames", frames},
              {"fps", scene.video.fps},
              {"url", url}});
  };
  if (!scene.reference.empty() &&
      !SameTensor(scene.reference, shown_reference_)) {
    shown_reference_ = scene.reference;
    show(scene.reference, "input", 0, 1);
  }
  const std::vector<Image>& frames = scene.video.frames;
  if (!frames.empty() && !SameTensor(frames.front(), shown_frame_)) {
    shown_frame_ = frames.front();
    for (int i = 0; i < scene.video.size(); ++i) {
      show(frames[i], "frame", i, scene.video.size());
    }
  }
}

void SceneFeed::ShowScene(const Offered& offered) {
  absl::StatusOr<html::PlayerScene> player =
      html::MakePlayerScene(offered.scene, {});
  if (absl::IsFailedPrecondition(player.status())) return;  // nothing yet
  if (!player.ok()) {
    hub_.Set("warning viewer",
             WarningMessage(offered.stage, player.status().message()));
    return;
  }
  auto payload =
      std::make_shared<const std::string>(std::move(player->payload));
  hub_.Set("scene",
           {{"type", "scene"},
            {"stage", offered.stage},
            {"step", offered.step},
            {"header", std::move(player->header)},
            {"bytes", payload->size()}},
           payload);
}

}  // namespace dg4d::viewer
