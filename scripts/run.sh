#!/usr/bin/env bash
# The main job on the machine it stands on: set up, build, measure the best device present,
# certify, audit the certificate, price it, and say where the documents are.
#   scripts/run.sh [OPTIONS OF assay run]       e.g. --suite standard, --seed 7
# Documents go to assay-run/<time>/; the key to assay-run/laboratory.key, made on the first run.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
setup_packages "${BUILD_PACKAGES[@]}"
setup_build release OFF assay

assay="$ASSAY_ROOT/build/release/bin/assay"
base="${ASSAY_OUTPUT:-$ASSAY_ROOT/assay-run}"
key="$base/laboratory.key"
out="$base/$(date -u +%Y%m%dT%H%M%SZ)"
mkdir -p "$out"
[ -f "$key" ] || "$assay" keygen -o "$key" --quiet

"$assay" run --suite quick "$@" -o "$out/result.json"
"$assay" certify "$out/result.json" --key "$key" -o "$out/certificate.json"
echo
"$assay" verify "$out/certificate.json" --key "$key.pub" --result "$out/result.json"
echo
sheet="$("$ASSAY_ROOT/scripts/example_sheet.sh" "$out/result.json")"
"$assay" price --certificate "$out/certificate.json" --key "$key.pub" --cost-sheet "$sheet" \
  -o "$out/rate-card.json" --report "$out/report.md"
echo
echo "Documents: $out"
echo "  result.json       every raw sample and all conditions"
echo "  certificate.json  signed, derived from the result"
echo "  rate-card.json    the fair rate of a compute unit, from an EXAMPLE cost sheet:"
echo "                    $sheet"
echo "  report.md         the page to read"
