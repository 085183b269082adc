#!/usr/bin/env bash
# clang-tidy over all sources (or those given), with the rules of .clang-tidy. Minutes, not
# seconds, so it is not part of scripts/test.sh.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
setup_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" clang-tidy
cd "$ASSAY_ROOT"
# clang can't read gcc's precompiled headers and doesn't know all of its warnings' names.
cmake -S . -B build/lint -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
  -DASSAY_NVCC=ASSAY_NVCC-NOTFOUND -DASSAY_WERROR=OFF >/dev/null
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(git ls-files '*.cpp' ':!tests'); fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p build/lint \
  --extra-arg=-Wno-unknown-warning-option --quiet
