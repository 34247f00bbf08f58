#include "dg4d/diffusion/load_network.h"

namespace dg4d::diffusion {

at::ScalarType TypeOf(const std::string& precision, const at::Device& device) {
  if (precision == "float16") return at::kHalf;
  if (precision == "bfloat16") return at::kBFloat16;
  if (precision == "float32") return at::kFloat;
  return device.is_cuda() ? at::kHalf : at::kFloat;
}

const WeightDialect& PublishedDialect() {
  static const auto& dialect = *new WeightDialect{
      .aliases =
          {
              // Attention of autoencoders, before diffusers 0.17.
              {"to_q", "query"},
              {"to_k", "key"},
              {"to_v", "value"},
              {"to_out.0", "proj_attn"},
              // The camera projection as the authors of Zero123-XL named it.
              {"proj", "projection"},
          },
      .ignored =
          {
              // A buffer that counts from 0 to 256.
              "vision_model.embeddings.position_ids",
              // The other half of a whole CLIP model.
              "text_model.",
              "text_projection.",
              "logit_scale",
          },
  };
  return dialect;
}

}  // namespace dg4d::diffusion
