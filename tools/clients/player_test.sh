#!/usr/bin/env bash
# player_test.sh EXPORT_PAGES: Chromium plays the exported pages, and every
# control of theirs does what it says.
source tools/clients/client_test.sh
source tools/clients/browser_test.sh
need_browser
export_samples "$1"
node tools/clients/player_test.js "$samples"
