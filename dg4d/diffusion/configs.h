#ifndef DG4D_DIFFUSION_CONFIGS_H_
#define DG4D_DIFFUSION_CONFIGS_H_

namespace dg4d::diffusion {

// config.json files of published networks, and of tiny ones with the same
// tensors' names, for tests and measurements. Widths and heads of the tiny ones
// differ by level, so that swapped indices show.

inline constexpr char kZero123UNet[] = R"({
  "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.17.0",
  "act_fn": "silu", "addition_embed_type": null, "attention_head_dim": 8,
  "block_out_channels": [320, 640, 1280, 1280],
  "center_input_sample": false, "class_embed_type": null,
  "conv_in_kernel": 3, "conv_out_kernel": 3, "cross_attention_dim": 768,
  "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                       "CrossAttnDownBlock2D", "DownBlock2D"],
  "downsample_padding": 1, "dual_cross_attention": false,
  "encoder_hid_dim": null, "flip_sin_to_cos": true, "freq_shift": 0,
  "in_channels": 8, "layers_per_block": 2, "mid_block_scale_factor": 1,
  "mid_block_type": "UNetMidBlock2DCrossAttn", "norm_eps": 1e-05,
  "norm_num_groups": 32, "num_class_embeds": null,
  "only_cross_attention": false, "out_channels": 4,
  "resnet_out_scale_factor": 1.0, "resnet_skip_time_act": false,
  "resnet_time_scale_shift": "default", "sample_size": 32,
  "time_cond_proj_dim": null, "time_embedding_act_fn": null,
  "time_embedding_dim": null, "time_embedding_type": "positional",
  "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                     "CrossAttnUpBlock2D"],
  "upcast_attention": null, "use_linear_projection": false})";

inline constexpr char kTinyZero123UNet[] = R"({
  "_class_name": "UNet2DConditionModel",
  "in_channels": 8, "block_out_channels": [32, 64, 96, 96],
  "attention_head_dim": 4, "cross_attention_dim": 32})";

inline constexpr char kSd21UNet[] = R"({
  "attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024,
  "use_linear_projection": true})";

inline constexpr char kTinySd21UNet[] = R"({
  "block_out_channels": [32, 64, 96, 96], "attention_head_dim": [1, 2, 3, 3],
  "cross_attention_dim": 48, "use_linear_projection": true})";

inline constexpr char kVae[] = R"({
  "_class_name": "AutoencoderKL", "act_fn": "silu",
  "block_out_channels": [128, 256, 512, 512],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D",
                       "DownEncoderBlock2D", "DownEncoderBlock2D"],
  "in_channels": 3, "latent_channels": 4, "layers_per_block": 2,
  "norm_num_groups": 32, "out_channels": 3, "sample_size": 256,
  "scaling_factor": 0.18215,
  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D",
                     "UpDecoderBlock2D", "UpDecoderBlock2D"]})";

inline constexpr char kTinyVae[] = R"({
  "_class_name": "AutoencoderKL",
  "block_out_channels": [32, 64, 64, 96],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D",
                       "DownEncoderBlock2D", "DownEncoderBlock2D"],
  "layers_per_block": 2,
  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D",
                     "UpDecoderBlock2D", "UpDecoderBlock2D"]})";

// As in a file of a whole CLIP model: OpenAI's ViT-L/14.
inline constexpr char kClipL[] = R"({
  "_name_or_path": "openai/clip-vit-large-patch14", "model_type": "clip",
  "architectures": ["CLIPVisionModelWithProjection"], "projection_dim": 768,
  "logit_scale_init_value": 2.6592,
  "text_config": {"hidden_size": 768, "num_hidden_layers": 12},
  "vision_config": {"hidden_size": 1024, "intermediate_size": 4096,
                    "num_hidden_layers": 24, "num_attention_heads": 16,
                    "patch_size": 14, "image_size": 224,
                    "projection_dim": 768, "hidden_act": "quick_gelu"}})";

// LAION's ViT-H/14, alone.
inline constexpr char kClipH[] = R"({
  "architectures": ["CLIPVisionModelWithProjection"],
  "attention_dropout": 0.0, "dropout": 0.0, "hidden_act": "gelu",
  "hidden_size": 1280, "image_size": 224, "initializer_factor": 1.0,
  "initializer_range": 0.02, "intermediate_size": 5120,
  "layer_norm_eps": 1e-05, "model_type": "clip_vision_model",
  "num_attention_heads": 16, "num_channels": 3, "num_hidden_layers": 32,
  "patch_size": 14, "projection_dim": 1024, "torch_dtype": "float16"})";

inline constexpr char kTinyClip[] = R"({
  "architectures": ["CLIPVisionModelWithProjection"],
  "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
  "num_attention_heads": 4, "patch_size": 14, "image_size": 56,
  "projection_dim": 16, "hidden_act": "quick_gelu"})";

inline constexpr char kCameraProjection[] = R"({
  "_class_name": "CLIPCameraProjection", "additional_embeddings": 4,
  "embedding_dim": 768})";

// Fits the tiny CLIP and UNet of Zero123.
inline constexpr char kTinyCameraProjection[] = R"({
  "_class_name": "CLIPCameraProjection", "additional_embeddings": 4,
  "embedding_dim": 32})";

// Tiny CLIPs with the widths of the tiny networks' contexts.
inline constexpr char kTinyZero123Clip[] = R"({
  "architectures": ["CLIPVisionModelWithProjection"],
  "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
  "num_attention_heads": 4, "patch_size": 14, "image_size": 56,
  "projection_dim": 32, "hidden_act": "quick_gelu"})";

inline constexpr char kTinyVideoClip[] = R"({
  "architectures": ["CLIPVisionModelWithProjection"],
  "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
  "num_attention_heads": 4, "patch_size": 14, "image_size": 56,
  "projection_dim": 48, "hidden_act": "gelu"})";

inline constexpr char kVideoUNet[] = R"({
  "_class_name": "UNetSpatioTemporalConditionModel",
  "addition_time_embed_dim": 256,
  "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 1024,
  "down_block_types": ["CrossAttnDownBlockSpatioTemporal",
                       "CrossAttnDownBlockSpatioTemporal",
                       "CrossAttnDownBlockSpatioTemporal",
                       "DownBlockSpatioTemporal"],
  "in_channels": 8, "layers_per_block": 2,
  "num_attention_heads": [5, 10, 20, 20], "num_frames": 14,
  "out_channels": 4, "projection_class_embeddings_input_dim": 768,
  "sample_size": 96, "transformer_layers_per_block": 1,
  "up_block_types": ["UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal",
                     "CrossAttnUpBlockSpatioTemporal",
                     "CrossAttnUpBlockSpatioTemporal"]})";

inline constexpr char kTinyVideoUNet[] = R"({
  "_class_name": "UNetSpatioTemporalConditionModel",
  "block_out_channels": [32, 64, 96, 96], "num_attention_heads": [1, 2, 3, 3],
  "cross_attention_dim": 48, "addition_time_embed_dim": 32,
  "projection_class_embeddings_input_dim": 96, "num_frames": 3})";

inline constexpr char kVideoVae[] = R"({
  "_class_name": "AutoencoderKLTemporalDecoder",
  "block_out_channels": [128, 256, 512, 512],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D",
                       "DownEncoderBlock2D", "DownEncoderBlock2D"],
  "force_upcast": true, "in_channels": 3, "latent_channels": 4,
  "layers_per_block": 2, "out_channels": 3, "sample_size": 768,
  "scaling_factor": 0.18215})";

inline constexpr char kTinyVideoVae[] = R"({
  "_class_name": "AutoencoderKLTemporalDecoder",
  "block_out_channels": [32, 64, 64, 96],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D",
                       "DownEncoderBlock2D", "DownEncoderBlock2D"],
  "layers_per_block": 2})";

inline constexpr char kDdimScheduler[] = R"({
  "_class_name": "DDIMScheduler", "_diffusers_version": "0.24.0",
  "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
  "beta_schedule": "scaled_linear", "prediction_type": "epsilon",
  "set_alpha_to_one": false, "steps_offset": 1, "clip_sample": false,
  "trained_betas": null})";

inline constexpr char kEulerScheduler[] = R"({
  "_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085,
  "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": false,
  "interpolation_type": "linear", "num_train_timesteps": 1000,
  "prediction_type": "v_prediction", "set_alpha_to_one": false,
  "sigma_max": 700.0, "sigma_min": 0.002, "skip_prk_steps": true,
  "steps_offset": 1, "timestep_spacing": "leading",
  "timestep_type": "continuous", "trained_betas": null,
  "use_karras_sigmas": true})";

inline constexpr char kPreprocessor[] = R"({
  "crop_size": {"height": 224, "width": 224}, "do_center_crop": true,
  "do_convert_rgb": true, "do_normalize": true, "do_rescale": true,
  "do_resize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073],
  "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3,
  "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 224}})";

inline constexpr char kTinyPreprocessor[] = R"({
  "crop_size": {"height": 56, "width": 56}, "size": {"shortest_edge": 56}})";

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_CONFIGS_H_
