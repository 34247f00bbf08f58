#!/usr/bin/env bash
# A run that pages watch gives the same files, to the byte, as one that nobody
# watches; pages pause, resume and stop it; dg4d view shows what it left.
watch=$(realpath "$3")
source "$(dirname "$0")/testing.sh"
picture=$data/character.png
run=("$dg4d" run --config=smoke --image="$picture" --quiet
  stages.static_gaussians.iterations=20)

# address FILE: the address of the page, once it stands in FILE.
address() {
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    [[ -s $1 ]] && head -1 "$1" && return
    sleep 0.1
  done
  fail "no address in $1"
}

"${run[@]}" --output=alone >/dev/null || fail 'the run failed'

# Three pages that take everything, one of which asks for pauses and exports,
# one that says nonsense, and one that leaves.
"${run[@]}" --output=watched --view --port=0 >address &
pid=$!
url=$(address address)
"$watch" "$url" >first &
"$watch" "$url" '{"command": "pause"}' '="state":"paused"' \
  '{"command": "resume"}' '="type":"scene"' \
  '{"command": "export", "exporter": "ply"}' '="watched/exports/gaussians"' >second &
"$watch" "$url" nonsense '{"command": "export", "exporter": "../x"}' >third &
"$watch" --leave "$url" '="type":"image"' >/dev/null
wait $pid || fail 'the watched run failed'
wait
grep -q '"type":"scene"' first || fail 'no scene was shown'
grep -q '"state":"finished"' first || fail 'pages were not told of the end'
grep -q '"state":"paused"' second || fail 'the run was not paused'
grep -q 'no exporter named' third || fail 'nonsense was not answered'
rm -rf watched/exports
same alone watched

# Stopped by a page: as by Ctrl-C.
"${run[@]}" --output=stopped --view --port=0 >address2 &
pid=$!
"$watch" "$(address address2)" '{"command": "stop"}' >stopper
wait $pid
status=$?
((status == 130)) || fail "a run that a page stopped exits with $status"
grep -q '"state":"stopped"' stopper || fail 'the page was not told of the stop'
"${run[@]}" --output=stopped --resume >/dev/null || fail 'the resume failed'
same alone stopped

# The folder of a run.
"$dg4d" view watched --port=0 >address3 &
pid=$!
url=$(address address3)
"$watch" --leave "$url" '{"command": "stop"}' '="type":"scene"' \
  '{"command": "export", "exporter": "html"}' '="state":"done"' >viewed ||
  fail 'dg4d view shows no scene or exports none'
grep -q '"loss"' viewed || fail 'dg4d view shows no metrics'
grep -q 'nothing runs' viewed || fail 'dg4d view could be stopped'
cmp watched/exports/player.html watched/player.html ||
  fail 'an export differs from the one that the run made'
port=${url#*1:}
expect 1 'is taken; name another --port' view watched --port="${port%%/*}"
kill -INT $pid
wait $pid || fail 'dg4d view does not end well'
finish
