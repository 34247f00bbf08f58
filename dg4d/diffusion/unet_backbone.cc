#include "dg4d/diffusion/unet_backbone.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace dg4d::diffusion {

void UNetLayout::Check(JsonConfig& json) const {
  const size_t levels = widths.size();
  if (down_attention.size() != levels || up_attention.size() != levels ||
      heads.size() != levels) {
    json.Complain(absl::StrCat("there are ", levels,
                               " block_out_channels: as many down_block_types, "
                               "up_block_types and heads are needed"));
    return;
  }
  for (size_t i = 0; i < levels; ++i) {
    if (widths[i] % groups != 0 || widths[i] % heads[i] != 0) {
      json.Complain(absl::StrCat("block_out_channels ", widths[i],
                                 " must be a multiple of ", groups,
                                 " groups and of ", heads[i], " heads"));
    }
  }
  if (layers > 16 || transformer_layers > 16) {
    json.Complain("more than 16 layers in a block");
  }
}

std::vector<bool> AttentionOf(const std::vector<std::string>& types,
                              const std::string& attending,
                              const std::string& plain, JsonConfig& json) {
  std::vector<bool> attention;
  for (const std::string& type : types) {
    if (type != attending && type != plain) {
      json.Complain(absl::StrCat("'", type, "' is not supported; there are ",
                                 attending, " and ", plain));
    }
    attention.push_back(type == attending);
  }
  return attention;
}

}  // namespace dg4d::diffusion
