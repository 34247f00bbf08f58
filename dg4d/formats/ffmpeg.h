#ifndef DG4D_FORMATS_FFMPEG_H_
#define DG4D_FORMATS_FFMPEG_H_

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

// What reading and writing films share: for this folder alone.
namespace dg4d::ffmpeg {

// Frees what FFmpeg allocates.
struct FreeAv {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
template <typename T>
using AvPointer = std::unique_ptr<T, FreeAv>;

// Libraries do not print; what matters is in the Status.
inline void SilenceFfmpeg() {
  static const bool silent = [] {
    av_log_set_level(AV_LOG_QUIET);
    return true;
  }();
  (void)silent;
}

inline std::string AvError(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof(text));
  return text;
}

}  // namespace dg4d::ffmpeg

#endif  // DG4D_FORMATS_FFMPEG_H_
