#ifndef DG4D_FORMATS_FILM_H_
#define DG4D_FORMATS_FILM_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Pictures of one size that are drawn when their turn comes, so that a film of
// any length needs the memory of one.
struct Film {
  int count = 0;
  double fps = 7;  // at most 1000
  // Picture `index` of [0, count); asked for in order.
  std::function<absl::StatusOr<Image>(int index)> frame;
};

// "mp4" or "gif" if `path` ends so in any case, else "".
std::string FilmFormatOf(absl::string_view path);

// The bytes of `film` in `format`, "mp4" or "gif" (video_io.h, gif_io.h).
absl::StatusOr<std::string> EncodeFilm(const Film& film,
                                       absl::string_view format);

// Writes NAME.mp4 or NAME.gif to `folder`, or for format "png" NAME_0001.png
// and on.
absl::Status WriteFilmTo(StagedFolder& folder, const std::string& name,
                         const Film& film, absl::string_view format);

// Whether WriteFilmTo gives `file` as a name to films of `name` in `format`.
bool IsFilmFile(absl::string_view file, absl::string_view name,
                absl::string_view format);

// Writes `film` to `path`, whole or not at all: a file if its ending is one of
// FilmFormatOf, else a folder of frame_0001.png and on, from which pictures of
// a longer film that was there are removed.
absl::Status WriteFilm(const std::string& path, const Film& film);

}  // namespace dg4d

#endif  // DG4D_FORMATS_FILM_H_
