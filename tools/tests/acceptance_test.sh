#!/usr/bin/env bash
# What the embedded default promises, on finished runs of two unlike pictures:
# measure_run says what that is.
measure_run=$(realpath "$3")
source "$(dirname "$0")/testing.sh"

for name in fox vase; do
  "$dg4d" run --image="$data/$name.png" --output="$name" --quiet ||
    fail "the run on $name.png failed"
done
"$measure_run" fox vase || fail 'a limit is not kept'
finish
