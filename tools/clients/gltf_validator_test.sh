#!/usr/bin/env bash
# gltf_validator_test.sh EXPORT_SAMPLES: every .glb is valid, and a broken one
# is not.
source tools/clients/client_test.sh
[ -e "$clients/npm/.installed" ] || skip "the glTF validator is not installed"
command -v node >/dev/null || skip "node is not installed"
export_samples "$1"
export NODE_PATH=$clients/npm/node_modules
node tools/clients/validate_gltf.js "$samples"/*.glb

# A validator that finds nothing wrong with anything proves nothing.
sed 's/"POSITION"/"POSITLON"/' "$samples/static.glb" >"$samples/broken.glb"
if node tools/clients/validate_gltf.js "$samples/broken.glb" >/dev/null; then
  echo "the validator accepts a mesh without positions"
  exit 1
fi

# Nor does one that takes any name for an attribute of Gaussians.
sed 's/splatting:OPACITY"/splatting:OPACITI"/' \
  "$samples/static_splats.glb" >"$samples/broken.glb"
if node tools/clients/validate_gltf.js "$samples/broken.glb" >/dev/null; then
  echo "the validator accepts an attribute of Gaussians that is none"
  exit 1
fi
