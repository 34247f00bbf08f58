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

start=$SECONDS
"$dg4d" run --config=smoke_diffusion --weights=weights --image="$picture" \
  --output=one --threads=1 || fail 'the run failed'
echo "a run takes $((SECONDS - start)) s"
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

# A folder of folders, and one that is broken.
expect 0 'stable-video-diffusion-img2vid' doctor --weights=weights
rm weights/stable-zero123-diffusers/vae/*.safetensors
expect 1 'stable-zero123-diffusers' doctor --weights=weights

expect 0 'sds/zero123/guidance/3' benchmark --suite=sds --output=figures \
  --filter='unet|vae|guidance|svd_step'
[[ -s figures/sds.json ]] || fail 'figures/sds.json is missing'
finish
