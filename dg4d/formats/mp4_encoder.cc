#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

extern "C" {
#include <libavutil/opt.h>
}

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/ffmpeg.h"
#include "dg4d/formats/video_io.h"

namespace dg4d {

using ffmpeg::AvError;
using ffmpeg::AvPointer;
using ffmpeg::SilenceFfmpeg;

namespace {

// One H.264 or MPEG-4 stream in an MP4 in memory.
class Mp4Encoder {
 public:
  Mp4Encoder() = default;
  ~Mp4Encoder();
  Mp4Encoder(const Mp4Encoder&) = delete;
  Mp4Encoder& operator=(const Mp4Encoder&) = delete;

  absl::Status Open(int height, int width, double fps);
  absl::Status Add(const Image& image);
  absl::StatusOr<std::string> Finish();

 private:
  absl::Status OpenCodec(int height, int width, AVRational rate);
  absl::Status Drain(const AVFrame* frame);

  AVFormatContext* format_ = nullptr;
  AVStream* stream_ = nullptr;
  AvPointer<AVCodecContext> codec_;
  AvPointer<AVFrame> frame_{av_frame_alloc()};
  AvPointer<AVPacket> packet_{av_packet_alloc()};
  AvPointer<SwsContext> scaler_;
};

absl::Status EncoderError(absl::string_view what, int code) {
  return absl::InternalError(
      absl::StrCat("FFmpeg cannot ", what, ": ", AvError(code)));
}

Mp4Encoder::~Mp4Encoder() {
  if (format_ == nullptr) return;
  if (format_->pb != nullptr) {
    uint8_t* bytes = nullptr;
    avio_close_dyn_buf(format_->pb, &bytes);
    av_free(bytes);
  }
  avformat_free_context(format_);
}

absl::Status Mp4Encoder::OpenCodec(int height, int width, AVRational rate) {
  const AVCodec* encoder = avcodec_find_encoder_by_name("libx264");
  const bool is_x264 = encoder != nullptr;
  if (!is_x264) encoder = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
  if (encoder == nullptr) {
    return absl::UnimplementedError(
        "this machine's FFmpeg has neither an H.264 nor an MPEG-4 encoder; "
        "export a gif instead");
  }
  codec_.reset(avcodec_alloc_context3(encoder));
  codec_->width = width;
  codec_->height = height;
  codec_->pix_fmt = AV_PIX_FMT_YUV420P;
  codec_->time_base = av_inv_q(rate);
  codec_->framerate = rate;
  codec_->thread_count = 1;
  codec_->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
  // Players assume BT.601 or BT.709 by their own rules unless told.
  codec_->colorspace = AVCOL_SPC_BT709;
  codec_->color_primaries = AVCOL_PRI_BT709;
  codec_->color_trc = AVCOL_TRC_BT709;
  codec_->color_range = AVCOL_RANGE_MPEG;
  if (is_x264) {
    av_opt_set(codec_->priv_data, "preset", "medium", 0);
    av_opt_set(codec_->priv_data, "crf", "18", 0);
    // x264's macroblock tree reads memory that it has not written: with it,
    // small films differ from run to run.
    av_opt_set(codec_->priv_data, "x264-params", "mbtree=0", 0);
  } else {
    codec_->flags |= AV_CODEC_FLAG_QSCALE;
    codec_->global_quality = 2 * FF_QP2LAMBDA;
  }
  const int opened = avcodec_open2(codec_.get(), encoder, nullptr);
  if (opened < 0) return EncoderError("start the encoder", opened);
  return absl::OkStatus();
}

absl::Status Mp4Encoder::Open(int height, int width, double fps) {
  SilenceFfmpeg();
  // MPEG-4 part 2 counts time in 16 bits.
  const AVRational rate = av_d2q(fps, 65535);
  // 4:2:0 halves the colours both ways.
  DG4D_RETURN_IF_ERROR(OpenCodec(height + height % 2, width + width % 2, rate));
  int code = avformat_alloc_output_context2(&format_, nullptr, "mp4", nullptr);
  if (code < 0) return EncoderError("make an MP4", code);
  format_->flags |= AVFMT_FLAG_BITEXACT;
  code = avio_open_dyn_buf(&format_->pb);
  if (code < 0) return EncoderError("make an MP4", code);
  stream_ = avformat_new_stream(format_, nullptr);
  stream_->time_base = codec_->time_base;
  stream_->avg_frame_rate = rate;
  avcodec_parameters_from_context(stream_->codecpar, codec_.get());
  code = avformat_write_header(format_, nullptr);
  if (code < 0) return EncoderError("begin an MP4", code);

  frame_->format = codec_->pix_fmt;
  frame_->width = codec_->width;
  frame_->height = codec_->height;
  code = av_frame_get_buffer(frame_.get(), 0);
  if (code < 0) return EncoderError("hold a frame", code);
  scaler_.reset(sws_getContext(
      codec_->width, codec_->height, AV_PIX_FMT_RGB24, codec_->width,
      codec_->height, codec_->pix_fmt,
      SWS_BICUBIC | SWS_BITEXACT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP,
      nullptr, nullptr, nullptr));
  sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(SWS_CS_DEFAULT),
                           1, sws_getCoefficients(SWS_CS_ITU709), 0, 0, 1 << 16,
                           1 << 16);
  frame_->pts = -1;
  return absl::OkStatus();
}

absl::Status Mp4Encoder::Add(const Image& image) {
  const at::Tensor rgb = Composite(image).contiguous();
  const float* source = rgb.data_ptr<float>();
  const int height = image.height(), width = image.width();
  const int64_t plane = static_cast<int64_t>(height) * width;
  const int stride = (3 * codec_->width + 63) / 64 * 64;
  std::vector<uint8_t> bytes(static_cast<size_t>(stride) * codec_->height + 64,
                             255);
  for (int y = 0; y < height; ++y) {
    uint8_t* target = bytes.data() + static_cast<size_t>(y) * stride;
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const float value = source[c * plane + y * width + x];
        *target++ = static_cast<uint8_t>(
            (value > 0 ? std::min(value, 1.0f) : 0.0f) * 255.0f + 0.5f);
      }
    }
  }
  const int code = av_frame_make_writable(frame_.get());
  if (code < 0) return EncoderError("hold a frame", code);
  const uint8_t* const planes[4] = {bytes.data(), nullptr, nullptr, nullptr};
  const int strides[4] = {stride, 0, 0, 0};
  sws_scale(scaler_.get(), planes, strides, 0, codec_->height, frame_->data,
            frame_->linesize);
  ++frame_->pts;
  return Drain(frame_.get());
}

// Encodes `frame`, or the rest if null, and appends what comes out.
absl::Status Mp4Encoder::Drain(const AVFrame* frame) {
  int code = avcodec_send_frame(codec_.get(), frame);
  if (code < 0) return EncoderError("encode a frame", code);
  while (true) {
    code = avcodec_receive_packet(codec_.get(), packet_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) break;
    if (code < 0) return EncoderError("encode a frame", code);
    packet_->stream_index = stream_->index;
    packet_->duration = 1;
    av_packet_rescale_ts(packet_.get(), codec_->time_base, stream_->time_base);
    code = av_interleaved_write_frame(format_, packet_.get());
    if (code < 0) return EncoderError("write a frame", code);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Mp4Encoder::Finish() {
  DG4D_RETURN_IF_ERROR(Drain(nullptr));
  const int code = av_write_trailer(format_);
  if (code < 0) return EncoderError("end an MP4", code);
  uint8_t* bytes = nullptr;
  const int size = avio_close_dyn_buf(format_->pb, &bytes);
  format_->pb = nullptr;
  std::string contents(reinterpret_cast<const char*>(bytes), size);
  av_free(bytes);
  return contents;
}

}  // namespace

absl::StatusOr<std::string> EncodeMp4(
    int count, absl::FunctionRef<absl::StatusOr<Image>(int index)> frame,
    double fps) {
  const absl::Status wrong = absl::InvalidArgumentError(
      "a film needs at least one frame and between 0 and 1000 frames a "
      "second");
  if (count < 1 || !(fps > 0) || fps > 1000) return wrong;
  Mp4Encoder encoder;
  int height = 0, width = 0;
  for (int i = 0; i < count; ++i) {
    DG4D_ASSIGN_OR_RETURN(const Image image, frame(i));
    if (i == 0) {
      if (image.empty()) return wrong;
      height = image.height();
      width = image.width();
      DG4D_RETURN_IF_ERROR(encoder.Open(height, width, fps));
    }
    if (image.height() != height || image.width() != width) {
      return absl::InvalidArgumentError(
          "the frames of a film must have one size");
    }
    DG4D_RETURN_IF_ERROR(encoder.Add(image));
  }
  return encoder.Finish();
}

absl::StatusOr<std::string> EncodeMp4(const std::vector<Image>& frames,
                                      double fps) {
  return EncodeMp4(
      static_cast<int>(frames.size()),
      [&](int i) -> absl::StatusOr<Image> { return frames[i]; }, fps);
}

absl::Status WriteMp4(const std::string& path, const std::vector<Image>& frames,
                      double fps) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, EncodeMp4(frames, fps));
  return WriteFileAtomically(path, bytes);
}

}  // namespace dg4d
