#!/usr/bin/env bash
# blender_test.sh EXPORT_SAMPLES SCRIPT: Blender shows of the samples what
# SCRIPT expects.
source tools/clients/client_test.sh
[ -e "$clients/bpy/.installed" ] || skip "Blender's bpy is not installed"
export_samples "$1"
HOME=$TEST_TMPDIR PYTHONPATH=$clients/bpy \
  /usr/bin/python3 -s -B "$2" "$samples"
