#!/usr/bin/env bash
# Two guidances, one of them from outside the tree, shape one run.
set -euo pipefail
dg4d=$1 picture=$2
config=$(dirname "$0")/smooth.yaml
out=$TEST_TMPDIR/out

"$dg4d" plugins guidance/total_variation | grep -q 'total_variation.cc'
"$dg4d" run --config="$config" --image="$picture" --output="$out"
head -c 3 "$out/gaussians/static.ply" | grep -q ply

# Leaving the second one out gives another result: it took part.
"$dg4d" run --config="$config" --image="$picture" --output="$out.alone" \
  'stages.static_gaussians.guidances=[inflation]'
if cmp -s "$out/gaussians/static.ply" "$out.alone/gaussians/static.ply"; then
  echo "total_variation changed nothing" >&2
  exit 1
fi
