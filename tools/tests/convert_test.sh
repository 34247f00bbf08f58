#!/usr/bin/env bash
# Files become other files without a run; bad ones are refused by name, and
# leave nothing behind.
source "$(dirname "$0")/testing.sh"

{
  printf 'ply\nformat ascii 1.0\nelement vertex 2\n'
  for name in x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 \
    rot_0 rot_1 rot_2 rot_3; do
    printf 'property float %s\n' "$name"
  done
  printf 'end_header\n'
  printf '0.1 0.2 0.3 1 0 -1 2 -2 -2 -2 1 0 0 0\n'
  printf -- '-0.1 -0.5 0 0 1 0.5 3 -3 -2 -1 0.5 0.5 0.5 0.5\n'
} >two.ply

expect 0 'two.spz' export two.ply --exporter=spz --to=two.spz
expect 0 'two.glb' export two.spz --exporter=gltf_splats --to=two.glb
expect 0 'again.ply' export two.glb --exporter=ply --to=again.ply
expect 0 'again.spz' export again.ply --exporter=spz --to=again.spz
cmp -s two.spz again.spz || fail 'a second time around gives other bytes'
expect 0 'two.html' export two.ply --exporter=html --to=two.html
expect 0 'two.png' render two.spz --to=two.png --size=32
mkdir frames
cp two.ply frames/time_00000.ply
sed 's/^0.1 0.2/0.4 0.2/' two.ply >frames/time_00001.ply
expect 0 'moving' export frames --exporter=ply --to=moving --input_fps=12
[[ -s moving/frame_0002.ply ]] || fail 'a sequence has lost its second frame'
expect 0 'moving.gif' render 'moving/frame_*.ply' --to=moving.gif --size=16 \
  --turns=0 --seconds=1
# Upright as read, and turned.
expect 0 'up.ply' export two.ply --exporter=ply --to=up.ply --input_up=+y
cmp -s up.ply again.ply && fail '--input_up does not matter'

printf 'v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n' \
  >pyramid.obj
expect 0 'pyramid.glb' export pyramid.obj --exporter=gltf --to=pyramid.glb
expect 0 'meshes' export pyramid.glb --exporter=obj --to=meshes
[[ $(grep -c '^v ' meshes/mesh_0001.obj) == 4 && \
  $(grep -c '^f ' meshes/mesh_0001.obj) == 4 ]] ||
  fail "the pyramid has changed: $(cat meshes/mesh_0001.obj)"

# What a renderer of Gaussians cannot draw, another can.
expect 0 'films' export two.ply --exporter=video --to=films size=32 seconds=1
[[ -s films/turntable.mp4 && ! -e films/input.png ]] ||
  fail "films of Gaussians without a picture: $(ls films)"
expect 1 'drawn by the renderer mesh_raster' render pyramid.obj --to=bad.png
expect 1 'drawn by the renderer mesh_raster' export pyramid.obj \
  --exporter=video --to=bad
expect 1 'can be written by gltf' export pyramid.obj --exporter=ply --to=bad

# refuse FILE TEXT: it is refused with TEXT, and nothing is written.
refuse() {
  expect 1 "$2" export "$1" --exporter=ply --to=bad/out.ply
  [[ ! -e bad ]] || fail "$1 left something behind: $(find bad)"
}
head -c 300 two.ply >cut.ply && refuse cut.ply 'cut.ply'
head -c 60 two.spz >cut.spz && refuse cut.spz 'cut.spz'
head -c 200 two.glb >cut.glb && refuse cut.glb 'cut.glb'
sed 's/^0.1/nan/' two.ply >nan.ply && refuse nan.ply 'not finite'
sed 's/vertex 2/vertex 99999999/' two.ply >many.ply && refuse many.ply 'cut off'
printf 'v 0 0 0\nf 1 2 3\n' >bad.obj && refuse bad.obj 'bad.obj: line 2'
printf 'what is this\n' >what.ply && refuse what.ply 'no kind that can be read'
: >empty.glb && refuse empty.glb 'empty.glb'
refuse nothing.ply 'nothing.ply'
mkdir several && cp two.ply two.spz several && refuse several 'more than one thing'
finish
