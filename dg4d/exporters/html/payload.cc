#include "dg4d/exporters/html/payload.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "c10/util/Exception.h"

namespace dg4d::html {

Quantizer Quantizer::Between(double low, double high, double least_step) {
  constexpr double kLargest = 65535;
  return {low, std::max({(high - low) / kLargest, least_step, 1e-30})};
}

uint32_t Quantizer::Number(double value) const {
  return static_cast<uint32_t>(
      std::clamp(std::round((value - low) / step), 0.0, 65535.0));
}

int Payload::Add(const std::vector<uint32_t>& values, int64_t rows,
                 int components, int bytes) {
  const int64_t row_size = rows > 0 ? values.size() / rows : 0;
  const int64_t count = row_size / components;
  TORCH_CHECK(rows * count * components == static_cast<int64_t>(values.size()),
              "an array of ", values.size(), " is not [", rows, ", n, ",
              components, "]");
  directory_.push_back({{"offset", bytes_.size()},
                        {"rows", rows},
                        {"count", count},
                        {"components", components},
                        {"bytes", bytes}});
  const int unused_bits = 32 - 8 * bytes;
  std::vector<uint32_t> residuals(values.size());
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    const int64_t before = i >= row_size ? i - row_size : i - components;
    const uint32_t difference = values[i] - (before < 0 ? 0 : values[before]);
    const int32_t small =
        static_cast<int32_t>(difference << unused_bits) >> unused_bits;
    residuals[i] =
        static_cast<uint32_t>(small) << 1 ^ static_cast<uint32_t>(small >> 31);
  }
  for (int component = 0; component < components; ++component) {
    for (int byte = 0; byte < bytes; ++byte) {
      for (size_t i = component; i < residuals.size(); i += components) {
        bytes_.push_back(static_cast<char>(residuals[i] >> (8 * byte)));
      }
    }
  }
  return static_cast<int>(directory_.size()) - 1;
}

std::string Payload::Deflate() const {
  uLongf size = compressBound(bytes_.size());
  std::string deflated(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(deflated.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes_.data()),
                               bytes_.size(), Z_BEST_COMPRESSION);
  TORCH_CHECK(status == Z_OK, "zlib: error ", status);
  deflated.resize(size);
  return deflated;
}

std::string Base64(absl::string_view bytes) {
  return absl::Base64Escape(bytes);
}

}  // namespace dg4d::html
