#!/usr/bin/env bash
# Set-up, build, all tests (those labelled nightly left out). Arguments go to ctest.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
setup_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
setup_build release ON
cd "$ASSAY_ROOT"
ctest --preset release --no-tests=error --output-junit "$ASSAY_ROOT/build/release/tests.xml" "$@"
# A budget in seconds for each label keeps the tests fast enough to be run.
/usr/bin/python3 scripts/check_budgets.py build/release build/release/tests.xml tests/budgets.json
