#!/usr/bin/env bash
# A run that is killed at random moments, or interrupted, and resumed gives the
# same files, to the byte, as one that is left alone.
source "$(dirname "$0")/testing.sh"
picture=$data/character.png
run=("$dg4d" run --config=smoke --image="$picture" --checkpoint_every=1)

start=$EPOCHREALTIME
"${run[@]}" --output=whole --quiet || fail 'the run failed'
whole_ms=$(awk "BEGIN {print int(($EPOCHREALTIME - $start) * 1000)}")
echo "a whole run takes $whole_ms ms"

# Killed again and again: the pauses are pseudo-random, spread over the whole.
RANDOM=${SEED:-42}
echo "SEED=${SEED:-42}"
for ((kill = 0; kill < 12; ++kill)); do
  "${run[@]}" --output=killed --resume --quiet &
  pid=$!
  sleep "$(awk "BEGIN {print $RANDOM / 32768 * $whole_ms / 3000}")"
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
done
"${run[@]}" --output=killed --resume --quiet || fail 'the last resume failed'
# What a killed writer left under another name is not part of the result.
find killed \( -name '*.partial' -o -name '.*.pending*' \) -delete
same whole killed

# Killed once within each stage, as its first checkpoint appears.
for stage in $(sed -n '/^stages:/,/^exporters:/s/^  \([a-z_0-9]*\):.*/\1/p' \
  whole/run.yaml); do
  rm -rf staged
  "${run[@]}" --output=staged --quiet &
  pid=$!
  while kill -0 $pid 2>/dev/null &&
    [[ ! -e staged/checkpoints/$stage.progress.safetensors &&
      ! -e staged/checkpoints/$stage.safetensors ]]; do
    sleep 0.01
  done
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  "${run[@]}" --output=staged --resume --quiet || fail "resume in $stage failed"
  find staged \( -name '*.partial' -o -name '.*.pending*' \) -delete
  same whole staged
done

# Ctrl-C: the step ends, the exit code says so, and it goes on from there.
"${run[@]}" --output=stopped --quiet &
pid=$!
while [[ ! -e stopped/checkpoints/static_gaussians.progress.safetensors ]] &&
  kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -INT $pid
wait $pid
status=$?
((status == 130)) || fail "an interrupted run exits with $status"
"${run[@]}" --output=stopped --resume --quiet || fail 'the resume failed'
same whole stopped
finish
