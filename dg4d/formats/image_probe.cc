#include "dg4d/formats/image_probe.h"

#include <algorithm>
#include <cstdlib>

namespace dg4d {
namespace {

// Reads numbers at offsets; 0 beyond the end, so that no length field of a
// damaged file leads outside.
class Bytes {
 public:
  enum class Order { kBig, kLittle };

  Bytes(absl::string_view data, Order order) : data_(data), order_(order) {}

  uint64_t Number(size_t offset, int size) const {
    if (offset > data_.size() || data_.size() - offset < size_t(size)) return 0;
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      const int at = order_ == Order::kBig ? i : size - 1 - i;
      value = value << 8 | static_cast<uint8_t>(data_[offset + at]);
    }
    return value;
  }
  uint32_t U16(size_t offset) const { return Number(offset, 2); }
  uint32_t U32(size_t offset) const { return Number(offset, 4); }
  size_t size() const { return data_.size(); }

 private:
  absl::string_view data_;
  Order order_;
};

bool StartsWith(absl::string_view text, absl::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// The first image directory of a TIFF: the container of EXIF data, too.
struct TiffTags {
  int64_t width = 0, height = 0;
  int orientation = 1;
};

TiffTags ReadTiffTags(absl::string_view tiff) {
  TiffTags tags;
  Bytes::Order order;
  if (StartsWith(tiff, absl::string_view("II*\0", 4))) {
    order = Bytes::Order::kLittle;
  } else if (StartsWith(tiff, absl::string_view("MM\0*", 4))) {
    order = Bytes::Order::kBig;
  } else {
    return tags;
  }
  const Bytes bytes(tiff, order);
  const size_t directory = bytes.U32(4);
  const int entries = bytes.U16(directory);
  for (int i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * static_cast<size_t>(i);
    if (entry + 12 > tiff.size()) break;
    const bool is_short = bytes.U16(entry + 2) == 3;
    const uint32_t value =
        is_short ? bytes.U16(entry + 8) : bytes.U32(entry + 8);
    switch (bytes.U16(entry)) {
      case 0x0100:
        tags.width = value;
        break;
      case 0x0101:
        tags.height = value;
        break;
      case 0x0112:
        if (value >= 1 && value <= 8) tags.orientation = value;
        break;
    }
  }
  return tags;
}

int ExifOrientation(absl::string_view exif) {
  if (StartsWith(exif, absl::string_view("Exif\0\0", 6))) exif.remove_prefix(6);
  return ReadTiffTags(exif).orientation;
}

// Chunks of length, type, data, checksum up to IEND.
void ProbePng(absl::string_view data, ImageProbe& probe) {
  const Bytes bytes(data, Bytes::Order::kBig);
  probe.width = bytes.U32(16);
  probe.height = bytes.U32(20);
  probe.complete = false;
  for (size_t at = 8; at + 12 <= data.size();) {
    const size_t length = bytes.U32(at);
    const absl::string_view type = data.substr(at + 4, 4);
    if (length > data.size() - at - 12) return;
    if (type == "eXIf") {
      probe.orientation = ExifOrientation(data.substr(at + 8, length));
    }
    if (type == "IEND") {
      probe.complete = true;
      return;
    }
    at += 12 + length;
  }
}

// Segments up to the end-of-image marker. What a camera appends after it (a
// film, a second picture) is none of our business.
void ProbeJpeg(absl::string_view data, ImageProbe& probe) {
  const Bytes bytes(data, Bytes::Order::kBig);
  probe.complete = false;
  size_t at = 2;
  while (at + 2 <= data.size()) {
    if (bytes.Number(at, 1) != 0xFF) {
      ++at;  // compressed data, or padding
      continue;
    }
    const int marker = bytes.Number(at + 1, 1);
    const bool has_no_length =
        marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8);
    if (marker == 0xD9) {
      probe.complete = true;
      return;
    }
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (has_no_length) {
      at += 2;
      continue;
    }
    const size_t length = bytes.U16(at + 2);
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 &&
                          marker != 0xC8 && marker != 0xCC;
    if (is_frame) {
      probe.height = bytes.U16(at + 5);
      probe.width = bytes.U16(at + 7);
    }
    if (marker == 0xE1 && length >= 8) {
      const absl::string_view segment =
          data.substr(std::min(at + 4, data.size()), length - 2);
      if (StartsWith(segment, "Exif")) {
        probe.orientation = ExifOrientation(segment);
      }
    }
    at += 2 + std::max<size_t>(length, 2);
  }
}

void ProbeWebp(absl::string_view data, ImageProbe& probe) {
  const Bytes bytes(data, Bytes::Order::kLittle);
  const size_t end = 8 + static_cast<size_t>(bytes.U32(4));
  probe.complete = end <= data.size();
  for (size_t at = 12; at + 8 <= std::min(end, data.size());) {
    const absl::string_view type = data.substr(at, 4);
    const size_t length = bytes.U32(at + 4);
    const size_t body = at + 8;
    if (type == "VP8X") {
      probe.width = bytes.Number(body + 4, 3) + 1;
      probe.height = bytes.Number(body + 7, 3) + 1;
    } else if (type == "VP8 " && probe.width == 0) {
      probe.width = bytes.U16(body + 6) & 0x3FFF;
      probe.height = bytes.U16(body + 8) & 0x3FFF;
    } else if (type == "VP8L" && probe.width == 0) {
      const uint32_t packed = bytes.U32(body + 1);
      probe.width = (packed & 0x3FFF) + 1;
      probe.height = (packed >> 14 & 0x3FFF) + 1;
    } else if (type == "EXIF" && body < data.size()) {
      probe.orientation = ExifOrientation(data.substr(body, length));
    }
    at = body + length + length % 2;
  }
}

void ProbeBmp(absl::string_view data, ImageProbe& probe) {
  const Bytes bytes(data, Bytes::Order::kLittle);
  probe.width = static_cast<int32_t>(bytes.U32(18));
  probe.height = std::abs(static_cast<int64_t>(int32_t(bytes.U32(22))));
  // Compressed BMPs have a size of their own in the header.
  const uint64_t bits = bytes.U16(28);
  const uint64_t row = (bits * probe.width + 31) / 32 * 4;
  if (bytes.U32(30) == 0 || bytes.U32(30) == 3) {
    probe.complete = bytes.U32(10) + row * probe.height <= data.size();
  }
}

}  // namespace

ImageProbe ProbeImage(absl::string_view bytes) {
  ImageProbe probe;
  if (StartsWith(bytes, "\x89PNG\r\n\x1a\n")) {
    probe.format = "PNG";
    ProbePng(bytes, probe);
  } else if (StartsWith(bytes, "\xFF\xD8\xFF")) {
    probe.format = "JPEG";
    ProbeJpeg(bytes, probe);
  } else if (StartsWith(bytes, "RIFF") && bytes.size() > 12 &&
             bytes.substr(8, 4) == "WEBP") {
    probe.format = "WebP";
    ProbeWebp(bytes, probe);
  } else if (StartsWith(bytes, absl::string_view("II*\0", 4)) ||
             StartsWith(bytes, absl::string_view("MM\0*", 4))) {
    probe.format = "TIFF";
    const TiffTags tags = ReadTiffTags(bytes);
    probe.width = tags.width;
    probe.height = tags.height;
    probe.orientation = tags.orientation;
  } else if (StartsWith(bytes, "BM") && bytes.size() > 54) {
    probe.format = "BMP";
    ProbeBmp(bytes, probe);
  } else if (StartsWith(bytes, "GIF8")) {
    probe.format = "GIF";
  } else if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' &&
             bytes[1] <= '7' &&
             absl::string_view(" \t\r\n#").find(bytes[2]) !=
                 absl::string_view::npos) {
    probe.format = "PNM";
  } else if (StartsWith(bytes, "#?RADIANCE") || StartsWith(bytes, "#?RGBE")) {
    probe.format = "HDR";
  } else if (StartsWith(bytes, "\x76\x2f\x31\x01")) {
    probe.format = "EXR";
  } else if (StartsWith(bytes, "8BPS")) {
    probe.format = "PSD";
  } else if (bytes.substr(std::min<size_t>(4, bytes.size()), 4) == "ftyp") {
    probe.format = "HEIF";
  } else if (StartsWith(bytes, "%PDF")) {
    probe.format = "PDF";
  }
  return probe;
}

}  // namespace dg4d
