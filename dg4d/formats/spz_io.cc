#include "dg4d/formats/spz_io.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/compression.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

constexpr uint32_t kMagic = 0x5053474e;  // "NGSP"
constexpr size_t kHeaderSize = 16;       // before version 4
constexpr size_t kHeaderSize4 = 32;
constexpr size_t kStreamEntrySize = 16;  // of version 4's table of contents
constexpr int kMaxShDegree = 3;
constexpr int kMaxFractionalBits = 23;
constexpr int64_t kPlaceRange = 1 << 23;

// Flags of the header.
constexpr uint8_t kHasExtensions = 0x02;
constexpr uint8_t kHasLevelsOfDetail = 0x80;

// What a file may grow to, so that a small one cannot fill the memory.
constexpr uint64_t kAlwaysAllowed = 64 << 20;
constexpr uint64_t kMostGrowth = 256;

constexpr double kColorScale = 0.15;
constexpr double kSqrtHalf = 0.70710678118654752;
constexpr int kMagnitude = 511;  // of a quaternion's component: 9 bits

// The planes of a file in their order.
enum Plane { kPlaces, kAlphas, kColors, kScales, kRotations, kSh, kPlanes };

template <typename T>
using PerPlane = std::array<T, kPlanes>;

struct Header {
  uint32_t version = 0;
  uint32_t count = 0;
  int sh_degree = 0;
  int fractional_bits = 0;
  uint8_t flags = 0;
  int streams = 0;  // version 4

  int coefficients() const { return (sh_degree + 1) * (sh_degree + 1); }
};

// Bytes of each plane.
PerPlane<uint64_t> PlaneSizes(const Header& header) {
  const uint64_t count = header.count;
  return {9 * count,
          count,
          3 * count,
          3 * count,
          (header.version == 2 ? 3 : 4) * count,
          3 * (header.coefficients() - 1) * count};
}

uint64_t Sum(const PerPlane<uint64_t>& sizes) {
  uint64_t sum = 0;
  for (const uint64_t size : sizes) sum += size;
  return sum;
}

void AppendNumber(uint64_t value, int bytes, std::string& to) {
  for (int i = 0; i < bytes; ++i) {
    to.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
}

uint64_t NumberAt(absl::string_view bytes, size_t offset, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  }
  return value;
}

uint8_t ToByte(double value) {
  return static_cast<uint8_t>(std::clamp(std::round(value), 0.0, 255.0));
}

uint8_t PackAlpha(float logit) {
  return ToByte(255 / (1 + std::exp(-double{logit})));
}

float UnpackAlpha(uint8_t byte) {
  // The ends stand for half a step; their middle is a quarter step inside.
  const double opacity = std::clamp<double>(byte, 0.25, 254.75) / 255;
  return static_cast<float>(std::log(opacity / (1 - opacity)));
}

uint8_t PackColor(float coefficient) {
  return ToByte((kColorScale * coefficient + 0.5) * 255);
}

float UnpackColor(uint8_t byte) {
  return static_cast<float>((byte / 255.0 - 0.5) / kColorScale);
}

uint8_t PackScale(float log_scale) { return ToByte((log_scale + 10.0) * 16); }

float UnpackScale(uint8_t byte) { return byte / 16.0f - 10; }

// `step`: how many of the 256 values share one.
uint8_t PackSh(float coefficient, int step) {
  const double value = std::clamp<double>(coefficient, -2, 2) * 128 + 128;
  return ToByte(std::floor((std::round(value) + step / 2) / step) * step);
}

float UnpackSh(uint8_t byte) { return (byte - 128) / 128.0f; }

int ShStep(int coefficient) { return coefficient < 4 ? 8 : 16; }

// w x y z of any length to the three smallest of x y z w.
uint32_t PackRotation(const float* quaternion) {
  std::array<double, 4> q = {quaternion[1], quaternion[2], quaternion[3],
                             quaternion[0]};
  double length = 0;
  for (const double component : q) length += component * component;
  length = std::sqrt(length);
  if (!(length > 0)) q = {0, 0, 0, length = 1};
  const size_t largest = std::max_element(q.begin(), q.end(),
                                          [](double a, double b) {
                                            return std::abs(a) < std::abs(b);
                                          }) -
                         q.begin();
  uint32_t packed = static_cast<uint32_t>(largest);
  for (size_t i = 0; i < q.size(); ++i) {
    if (i == largest) continue;
    const double share = std::abs(q[i]) / (length * kSqrtHalf);
    const uint32_t magnitude =
        std::min<uint32_t>(kMagnitude, std::lround(share * kMagnitude));
    const bool negative = magnitude > 0 && (q[i] < 0) != (q[largest] < 0);
    packed = packed << 10 | uint32_t{negative} << 9 | magnitude;
  }
  return packed;
}

void UnpackRotation(uint32_t packed, float* quaternion) {
  std::array<double, 4> q;
  const size_t largest = packed >> 30;
  double rest = 1;
  for (size_t i = q.size(); i-- > 0;) {
    if (i == largest) continue;
    const double share = (packed & kMagnitude) * kSqrtHalf / kMagnitude;
    q[i] = packed >> 9 & 1 ? -share : share;
    rest -= share * share;
    packed >>= 10;
  }
  q[largest] = std::sqrt(std::max(0.0, rest));
  for (int i = 0; i < 4; ++i) {
    quaternion[i] = static_cast<float>(q[(i + 3) % 4]);
  }
}

// Version 2: x y z of a quaternion whose w is not negative.
void UnpackRotation2(const uint8_t* bytes, float* quaternion) {
  double rest = 1;
  for (int i = 0; i < 3; ++i) {
    const double component = bytes[i] / 127.5 - 1;
    quaternion[i + 1] = static_cast<float>(component);
    rest -= component * component;
  }
  quaternion[0] = static_cast<float>(std::sqrt(std::max(0.0, rest)));
}

absl::StatusOr<std::string> PackPlaces(const Gaussians& gaussians,
                                       int fractional_bits) {
  const float* means = gaussians.means.data_ptr<float>();
  const double one = std::ldexp(1.0, fractional_bits);
  std::string bytes;
  bytes.reserve(9 * gaussians.size());
  for (int64_t i = 0; i < 3 * gaussians.size(); ++i) {
    const double number = std::round(means[i] * one);
    if (std::abs(number) >= kPlaceRange) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Gaussian ", i / 3, " lies at ", means[i], ", and SPZ with ",
          fractional_bits, " fractional bits reaches to ", kPlaceRange / one,
          "; take fewer, or the exporters ply or gltf_splats"));
    }
    AppendNumber(static_cast<uint64_t>(static_cast<int64_t>(number)), 3, bytes);
  }
  return bytes;
}

// One byte for each number of `tensor`.
template <typename Pack>
std::string PackBytes(const at::Tensor& tensor, Pack pack) {
  const float* numbers = tensor.data_ptr<float>();
  std::string bytes(tensor.numel(), '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(pack(numbers[i]));
  }
  return bytes;
}

absl::StatusOr<PerPlane<std::string>> PackPlanes(const Gaussians& gaussians,
                                                 int fractional_bits) {
  PerPlane<std::string> planes;
  DG4D_ASSIGN_OR_RETURN(planes[kPlaces],
                        PackPlaces(gaussians, fractional_bits));
  planes[kAlphas] = PackBytes(gaussians.opacity_logits, PackAlpha);
  planes[kScales] = PackBytes(gaussians.log_scales, PackScale);
  const int64_t coefficients = gaussians.sh.size(1);
  const float* sh = gaussians.sh.data_ptr<float>();
  const float* quaternions = gaussians.quaternions.data_ptr<float>();
  for (int64_t i = 0; i < gaussians.size(); ++i, sh += 3 * coefficients) {
    AppendNumber(PackRotation(quaternions + 4 * i), 4, planes[kRotations]);
    for (int c = 0; c < 3; ++c) {
      planes[kColors].push_back(static_cast<char>(PackColor(sh[c])));
    }
    for (int64_t j = 3; j < 3 * coefficients; ++j) {
      planes[kSh].push_back(
          static_cast<char>(PackSh(sh[j], ShStep(static_cast<int>(j / 3)))));
    }
  }
  return planes;
}

Gaussians Unpack(const Header& header,
                 const PerPlane<absl::string_view>& planes) {
  const int coefficients = header.coefficients();
  Gaussians gaussians = UninitializedGaussians(header.count, coefficients);
  PerPlane<const uint8_t*> at;
  for (int p = 0; p < kPlanes; ++p) {
    at[p] = reinterpret_cast<const uint8_t*>(planes[p].data());
  }
  float* means = gaussians.means.data_ptr<float>();
  float* quaternion = gaussians.quaternions.data_ptr<float>();
  float* log_scales = gaussians.log_scales.data_ptr<float>();
  float* logits = gaussians.opacity_logits.data_ptr<float>();
  float* sh = gaussians.sh.data_ptr<float>();
  const int fractional_bits = header.fractional_bits;
  for (uint32_t i = 0; i < header.count; ++i, quaternion += 4) {
    for (int c = 0; c < 3; ++c) {
      const uint64_t number =
          NumberAt(planes[kPlaces], 9 * size_t{i} + 3 * c, 3);
      const auto place = static_cast<int32_t>(number << 8) >> 8;
      *means++ = std::ldexp(static_cast<float>(place), -fractional_bits);
      *log_scales++ = UnpackScale(*at[kScales]++);
      *sh++ = UnpackColor(*at[kColors]++);
    }
    *logits++ = UnpackAlpha(*at[kAlphas]++);
    for (int j = 3; j < 3 * coefficients; ++j) *sh++ = UnpackSh(*at[kSh]++);
    if (header.version == 2) {
      UnpackRotation2(at[kRotations] + 3 * size_t{i}, quaternion);
    } else {
      UnpackRotation(
          static_cast<uint32_t>(NumberAt(planes[kRotations], 4 * size_t{i}, 4)),
          quaternion);
    }
  }
  return gaussians;
}

std::string EncodeHeader(const Header& header) {
  std::string bytes;
  AppendNumber(kMagic, 4, bytes);
  AppendNumber(header.version, 4, bytes);
  AppendNumber(header.count, 4, bytes);
  AppendNumber(header.sh_degree, 1, bytes);
  AppendNumber(header.fractional_bits, 1, bytes);
  AppendNumber(header.flags, 1, bytes);
  AppendNumber(header.streams, 1, bytes);
  if (header.version < 4) return bytes;
  AppendNumber(kHeaderSize4, 4, bytes);  // where the table of contents begins
  AppendNumber(0, 8, bytes);
  AppendNumber(0, 4, bytes);
  return bytes;
}

std::string EncodeGzip(const Header& header,
                       const PerPlane<std::string>& planes) {
  std::string bytes = EncodeHeader(header);
  for (const std::string& plane : planes) bytes += plane;
  return Gzip(bytes);
}

std::string EncodeStreams(Header header, const PerPlane<std::string>& planes) {
  std::string table, streams;
  for (const std::string& plane : planes) {
    if (plane.empty()) continue;
    const std::string stream = CompressZstd(plane);
    AppendNumber(stream.size(), 8, table);
    AppendNumber(plane.size(), 8, table);
    streams += stream;
    ++header.streams;
  }
  return EncodeHeader(header) + table + streams;
}

// `bytes` begins with a header.
absl::StatusOr<Header> DecodeHeader(absl::string_view bytes) {
  if (bytes.size() < kHeaderSize || NumberAt(bytes, 0, 4) != kMagic) {
    return absl::InvalidArgumentError("it is no SPZ file");
  }
  Header header;
  header.version = static_cast<uint32_t>(NumberAt(bytes, 4, 4));
  header.count = static_cast<uint32_t>(NumberAt(bytes, 8, 4));
  header.sh_degree = static_cast<int>(NumberAt(bytes, 12, 1));
  header.fractional_bits = static_cast<int>(NumberAt(bytes, 13, 1));
  header.flags = static_cast<uint8_t>(NumberAt(bytes, 14, 1));
  header.streams = static_cast<int>(NumberAt(bytes, 15, 1));
  if (header.version < 2 || header.version > 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is SPZ of version ", header.version,
                     "; versions 2 to 4 can be read"));
  }
  if (header.count == 0) {
    return absl::InvalidArgumentError("it holds no Gaussians");
  }
  if (header.sh_degree > kMaxShDegree) {
    return absl::InvalidArgumentError(
        absl::StrCat("it has spherical harmonics of degree ", header.sh_degree,
                     ", and at most ", kMaxShDegree, " can be read"));
  }
  if (header.fractional_bits > kMaxFractionalBits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its positions have ", header.fractional_bits, " fractional bits"));
  }
  return header;
}

absl::Status CheckGrowth(uint64_t size, size_t file_size) {
  if (size <= kAlwaysAllowed || size / kMostGrowth <= file_size) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("its header asks for ", size, " bytes, and the file has ",
                   file_size, ": it is cut off or a decompression bomb"));
}

// Versions 2 and 3.
absl::StatusOr<Gaussians> DecodeGzip(absl::string_view bytes) {
  DG4D_ASSIGN_OR_RETURN(const std::string start,
                        GunzipUpTo(bytes, kHeaderSize));
  DG4D_ASSIGN_OR_RETURN(const Header header, DecodeHeader(start));
  if (header.version > 3) {
    return absl::InvalidArgumentError(
        "it is SPZ of version 4 within gzip, which that version does not use");
  }
  const PerPlane<uint64_t> sizes = PlaneSizes(header);
  const uint64_t size = kHeaderSize + Sum(sizes);
  DG4D_RETURN_IF_ERROR(CheckGrowth(size, bytes.size()));
  // One byte more than is due, so that gzip gets to its end and its checksum.
  DG4D_ASSIGN_OR_RETURN(const std::string raw, GunzipUpTo(bytes, size + 1));
  if (raw.size() < size) {
    return absl::InvalidArgumentError(
        "it is cut off: it holds less than its header says");
  }
  if (raw.size() > size &&
      !(header.flags & (kHasExtensions | kHasLevelsOfDetail))) {
    return absl::InvalidArgumentError("it holds more than its header says");
  }
  PerPlane<absl::string_view> planes;
  absl::string_view rest = absl::string_view(raw).substr(kHeaderSize);
  for (int p = 0; p < kPlanes; ++p) {
    planes[p] = rest.substr(0, sizes[p]);
    rest.remove_prefix(sizes[p]);
  }
  return Unpack(header, planes);
}

// Version 4.
absl::StatusOr<Gaussians> DecodeStreams(absl::string_view bytes) {
  DG4D_ASSIGN_OR_RETURN(const Header header, DecodeHeader(bytes));
  const absl::Status cut_off =
      absl::InvalidArgumentError("it is cut off: a stream lies beyond its end");
  if (header.version != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it is SPZ of version ", header.version, " without its gzip"));
  }
  if (bytes.size() < kHeaderSize4) return cut_off;
  const PerPlane<uint64_t> sizes = PlaneSizes(header);
  DG4D_RETURN_IF_ERROR(CheckGrowth(Sum(sizes), bytes.size()));
  const uint64_t table = NumberAt(bytes, kHeaderSize, 4);
  const uint64_t table_end = table + header.streams * kStreamEntrySize;
  if (table < kHeaderSize4 || table_end > bytes.size()) return cut_off;
  const int wanted = header.sh_degree > 0 ? kPlanes : kPlanes - 1;
  if (header.streams < wanted) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it has ", header.streams, " streams where ", wanted, " are due"));
  }
  PerPlane<std::string> planes;
  absl::string_view rest = bytes.substr(table_end);
  for (int p = 0; p < wanted; ++p) {
    const size_t entry = table + p * kStreamEntrySize;
    const uint64_t compressed = NumberAt(bytes, entry, 8);
    if (compressed > rest.size()) return cut_off;
    DG4D_ASSIGN_OR_RETURN(planes[p],
                          DecompressZstd(rest.substr(0, compressed), sizes[p]));
    rest.remove_prefix(compressed);
  }
  return Unpack(header, {planes[0], planes[1], planes[2], planes[3], planes[4],
                         planes[5]});
}

}  // namespace

absl::StatusOr<std::string> EncodeGaussiansSpz(const Gaussians& gaussians,
                                               const SpzOptions& options) {
  if (options.version != 3 && options.version != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "SPZ is written in version 3 or 4, not ", options.version));
  }
  if (options.fractional_bits < 0 ||
      options.fractional_bits > kMaxFractionalBits) {
    return absl::InvalidArgumentError(
        absl::StrCat("positions of SPZ have 0 to ", kMaxFractionalBits,
                     " fractional bits, not ", options.fractional_bits));
  }
  DG4D_RETURN_IF_ERROR(CheckGaussians(gaussians));
  if (gaussians.empty() || gaussians.size() > UINT32_MAX) {
    return absl::InvalidArgumentError("SPZ holds 1 to 2^32 - 1 Gaussians");
  }
  DG4D_ASSIGN_OR_RETURN(const PerPlane<std::string> planes,
                        PackPlanes(OnHost(gaussians), options.fractional_bits));
  const Header header = {.version = static_cast<uint32_t>(options.version),
                         .count = static_cast<uint32_t>(gaussians.size()),
                         .sh_degree = gaussians.sh_degree(),
                         .fractional_bits = options.fractional_bits};
  return options.version == 3 ? EncodeGzip(header, planes)
                              : EncodeStreams(header, planes);
}

absl::StatusOr<Gaussians> ReadGaussiansSpz(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return DecodeGaussiansSpz(bytes, path);
}

absl::StatusOr<Gaussians> DecodeGaussiansSpz(absl::string_view bytes,
                                             const std::string& name) {
  const bool gzip = bytes.substr(0, 2) == "\x1f\x8b";
  absl::StatusOr<Gaussians> gaussians =
      gzip ? DecodeGzip(bytes) : DecodeStreams(bytes);
  if (gaussians.ok()) return gaussians;
  return absl::Status(
      gaussians.status().code(),
      absl::StrCat(name, " cannot be read: ", gaussians.status().message()));
}

}  // namespace dg4d
