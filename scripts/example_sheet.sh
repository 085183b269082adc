#!/usr/bin/env bash
# The example cost sheet that fits the device of a result: its path on standard output. Where none is
# of that device, the nearest in kind, and a line on standard error that says so.
#   scripts/example_sheet.sh result.json
set -euo pipefail
examples="$(cd "$(dirname "$0")/.." && pwd)/pricing/data/examples"
field() { # RESULT NAME: of its device
  sed -n '/^  "device": {/,/^  }/s/^    "'"$2"'": "\(.*\)",\{0,1\}$/\1/p' "$1"
}
backend="$(field "$1" backend)"
name="$(field "$1" name)"
if [ "$backend" = cpu ]; then
  echo "$examples/example-cpu-node.json"
  exit
fi
case "$name" in
  *H800*) echo "$examples/h800-node-worked.json" ;;
  *H100*) echo "$examples/united-states-h100.json" ;;
  *)
    echo "No example cost sheet is of this device ($name): it is priced as a card of a node of 8 H800," \
      "which shows the form of a rate and says nothing of its height" >&2
    echo "$examples/h800-node-worked.json"
    ;;
esac
