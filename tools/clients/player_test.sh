#!/usr/bin/env bash
# player_test.sh EXPORT_PAGES: Chromium plays the exported pages, and every
# control of theirs does what it says.
source tools/clients/client_test.sh
[ -e "$clients/npm/node_modules/playwright-core" ] ||
  skip "Playwright is not installed"
command -v node >/dev/null || skip "node is not installed"
command -v chromium >/dev/null || skip "chromium is not installed"
export_samples "$1"
export NODE_PATH=$clients/npm/node_modules
# Chromium wants places to write to, and makes sockets there, whose paths must be
# short.
TMPDIR=$(mktemp -d /tmp/dg4d_player.XXXXXX)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR HOME=$TMPDIR
export SCREENSHOTS=${TEST_UNDECLARED_OUTPUTS_DIR:-$TEST_TMPDIR}
node tools/clients/player_test.js "$samples"
