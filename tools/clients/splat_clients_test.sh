#!/usr/bin/env bash
# splat_clients_test.sh SPLAT_SAMPLES SCRIPT: a program by others, driven by
# SCRIPT for Node.js, and we find the same Gaussians in each other's files.
source tools/clients/client_test.sh
[ -e "$clients/npm/.installed" ] ||
  skip "splat-transform and three.js are not installed"
command -v node >/dev/null || skip "node is not installed"
export NODE_PATH=$clients/npm/node_modules
samples=$TEST_TMPDIR/splats
mkdir -p "$samples"
"$1" write "$samples"
case $2 in
  *splat_transform*) node "$2" "$PWD/$1" "$samples" ;;
  *) node "$2" "$samples" ;;
esac
