# For tests of the program: sourced with $dg4d and $data set by the arguments.
set -uo pipefail
dg4d=$(realpath "$1")
data=$(dirname "$(realpath "$2")")
cd "${TEST_TMPDIR:-$(mktemp -d)}"
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# expect CODE TEXT ARGUMENTS...: `dg4d ARGUMENTS` exits with CODE and says TEXT.
expect() {
  local code=$1 text=$2 said status
  shift 2
  said=$("$dg4d" "$@" 2>&1)
  status=$?
  ((status == code)) ||
    fail "dg4d $* exits with $status instead of $code:"$'\n'"$said"
  [[ $said == *"$text"* ]] ||
    fail "dg4d $* does not say '$text' but:"$'\n'"$said"
}

# same FOLDER FOLDER: their files are equal but for those that hold times.
same() {
  local times=(-x run.json -x metrics.jsonl -x report.html)
  diff -r "${times[@]}" "$1" "$2" >/dev/null ||
    fail "$1 and $2 differ:"$'\n'"$(diff -rq "${times[@]}" "$1" "$2")"
}

finish() {
  ((failures == 0)) && echo "all as expected"
  exit $((failures > 0))
}
