#ifndef DG4D_FORMATS_VIDEO_IO_H_
#define DG4D_FORMATS_VIDEO_IO_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Frames one after the other, so that a film of any length fits in memory.
// From a file that FFmpeg reads (mp4, mov, webm, mkv, avi, gif, apng, ...), or
// a folder of pictures in natural order (2.png before 10.png). Rotation that a
// phone noted is applied; alpha is kept where the format has it.
class VideoReader {
 public:
  virtual ~VideoReader() = default;

  // NotFound, or InvalidArgument for what is no video, an empty folder, a file
  // cut off. A folder's pictures play `folder_fps` a second.
  static absl::StatusOr<std::unique_ptr<VideoReader>> Open(
      const std::string& path, double folder_fps = 7);

  // Frames a second, on average.
  virtual double fps() const = 0;

  // When the frame last passed is shown, in seconds: films of phones and GIFs
  // do not keep time.
  virtual double seconds() const = 0;

  // The next frame; nothing after the last. InvalidArgument if the file is
  // damaged or cut off there, or a frame's size differs from the first one's.
  virtual absl::StatusOr<std::optional<Image>> Next() = 0;

  // Passes over the next frame without converting it. Whether there was one.
  virtual absl::StatusOr<bool> Skip() = 0;
};

// `count` frames of the film at `path`, spread evenly from its first to its
// last: frame i is the one nearest to i (n - 1) / (count - 1), so that a film
// of `count` frames comes back as it is, and a shorter one repeats frames. All
// frames if `count` is 0. fps is such that the film lasts as long as it did.
//
// `convert`, if given, is applied to each chosen frame as it is read (shrinking
// it, for example); only converted frames are kept in memory.
absl::StatusOr<Video> ReadVideo(
    const std::string& path, int count = 0,
    absl::FunctionRef<absl::StatusOr<Image>(Image)> convert =
        [](Image frame) -> absl::StatusOr<Image> { return frame; });

// The files of `folder` that ReadImage may read, judged by their suffix, full
// paths in natural order: numbers in names count as numbers.
absl::StatusOr<std::vector<std::string>> ListPictures(
    const std::string& folder);

// The bytes of an MP4 of `frames` over white: H.264 4:2:0 (MPEG-4 part 2 where
// FFmpeg was built without x264). An odd height or width gains a white row or
// column. One thread and no dates, so equal frames give equal bytes.
// InvalidArgument for no frames, frames of several sizes or fps <= 0.
absl::StatusOr<std::string> EncodeMp4(const std::vector<Image>& frames,
                                      double fps);

// As EncodeMp4, of `count` frames that `frame(0)`, `frame(1)`, ... return when
// their turn comes, so that no more than one is in memory.
absl::StatusOr<std::string> EncodeMp4(
    int count, absl::FunctionRef<absl::StatusOr<Image>(int index)> frame,
    double fps);

// Writes an MP4, whole or not at all (WriteFileAtomically).
absl::Status WriteMp4(const std::string& path, const std::vector<Image>& frames,
                      double fps);

}  // namespace dg4d

#endif  // DG4D_FORMATS_VIDEO_IO_H_
