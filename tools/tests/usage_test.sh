#!/usr/bin/env bash
# Wrong usage exits with 2 and says what to do; help exits with 0.
source "$(dirname "$0")/testing.sh"
picture=$data/character.png

expect 2 'dg4d run --image=cat.png'
expect 0 'Commands:' help
expect 0 'Commands:' --help
expect 0 '--resume' help run
expect 0 '--resume' run --help
expect 2 "no command 'rnu' (did you mean 'run'?)" rnu
expect 2 "no command 'nothing'" help nothing

expect 2 "no flag --imgae (did you mean 'image'?)" run --imgae=x
expect 2 'flag --image needs a value' run --image --output=x
expect 2 "flag --seed cannot be 'x'" run --seed=x
expect 2 "flag --resume cannot be 'maybe'" run --resume=maybe
expect 2 'Say --output=FOLDER' run --image="$picture"
expect 2 'Say --image=PICTURE' run --output=out
expect 2 "no configuration 'image_to_4' (did you mean 'image_to_4d'?)" \
  run --config=image_to_4
expect 1 'cannot read nothing.yaml' run --config=nothing.yaml

expect 2 'expected key=value' run --image="$picture" --output=out iterations
expect 2 "unknown option 'itertions' (did you mean 'iterations'?)" run \
  --image="$picture" --output=out stages.static_gaussians.itertions=1
expect 2 "option 'stages.static_gaussians.iterations=many': expected a whole" \
  run --image="$picture" --output=out stages.static_gaussians.iterations=many
expect 2 "no renderer named 'gsplat'" run --image="$picture" --output=out \
  stages.static_gaussians.renderer=gsplat
expect 2 "no guidance named 'inflatoin' (did you mean 'inflation'?)" run \
  --image="$picture" --output=out \
  'stages.static_gaussians.guidances=[inflatoin]'
expect 2 "is no renderer of Gaussians" run --image="$picture" --output=out \
  stages.static_gaussians.renderer=mesh_raster
expect 2 "'stages.preprocess' is the value '3', not a map" run --image="$picture" \
  --output=out stages.preprocess=3 stages.preprocess.size=4
expect 2 "no stage 'statik' in the line" run --image="$picture" \
  --output=from --from=statik
expect 2 "flag --device cannot be 'gpu'" run --image="$picture" \
  --output=out --device=gpu
expect 2 "flag --device cannot be 'cuda:x'" run --image="$picture" \
  --output=out --device=cuda:x
expect 1 'there is no device cuda:256: this ' run --image="$picture" \
  --output=out --device=cuda:256

printf 'stages:\n  preprocess: {\n' >broken.yaml
expect 2 'broken.yaml:3: broken YAML' run --config=broken.yaml
printf 'stages:\n  mesh_extraction: {}\n  preprocess: {}\n' >order.yaml
expect 2 "order.yaml:2: stage 'mesh_extraction' needs 'gaussians', which no" \
  run --config=order.yaml
printf 'stages:\n  preprocess: {}\n  static_gaussian: {}\n' >unknown.yaml
expect 2 "unknown.yaml:3: no stage named 'static_gaussian' (did you mean" \
  run --config=unknown.yaml
printf 'stages:\n  preprocess: {size: large}\nexporters:\n  fbx: {}\n' >two.yaml
expect 2 'two.yaml:2: expected a whole number' run --config=two.yaml
expect 2 "two.yaml:4: no exporter named 'fbx'" run --config=two.yaml

expect 0 'static_gaussians' plugins
expect 0 'iterations' plugins stage/static_gaussians
expect 0 '"default"' plugins --format=json
expect 0 '| option |' plugins --format=markdown
expect 2 "no plugin or kind 'stgae'" plugins stgae
expect 2 'cannot be' plugins --format=xml
expect 0 'image_to_4d: can run' doctor
expect 0 "dreamgaussian4d: needs more: stage 'svd_video': there is no folder" \
  doctor
expect 2 'takes no arguments' doctor now
expect 1 'cannot read folder none' doctor --weights=none
mkdir -p weights/unet
expect 1 'weights holds no component' doctor --weights=weights
echo '{"_class_name": "UNet2DConditionModel"}' >weights/unet/config.json
touch weights/unet/diffusion_pytorch_model.bin
expect 1 'diffusion_pytorch_model.bin, a pickle' doctor --weights=weights
expect 2 'which run or files?' export
expect 0 'Gaussians as PLY, SPZ or GLB' help export
expect 2 'say --exporter=NAME' export out
expect 2 "no exporter named 'glft' (did you mean 'gltf'?)" \
  export out --exporter=glft --to=x.glb
expect 1 'holds nothing that can be read' export weights --exporter=gltf --to=x.glb
expect 2 'expected .png, .mp4 or .gif' render out --to=x.bmp
expect 2 'camera_path makes a film' render out --to=x.png --camera_path=p.json
expect 2 'all that --turns does' render out --to=x.mp4 --camera_path=p.json --turns=2
expect 1 'cannot read nothing.ply' render nothing.ply --to=x.png
expect 2 '--input_up=up' render text.ply --to=x.png --input_up=up
expect 2 'which run?' view
expect 1 'is not the output of a run' view .
expect 2 'no flag --output' view . --output=x
expect 2 "no suite 'ratser'" benchmark --suite=ratser

[[ ! -e out ]] || fail 'wrong usage left an output folder behind'
finish
