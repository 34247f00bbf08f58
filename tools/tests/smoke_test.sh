#!/usr/bin/env bash
# The whole line on a real picture: everything that is promised is written, the
# same bytes with one and two threads, and again from its own run.yaml.
source "$(dirname "$0")/testing.sh"
picture=$data/character.png

"$dg4d" run --config=smoke --image="$picture" --output=one --threads=1 ||
  fail 'the run failed'
for file in run.yaml run.json report.html metrics.jsonl asset.glb player.html \
  gaussians/static.ply gaussians/frame_0001.ply preview/input.png \
  preview/turntable.mp4; do
  [[ -s one/$file ]] || fail "one/$file is missing"
done
compgen -G 'one/meshes/*_0001.obj' >/dev/null || fail 'there is no OBJ'

# The same from elsewhere, by a relative path, with the resolved configuration.
mkdir elsewhere && cp "$picture" elsewhere/cat.png
cp one/run.yaml elsewhere/again.yaml
(cd elsewhere && "$dg4d" run --config=again.yaml --image=cat.png \
  --output=../two --threads=2 --quiet) || fail 'the second run failed'
same one two

# Exports and pictures of what is there.
expect 0 'copy.glb' export one --exporter=gltf --to=copy.glb
cmp -s copy.glb one/asset.glb || fail 'export gives other bytes than the run'
expect 0 'copy.html' export one --exporter=html --to=copy.html
cmp -s copy.html one/player.html || fail 'html gives other bytes than the run'
digest() { sha256sum "$1" | cut -d' ' -f1; }
for known in '"config":"smoke"' "\"config_sha256\":\"$(digest one/run.yaml)\"" \
  "\"image_sha256\":\"$(digest "$picture")\"" '"seed":0'; do
  grep -aqF "$known" copy.glb || fail "asset.glb does not say $known"
  grep -qF "$known" copy.html || fail "player.html does not say $known"
done

# A part that runs again knows where the rest came from.
cp -r one part
"$dg4d" run --config=smoke --from=mesh_extraction --output=part --quiet ||
  fail 'a part of the run failed'
for file in asset.glb player.html; do
  cmp -s one/$file part/$file || fail "a part of the run changed $file"
done
expect 0 'view.png' render one --to=view.png --azimuth=30 --size=64
[[ -s view.png ]] || fail 'view.png is missing'
expect 2 'frames 0 to' render one --to=view.png --frame=99

# Another seed gives another result.
"$dg4d" run --config=smoke --image="$picture" --output=other --seed=1 --quiet \
  --until=static_gaussians || fail 'the run with another seed failed'
cmp -s one/checkpoints/static_gaussians.safetensors \
  other/checkpoints/static_gaussians.safetensors &&
  fail 'the seed does not matter'
finish
