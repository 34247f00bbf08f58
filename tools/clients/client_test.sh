# For tests of what other programs make of our exports. Source it; then
# $samples is a folder of exported samples.
set -euo pipefail

clients=${DG4D_CLIENTS:-$(getent passwd "$(id -u)" | cut -d: -f6)/.cache/dg4d/clients}

# Ends the test as passed, saying where Bazel shows it that it tested nothing.
skip() {
  echo "SKIPPED: $*; run tools/clients/install" |
    tee -a "${TEST_WARNINGS_OUTPUT_FILE:-/dev/null}"
  exit 0
}

export_samples() {
  samples=$TEST_TMPDIR/samples
  mkdir -p "$samples"
  "$1" "$samples"
}
