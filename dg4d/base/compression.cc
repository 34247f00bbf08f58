#include "dg4d/base/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

constexpr int kGzipHeader = 16;  // added to the bits of the window
constexpr size_t kFirstGrowth = 1 << 16;

// zlib's best, and for zstd the middle: its highest levels take several times
// as long for some per cent.
constexpr int kGzipLevel = 9;
constexpr int kZstdLevel = 12;

size_t Portion(size_t bytes) {
  return std::min<size_t>(bytes, std::numeric_limits<uInt>::max());
}

Bytef* Input(absl::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

std::string Gzip(absl::string_view bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, MAX_WBITS + kGzipHeader,
                   /*memLevel=*/9, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string gzip(deflateBound(&stream, bytes.size()), '\0');
  size_t done = 0, written = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t in = Portion(bytes.size() - done);
    const size_t out = Portion(gzip.size() - written);
    stream.next_in = Input(bytes.substr(done));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(&gzip[written]);
    stream.avail_out = static_cast<uInt>(out);
    status =
        deflate(&stream, done + in == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    done += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib cannot deflate");
  gzip.resize(written);
  return gzip;
}

absl::StatusOr<std::string> GunzipUpTo(absl::string_view gzip, size_t most) {
  z_stream stream = {};
  if (inflateInit2(&stream, MAX_WBITS + kGzipHeader) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string bytes;
  size_t done = 0, written = 0;
  int status = Z_OK;
  while (status == Z_OK && written < most) {
    if (written == bytes.size()) {
      bytes.resize(std::min(most, std::max(kFirstGrowth, 2 * bytes.size())));
    }
    const size_t in = Portion(gzip.size() - done);
    const size_t out = Portion(bytes.size() - written);
    stream.next_in = Input(gzip.substr(done));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(&bytes[written]);
    stream.avail_out = static_cast<uInt>(out);
    status = inflate(&stream, Z_NO_FLUSH);
    done += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  inflateEnd(&stream);
  if (status == Z_BUF_ERROR) {
    return absl::InvalidArgumentError("its gzip data are cut off");
  }
  if (status != Z_OK && status != Z_STREAM_END) {
    return absl::InvalidArgumentError("its gzip data are damaged");
  }
  bytes.resize(written);
  return bytes;
}

std::string CompressZstd(absl::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(),
                                    bytes.size(), kZstdLevel);
  if (ZSTD_isError(size)) throw std::runtime_error(ZSTD_getErrorName(size));
  frame.resize(size);
  return frame;
}

absl::StatusOr<std::string> DecompressZstd(absl::string_view frame,
                                           size_t size) {
  const auto refuse = [](auto... why) {
    return absl::InvalidArgumentError(absl::StrCat("its zstd data ", why...));
  };
  const unsigned long long said =
      ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (said == ZSTD_CONTENTSIZE_ERROR) return refuse("are damaged");
  if (said != ZSTD_CONTENTSIZE_UNKNOWN && said != size) {
    return refuse("hold ", said, " bytes where ", size, " are due");
  }
  std::string bytes(size, '\0');
  const size_t held =
      ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(held)) {
    return refuse("are damaged: ", ZSTD_getErrorName(held));
  }
  if (held != size) {
    return refuse("hold ", held, " bytes where ", size, " are due");
  }
  return bytes;
}

}  // namespace dg4d
