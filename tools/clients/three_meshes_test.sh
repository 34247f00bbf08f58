#!/usr/bin/env bash
# three_meshes_test.sh EXPORT_SAMPLES: three.js in Chromium shows the .glb files
# as they were.
source tools/clients/client_test.sh
[ -e "$clients/npm/node_modules/three" ] || skip "three.js is not installed"
command -v node >/dev/null || skip "node is not installed"
command -v chromium >/dev/null || skip "chromium is not installed"
export_samples "$1"
export NODE_PATH=$clients/npm/node_modules
# Chromium makes sockets there, whose paths must be short.
TMPDIR=$(mktemp -d /tmp/dg4d_three.XXXXXX)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR HOME=$TMPDIR
export SCREENSHOTS=${TEST_UNDECLARED_OUTPUTS_DIR:-$TEST_TMPDIR}
node tools/clients/three_meshes_test.js "$samples"
