#include "dg4d/formats/film.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/gif_io.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/formats/video_io.h"

namespace dg4d {
namespace {

constexpr char kFrameName[] = "frame";

}  // namespace

std::string FilmFormatOf(absl::string_view path) {
  for (const char* format : {"mp4", "gif"}) {
    if (absl::EndsWithIgnoreCase(path, absl::StrCat(".", format))) {
      return format;
    }
  }
  return "";
}

absl::StatusOr<std::string> EncodeFilm(const Film& film,
                                       absl::string_view format) {
  return format == "gif" ? EncodeGif(film.count, film.frame, film.fps)
                         : EncodeMp4(film.count, film.frame, film.fps);
}

absl::Status WriteFilmTo(StagedFolder& folder, const std::string& name,
                         const Film& film, absl::string_view format) {
  if (format != "png") {
    DG4D_ASSIGN_OR_RETURN(const std::string bytes, EncodeFilm(film, format));
    return folder.Write(absl::StrCat(name, ".", format), bytes);
  }
  for (int i = 0; i < film.count; ++i) {
    DG4D_ASSIGN_OR_RETURN(const Image picture, film.frame(i));
    DG4D_ASSIGN_OR_RETURN(const std::string bytes, EncodePng(picture));
    DG4D_RETURN_IF_ERROR(
        folder.Write(absl::StrFormat("%s_%04d.png", name, i + 1), bytes));
  }
  return absl::OkStatus();
}

bool IsFilmFile(absl::string_view file, absl::string_view name,
                absl::string_view format) {
  if (!absl::ConsumePrefix(&file, name)) return false;
  if (format != "png") return file == absl::StrCat(".", format);
  return absl::ConsumePrefix(&file, "_") &&
         absl::ConsumeSuffix(&file, ".png") && file.size() >= 4 &&
         std::all_of(file.begin(), file.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

absl::Status WriteFilm(const std::string& path, const Film& film) {
  const std::string format = FilmFormatOf(path);
  if (!format.empty()) {
    DG4D_ASSIGN_OR_RETURN(const std::string bytes, EncodeFilm(film, format));
    return WriteFileAtomically(path, bytes);
  }
  StagedFolder folder(path);
  DG4D_RETURN_IF_ERROR(WriteFilmTo(folder, kFrameName, film, "png"));
  return folder.Commit([](const std::string& file) {
    return IsFilmFile(file, kFrameName, "png");
  });
}

}  // namespace dg4d
