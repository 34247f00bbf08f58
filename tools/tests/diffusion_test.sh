#!/usr/bin/env bash
# The line with diffusion networks, tiny and seeded: every stage runs, the same
# bytes with one and two threads; and what is said where weights are missing.
write=$(realpath "$3")
source "$(dirname "$0")/testing.sh"
picture=$data/character.png

"$write" zero123 tiny float32 weights/zero123-xl-diffusers &&
  cp -r weights/zero123-xl-diffusers weights/stable-zero123-diffusers &&
  "$write" svd tiny float32 weights/stable-video-diffusion-img2vid ||
  fail 'the networks were not written'

limit=60 # seconds for the smoke run
start=$(date +%s%N)
"$dg4d" run --config=smoke_diffusion --weights=weights --image="$picture" \
  --output=one --threads=1 || fail 'the run failed'
took=$((($(date +%s%N) - start) / 1000000))
echo "a run takes $took ms"
((took < limit * 1000)) || fail "the smoke run takes $took ms, not under $limit s"
for file in asset.glb player.html gaussians/frame_0003.ply \
  preview/turntable.mp4 checkpoints/svd_video.safetensors; do
  [[ -s one/$file ]] || fail "one/$file is missing"
done
"$dg4d" run --config=one/run.yaml --weights=weights --image="$picture" \
  --output=two --threads=2 --quiet || fail 'the second run failed'
same one two

# Without weights nothing begins, and everything that is missing is named.
for config in dreamgaussian4d dreamgaussian4d_r2 smoke_diffusion; do
  expect 1 "stage 'svd_video': there is no folder" run --config=$config \
    --image="$picture" --output=none --overwrite
done
expect 1 "stage 'texture_refinement': guidance 'svd'" run \
  --config=dreamgaussian4d --image="$picture" --output=none --overwrite
expect 1 "'stable-zero123-diffusers' of network weights, nor one in some" run \
  --config=dreamgaussian4d_r2 --weights=some --image="$picture" --output=none \
  --overwrite
[[ ! -e none/checkpoints ]] || fail 'a stage ran without weights'
# A stage that needs none runs.
expect 0 '' run --config=dreamgaussian4d --image="$picture" --output=some_of_it \
  --until=preprocess exporters={}

# A folder of folders: each component, and which folders are not there.
says() { # CODE FOLDER: `dg4d doctor` of it, each of standard input's lines
  local said status line
  said=$("$dg4d" doctor --weights="$2" 2>&1)
  status=$?
  ((status == $1)) || fail "doctor of $2 exits with $status:"$'\n'"$said"
  while read -r line; do
    # Spaces between columns vary.
    [[ $(tr -s ' ' <<<"$said") == *"$line"* ]] ||
      fail "doctor of $2 does not say '$line' but:"$'\n'"$said"
  done
}
says 0 weights <<'END'
folder weights/stable-video-diffusion-img2vid, of svd, svd_video
unet UNetSpatioTemporalConditionModel, 9767946 parameters, Float, 39071784 bytes, weights/stable-video-diffusion-img2vid/unet/diffusion_pytorch_model.safetensors
feature_extractor weights/stable-video-diffusion-img2vid/feature_extractor/preprocessor_config.json
scheduler EulerDiscreteScheduler, weights/stable-video
pipeline svd
folder weights/stable-zero123-diffusers, of stable_zero123
folder weights/zero123-xl-diffusers, of zero123
clip_camera_projection CLIPCameraProjection,
pipeline zero123
END

# What is broken, by component.
svd=broken/stable-video-diffusion-img2vid
broken() { # fresh copy of the networks
  rm -rf broken && mkdir broken && cp -r weights/stable-video* broken
}
broken
says 0 broken <<'END'
folder stable-zero123-diffusers, of stable_zero123: NOT HERE
folder zero123-xl-diffusers, of zero123: NOT HERE
END
rm $svd/unet/config.json $svd/vae/config.json
says 1 broken <<'END'
CANNOT be loaded: cannot read broken/stable-video-diffusion-img2vid/unet/config.json
CANNOT be loaded: cannot read broken/stable-video-diffusion-img2vid/vae/config.json
pipeline svd
2 components are amiss
END
broken
echo '{"image_mean": [1]}' >$svd/feature_extractor/preprocessor_config.json
rm -r $svd/vae
says 1 $svd <<'END'
preprocessor_config.json: 'image_mean' must be 3 numbers, not [1]
vae MISSING
2 components are amiss
END
mkdir -p nameless && cp -r weights/zero123-xl-diffusers/vae nameless/vae
says 1 nameless <<'END'
vae AutoencoderKL, 2658087 parameters
pipeline UNKNOWN
nameless: neither zero123 nor svd
END

# The run finds out as well, before anything begins: also for its last stage.
broken
truncate -s -1 $svd/unet/*.safetensors
cp -r weights/zero123-xl-diffusers broken
expect 1 "stage 'texture_refinement': guidance 'svd'" run \
  --config=dreamgaussian4d --weights=broken --image="$picture" --output=none \
  --overwrite
expect 1 "$svd/unet/diffusion_pytorch_model.safetensors" run \
  --config=dreamgaussian4d --weights=broken --image="$picture" --output=none \
  --overwrite
rm weights/stable-zero123-diffusers/vae/*.safetensors
says 1 weights <<'END'
CANNOT be loaded: weights/stable-zero123-diffusers/vae holds neither
END
expect 1 "stage 'dynamic_gaussians': guidance 'stable_zero123': weights/stable" \
  run --config=smoke_diffusion --weights=weights --image="$picture" \
  --output=none --overwrite
[[ ! -e none/checkpoints ]] || fail 'a stage ran with broken weights'

expect 0 'sds/zero123/guidance/3' benchmark --suite=sds --output=figures \
  --filter='unet|vae|guidance|svd_step'
[[ -s figures/sds.json ]] || fail 'figures/sds.json is missing'
finish
