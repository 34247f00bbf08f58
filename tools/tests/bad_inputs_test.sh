#!/usr/bin/env bash
# Each bad input has its own message; nothing is left half-written.
source "$(dirname "$0")/testing.sh"
picture=$data/character.png
try() { # try CODE TEXT PICTURE [ARGUMENTS...]
  rm -rf out
  expect "$1" "$2" run --config=smoke --image="$3" --output=out "${@:4}"
}

try 1 'no file missing.png' missing.png
mkdir folder
try 1 'directory' folder
: >empty.png
try 1 'empty.png' empty.png
head -c 3000 "$picture" >truncated.png
try 1 'truncated.png' truncated.png
echo 'this is text' >text.png
try 1 'text.png' text.png
# 1 x 1, written by hand: grey PNG.
base64 -d >tiny.png <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==
PNG
try 1 'tiny.png' tiny.png
# 2 x 2, RGBA, all transparent.
base64 -d >clear.png <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAC0lEQVR4nGNgQAcAABIAAXfx+gAAAAAASUVORK5CYII=
PNG
try 1 'clear.png' clear.png

# Truncated and false films.
head -c 2000 "$data/character_wave.mp4" >truncated.mp4
rm -rf out
expect 1 'truncated.mp4' run --config=smoke --image="$picture" \
  --video=truncated.mp4 --output=out
rm -rf out
expect 1 'text.png' run --config=smoke --image="$picture" --video=text.png \
  --output=out
expect 1 'no file nothing.mp4' run --config=smoke --image="$picture" \
  --video=nothing.mp4 --output=out2

# Outputs that cannot be.
touch file
expect 2 'is a file' run --config=smoke --image="$picture" --output=file
expect 1 'cannot' run --config=smoke --image="$picture" --output=file/below
mkdir mine && touch mine/precious
expect 1 'is not empty' run --config=smoke --image="$picture" --output=mine
expect 1 'is not the output of a run' run --config=smoke --image="$picture" \
  --output=mine --overwrite
[[ -e mine/precious ]] || fail 'a file of the user is gone'
if ((EUID != 0)); then # root may write everywhere
  mkdir -m 500 locked
  expect 1 'ermission denied' run --config=smoke --image="$picture" \
    --output=locked/out
fi

# What failed before anything was made is tried again as it stands, or mended.
rm -rf out
run=(run --config=smoke --output=out --until=preprocess)
expect 1 'text.png' "${run[@]}" --image=text.png
[[ -s out/run.json ]] || fail 'a run that failed says nothing of it'
expect 1 'text.png' "${run[@]}" --image=text.png --seed=3
touch out/precious
expect 1 'is not empty' "${run[@]}" --image="$picture"
rm out/precious && cp out/run.yaml kept.yaml
echo '# by hand' >>out/run.yaml
expect 1 'is not empty' "${run[@]}" --image="$picture"
cp kept.yaml out/run.yaml
expect 0 'done in' "${run[@]}" --image="$picture" --seed=3
expect 1 'is not empty' "${run[@]}" --image="$picture" --seed=3

# A full disk: no file may grow beyond 100 blocks.
rm -rf out
said=$(ulimit -f 100 && "$dg4d" run --config=smoke --image="$picture" \
  --output=out --quiet 2>&1)
status=$?
((status == 1)) || fail "on a full disk it exits with $status: $said"
[[ $said == *'cannot write'* || $said == *'too large'* ]] ||
  fail "on a full disk it says: $said"
if find out -name '*.partial' -o -name '*.pending*' | grep -q .; then
  fail "a full disk left half-written files: $(find out -type f)"
fi
finish
