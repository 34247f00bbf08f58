#!/usr/bin/env bash
# splat_pictures_test.sh DG4D PICTURE: a renderer by others draws our files of
# Gaussians in Chromium as we do.
source tools/clients/client_test.sh
source tools/clients/browser_test.sh
dg4d=$(realpath "$1") picture=$(realpath "$2")
need_browser
[ -e "$clients/npm/node_modules/@sparkjsdev/spark" ] ||
  skip "Spark is not installed"
files=$TEST_TMPDIR/files
mkdir -p "$files"
node tools/clients/splat_pictures_test.js "$dg4d" "$picture" "$files"
