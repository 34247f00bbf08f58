#!/usr/bin/env bash
# report_test.sh DG4D PICTURE: the reports of runs that went well, failed, were
# killed and resumed, as Chromium shows them.
source tools/clients/client_test.sh
source tools/clients/browser_test.sh
dg4d=$(realpath "$1") picture=$(realpath "$2")
need_browser

runs=$TEST_TMPDIR/runs
mkdir -p "$runs"
hostile="$runs/<img src=x onerror=alert(1)> '\"&.png"
cp "$picture" "$hostile"
run=("$dg4d" run --config=smoke --image="$hostile" --quiet --checkpoint_every=1)

"${run[@]}" --output="$runs/done"
# Its export goes below a file.
"${run[@]}" --output="$runs/failed" exporters.gltf.path=run.yaml/asset.glb 2>/dev/null &&
  exit 1
"${run[@]}" --output="$runs/killed" &
while [[ ! -e $runs/killed/checkpoints/dynamic_gaussians.progress.safetensors ]]; do
  kill -0 $! || exit 1
  sleep 0.01
done
kill -9 $!
wait $! 2>/dev/null || true
cp -r "$runs/killed" "$runs/resumed"
"${run[@]}" --output="$runs/resumed" --resume

node tools/clients/report_test.js "$runs"
