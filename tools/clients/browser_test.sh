# For tests that drive Chromium, after client_test.sh: skips without it, and sets up
# what it needs.
need_browser() {
  [ -e "$clients/npm/node_modules/playwright-core" ] ||
    skip "Playwright is not installed"
  command -v node >/dev/null || skip "node is not installed"
  command -v chromium >/dev/null || skip "chromium is not installed"
  export NODE_PATH=$clients/npm/node_modules
  # Chromium wants places to write to, and makes sockets there, whose paths must
  # be short.
  TMPDIR=$(mktemp -d /tmp/dg4d_browser.XXXXXX)
  trap 'rm -rf "$TMPDIR"' EXIT
  export TMPDIR HOME=$TMPDIR
  export SCREENSHOTS=${TEST_UNDECLARED_OUTPUTS_DIR:-$TEST_TMPDIR}
}
