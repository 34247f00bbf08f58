#include "dg4d/formats/video_io.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

#include <ATen/ops/empty.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/ffmpeg.h"
#include "dg4d/formats/image_io.h"

namespace dg4d {

using ffmpeg::AvError;
using ffmpeg::AvPointer;
using ffmpeg::SilenceFfmpeg;

namespace {

// The frame turned clockwise by `quarters` x 90 degrees.
Image Rotate(const Image& image, int quarters) {
  switch (quarters & 3) {
    case 1:
      return {image.pixels.transpose(0, 1).flip({1}).contiguous()};
    case 2:
      return {image.pixels.flip({0, 1}).contiguous()};
    case 3:
      return {image.pixels.transpose(0, 1).flip({0}).contiguous()};
    default:
      return image;
  }
}

class FfmpegReader : public VideoReader {
 public:
  explicit FfmpegReader(std::string path) : path_(std::move(path)) {}

  absl::Status Open();
  double fps() const override { return fps_; }
  double seconds() const override { return seconds_; }

  absl::StatusOr<std::optional<Image>> Next() override {
    DG4D_ASSIGN_OR_RETURN(const bool found, Skip());
    if (!found) return std::optional<Image>();
    DG4D_ASSIGN_OR_RETURN(Image image, Convert());
    return std::optional<Image>(std::move(image));
  }
  absl::StatusOr<bool> Skip() override;

 private:
  absl::Status Damaged(absl::string_view how) const {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": the film is ", how,
                     "; copy or download it again, or give a folder of "
                     "pictures instead"));
  }
  absl::Status OpenDecoder();
  absl::Status SendNextPacket();
  absl::StatusOr<Image> Convert();

  const std::string path_;
  AvPointer<AVFormatContext> format_;
  AvPointer<AVCodecContext> codec_;
  AvPointer<AVFrame> frame_{av_frame_alloc()};
  AvPointer<AVPacket> packet_{av_packet_alloc()};
  AvPointer<SwsContext> scaler_;
  AVStream* stream_ = nullptr;
  int quarters_clockwise_ = 0;
  double fps_ = 25;
  double seconds_ = 0;
  int64_t frames_ = 0;   // decoded so far
  int64_t packets_ = 0;  // read so far
  int width_ = 0, height_ = 0;
};

absl::Status FfmpegReader::Open() {
  SilenceFfmpeg();
  // Files only: a playlist must not make us fetch what it names.
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  AVFormatContext* format = nullptr;
  const int opened = avformat_open_input(&format, ("file:" + path_).c_str(),
                                         nullptr, &options);
  av_dict_free(&options);
  if (opened < 0) {
    return Damaged(absl::StrCat("cut off, damaged or no film at all (",
                                AvError(opened), ")"));
  }
  format_.reset(format);
  const int found = avformat_find_stream_info(format, nullptr);
  if (found < 0) return Damaged(absl::StrCat("damaged (", AvError(found), ")"));
  const int index =
      av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  // FFmpeg draws plain text as a film of a terminal, too.
  if (index < 0 ||
      format->streams[index]->codecpar->codec_id == AV_CODEC_ID_ANSI) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_,
        ": cut off, or no film; give a whole mp4, webm or gif file or a "
        "folder of pictures"));
  }
  stream_ = format->streams[index];
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    if (static_cast<int>(i) != index)
      format->streams[i]->discard = AVDISCARD_ALL;
  }
  AVRational rate = stream_->avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = stream_->r_frame_rate;
  if (rate.num > 0 && rate.den > 0) fps_ = av_q2d(rate);
  if (const uint8_t* matrix = av_stream_get_side_data(
          stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr)) {
    const double degrees =
        av_display_rotation_get(reinterpret_cast<const int32_t*>(matrix));
    if (std::isfinite(degrees)) {
      quarters_clockwise_ = -static_cast<int>(std::lround(degrees / 90)) & 3;
    }
  }
  return OpenDecoder();
}

absl::Status FfmpegReader::OpenDecoder() {
  const AVCodecParameters* parameters = stream_->codecpar;
  const AVCodec* decoder = avcodec_find_decoder(parameters->codec_id);
  // FFmpeg's own VP8 and VP9 decoders drop the alpha that a webm may carry.
  const AVDictionaryEntry* alpha =
      av_dict_get(stream_->metadata, "alpha_mode", nullptr, 0);
  if (alpha != nullptr && std::strcmp(alpha->value, "1") == 0) {
    const char* name = parameters->codec_id == AV_CODEC_ID_VP9   ? "libvpx-vp9"
                       : parameters->codec_id == AV_CODEC_ID_VP8 ? "libvpx"
                                                                 : "";
    if (const AVCodec* vpx = avcodec_find_decoder_by_name(name)) decoder = vpx;
  }
  codec_.reset(decoder == nullptr ? nullptr : avcodec_alloc_context3(decoder));
  if (codec_ == nullptr ||
      avcodec_parameters_to_context(codec_.get(), parameters) < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": this machine's FFmpeg cannot decode '",
        avcodec_get_name(parameters->codec_id),
        "'; convert the film to H.264 or give a folder of pictures"));
  }
  codec_->thread_count = Threads();
  codec_->pkt_timebase = stream_->time_base;
  const int opened = avcodec_open2(codec_.get(), decoder, nullptr);
  if (opened < 0) return Damaged(absl::StrCat("damaged: ", AvError(opened)));
  return absl::OkStatus();
}

// Hands the decoder its next packet, or the end of the film.
absl::Status FfmpegReader::SendNextPacket() {
  while (true) {
    const int read = av_read_frame(format_.get(), packet_.get());
    if (read < 0) {
      // A container with an index knows how many packets there should be.
      if (read != AVERROR_EOF || packets_ < stream_->nb_frames) {
        return Damaged(absl::StrCat("cut off after ", packets_, " frames"));
      }
      avcodec_send_packet(codec_.get(), nullptr);
      return absl::OkStatus();
    }
    const bool ours = packet_->stream_index == stream_->index;
    const bool corrupt = (packet_->flags & AV_PKT_FLAG_CORRUPT) != 0;
    const int sent =
        ours && !corrupt ? avcodec_send_packet(codec_.get(), packet_.get()) : 0;
    av_packet_unref(packet_.get());
    if (!ours) continue;
    if (corrupt || sent < 0) {
      return Damaged(
          absl::StrCat("damaged or cut off at frame ", packets_ + 1));
    }
    ++packets_;
    return absl::OkStatus();
  }
}

absl::StatusOr<bool> FfmpegReader::Skip() {
  while (true) {
    const int received = avcodec_receive_frame(codec_.get(), frame_.get());
    if (received == AVERROR(EAGAIN)) {
      DG4D_RETURN_IF_ERROR(SendNextPacket());
      continue;
    }
    if (received == AVERROR_EOF) {
      if (frames_ == 0 && codec_->codec_id == AV_CODEC_ID_WEBP) {
        return absl::InvalidArgumentError(absl::StrCat(
            path_,
            ": animated WebP is not supported; save the film as mp4, "
            "webm, gif or apng"));
      }
      if (frames_ == 0) return Damaged("without a single whole frame");
      return false;
    }
    if (received < 0) {
      return Damaged(absl::StrCat("damaged at frame ", frames_ + 1));
    }
    break;
  }
  if (frames_ == 0) {
    width_ = frame_->width;
    height_ = frame_->height;
  } else if (frame_->width != width_ || frame_->height != height_) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": the size changes from ", width_, " x ", height_,
                     " to ", frame_->width, " x ", frame_->height, " at frame ",
                     frames_ + 1, "; give a film of one size"));
  }
  const int64_t stamp = frame_->best_effort_timestamp;
  seconds_ = stamp == AV_NOPTS_VALUE ? frames_ / fps_
                                     : stamp * av_q2d(stream_->time_base);
  ++frames_;
  return true;
}

absl::StatusOr<Image> FfmpegReader::Convert() {
  const auto stored = static_cast<AVPixelFormat>(frame_->format);
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(stored);
  const bool has_alpha = (description->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 ||
                         stored == AV_PIX_FMT_PAL8;
  const int channels = has_alpha ? 4 : 3;
  const AVPixelFormat wanted = has_alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
  if (scaler_ == nullptr) {
    scaler_.reset(sws_getContext(
        width_, height_, stored, width_, height_, wanted,
        SWS_BICUBIC | SWS_BITEXACT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
        nullptr, nullptr, nullptr));
    if (scaler_ == nullptr) return Damaged("of an unknown pixel format");
    const int space = frame_->colorspace == AVCOL_SPC_UNSPECIFIED
                          ? SWS_CS_DEFAULT
                          : static_cast<int>(frame_->colorspace);
    sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(space),
                             frame_->color_range == AVCOL_RANGE_JPEG,
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16,
                             1 << 16);
  }
  // The scaler writes whole vectors: rows are padded.
  const int stride = (width_ * channels + 63) / 64 * 64;
  std::vector<uint8_t> bytes(static_cast<size_t>(stride) * height_ + 64);
  uint8_t* const planes[4] = {bytes.data(), nullptr, nullptr, nullptr};
  const int strides[4] = {stride, 0, 0, 0};
  sws_scale(scaler_.get(), frame_->data, frame_->linesize, 0, height_, planes,
            strides);
  Image image{at::empty({height_, width_, channels}, at::kFloat)};
  float* target = image.pixels.data_ptr<float>();
  for (int y = 0; y < height_; ++y) {
    const uint8_t* source = bytes.data() + static_cast<size_t>(y) * stride;
    for (int i = 0; i < width_ * channels; ++i) *target++ = source[i] / 255.0f;
  }
  return Rotate(image, quarters_clockwise_);
}

class FolderReader : public VideoReader {
 public:
  FolderReader(std::vector<std::string> paths, double fps)
      : paths_(std::move(paths)), fps_(fps) {}

  double fps() const override { return fps_; }
  double seconds() const override { return (next_ - 1) / fps_; }

  absl::StatusOr<bool> Skip() override {
    if (next_ == paths_.size()) return false;
    ++next_;
    return true;
  }

  absl::StatusOr<std::optional<Image>> Next() override {
    if (next_ == paths_.size()) return std::optional<Image>();
    DG4D_ASSIGN_OR_RETURN(Image image, ReadImage(paths_[next_]));
    ++next_;
    if (height_ == 0) {
      height_ = image.height();
      width_ = image.width();
    }
    if (image.height() != height_ || image.width() != width_) {
      return absl::InvalidArgumentError(
          absl::StrCat(paths_[next_ - 1], " is ", image.width(), " x ",
                       image.height(), " pixels and the frames before it ",
                       width_, " x ", height_, "; give frames of one size"));
    }
    return std::optional<Image>(std::move(image));
  }

 private:
  const std::vector<std::string> paths_;
  const double fps_;
  size_t next_ = 0;
  int height_ = 0, width_ = 0;
};

// Whether `a` comes before `b` when runs of digits compare as numbers.
bool NaturallyLess(absl::string_view a, absl::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!absl::ascii_isdigit(a[i]) || !absl::ascii_isdigit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto number = [](absl::string_view text, size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const size_t begin = at;
      while (at < text.size() && absl::ascii_isdigit(text[at])) ++at;
      return text.substr(begin, at - begin);
    };
    const absl::string_view left = number(a, i), right = number(b, j);
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
  }
  if (i < a.size() || j < b.size()) return i == a.size();
  return a < b;  // 01 and 1: any fixed order
}

// The moments, in seconds, at which the frames of the film at `path` are shown.
absl::StatusOr<std::vector<double>> FrameTimes(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const auto reader, VideoReader::Open(path));
  std::vector<double> times;
  while (true) {
    DG4D_ASSIGN_OR_RETURN(const bool found, reader->Skip());
    if (!found) return times;
    times.push_back(reader->seconds());
  }
}

// For each of `count` moments spread evenly over `times`, the nearest frame.
std::vector<size_t> SpreadEvenly(const std::vector<double>& times, int count) {
  std::vector<size_t> chosen;
  const double span = times.back() - times.front();
  size_t frame = 0;
  for (int i = 0; i < count; ++i) {
    const double wanted =
        times.front() + (count > 1 ? i * span / (count - 1) : 0);
    while (frame + 1 < times.size() && std::abs(times[frame + 1] - wanted) <=
                                           std::abs(times[frame] - wanted)) {
      ++frame;
    }
    chosen.push_back(frame);
  }
  return chosen;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ListPictures(
    const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::string suffix =
        absl::AsciiStrToLower(it->path().extension().string());
    static constexpr const char* kSuffixes[] = {
        ".bmp", ".hdr", ".jpeg", ".jpg",  ".pgm", ".png",
        ".pnm", ".ppm", ".tif",  ".tiff", ".webp"};
    const bool readable =
        std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                    [&](const char* known) { return suffix == known; });
    if (readable && name[0] != '.') names.push_back(name);
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat(
        folder, ": not a folder that can be listed: ", error.message()));
  }
  std::sort(names.begin(), names.end(), NaturallyLess);
  for (std::string& name : names) {
    name = (std::filesystem::path(folder) / name).string();
  }
  return names;
}

absl::StatusOr<std::unique_ptr<VideoReader>> VideoReader::Open(
    const std::string& path, double folder_fps) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(
        absl::StrCat(path,
                     " cannot be read: there is no such file or folder; "
                     "check the path"));
  }
  if (S_ISDIR(info.st_mode)) {
    DG4D_ASSIGN_OR_RETURN(std::vector<std::string> paths, ListPictures(path));
    if (paths.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path,
          ": no pictures in this folder; name the frames so that they "
          "sort, for example 0001.png, 0002.png"));
    }
    return std::make_unique<FolderReader>(std::move(paths), folder_fps);
  }
  if (info.st_size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the file is empty; was it copied whole?"));
  }
  auto reader = std::make_unique<FfmpegReader>(path);
  DG4D_RETURN_IF_ERROR(reader->Open());
  return reader;
}

absl::StatusOr<Video> ReadVideo(
    const std::string& path, int count,
    absl::FunctionRef<absl::StatusOr<Image>(Image)> convert) {
  DG4D_ASSIGN_OR_RETURN(const std::vector<double> times, FrameTimes(path));
  DG4D_ASSIGN_OR_RETURN(const auto reader, VideoReader::Open(path));
  const int wanted = count > 0 ? count : static_cast<int>(times.size());
  const std::vector<size_t> chosen = SpreadEvenly(times, wanted);

  Video video;
  const double span = times.back() - times.front();
  video.fps = wanted > 1 && span > 0 ? (wanted - 1) / span : reader->fps();
  for (size_t frame = 0; video.frames.size() < chosen.size(); ++frame) {
    if (frame != chosen[video.frames.size()]) {
      DG4D_RETURN_IF_ERROR(reader->Skip().status());
      continue;
    }
    DG4D_ASSIGN_OR_RETURN(std::optional<Image> image, reader->Next());
    if (!image.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": the file changed while it was read"));
    }
    DG4D_ASSIGN_OR_RETURN(const Image converted, convert(*std::move(image)));
    while (video.frames.size() < chosen.size() &&
           chosen[video.frames.size()] == frame) {
      video.frames.push_back(converted);
    }
  }
  return video;
}

}  // namespace dg4d
