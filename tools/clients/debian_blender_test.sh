#!/usr/bin/env bash
# debian_blender_test.sh EXPORT_SAMPLES SCRIPT: as blender_test.sh, in the Blender
# that Debian has.
source tools/clients/client_test.sh
command -v blender >/dev/null || skip "Blender is not installed"
export_samples "$1"
HOME=$TEST_TMPDIR PYTHONDONTWRITEBYTECODE=1 blender --background \
  --factory-startup --python-exit-code 3 --python "$2" -- "$samples"

# Errors of scripts must be errors of the test.
echo 'assert False' >"$TEST_TMPDIR/wrong.py"
if HOME=$TEST_TMPDIR blender --background --factory-startup \
  --python-exit-code 3 --python "$TEST_TMPDIR/wrong.py" >/dev/null 2>&1; then
  echo "Blender ends well when a script fails"
  exit 1
fi
