#!/usr/bin/env bash
# usd_test.sh EXPORT_SAMPLES: OpenUSD reads the .usda files as they were meant.
source tools/clients/client_test.sh
[ -e "$clients/usd/.installed" ] || skip "OpenUSD's usd-core is not installed"
export_samples "$1"
PYTHONPATH=$clients/usd /usr/bin/python3 -s -B tools/clients/usd_test.py \
  "$samples"

# A reader that finds nothing wrong with anything proves nothing.
sed -i 's/float\[\] opacities/float[] opacity/' "$samples"/moving_usd/asset.usda
if PYTHONPATH=$clients/usd /usr/bin/python3 -s -B tools/clients/usd_test.py \
  "$samples" 2>/dev/null; then
  echo "the test accepts an attribute that no one reads"
  exit 1
fi
