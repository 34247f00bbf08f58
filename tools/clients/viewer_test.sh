#!/usr/bin/env bash
# viewer_test.sh PROGRAM PICTURE: Chromium watches runs and looks at one that is
# done, and every control of the page does what it says.
source tools/clients/client_test.sh
source tools/clients/browser_test.sh
need_browser
node tools/clients/viewer_test.js "$1" "$2" "$TEST_TMPDIR"
