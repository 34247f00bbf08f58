#!/usr/bin/env bash
# assimp_test.sh EXPORT_SAMPLES: assimp reads every file with all its triangles.
source tools/clients/client_test.sh
command -v assimp >/dev/null || skip "assimp is not installed"
export_samples "$1"

# expect FILE TRIANGLES ANIMATIONS
expect() {
  local info
  info=$(assimp info "$samples/$1")
  for line in "Faces: *$2" "Animations: *$3"; do
    if ! grep -Eq "^$line\$" <<<"$info"; then
      echo "$1: expected $line in"
      echo "$info"
      exit 1
    fi
  done
}

# rings x segments as in dg4d/testing/sample_scenes.h.
ball=$((2 * 8 * (6 - 1)))
sequence=$((2 * (7 * 4 + 8 * 5 + 9 * 6 + 10 * 7)))
expect static.glb "$ball" 0
expect moving.glb "$ball" 1
expect changing.glb "$sequence" 1
expect moving_obj/mesh_0003.obj "$ball" 0
expect changing_obj/mesh_0001.obj $((2 * 7 * 4)) 0
