#!/usr/bin/env bash
# clang-tidy over all sources, or over those given, with the rules of .clang-tidy. Minutes, not
# seconds, so it is not part of scripts/test.sh.
#   scripts/lint.sh [FILE...]
# All sources are read as a unity build, so that library headers are parsed once for ten files; of
# the CPU kernels' instruction-set levels only the highest is read. (What a unity build includes are
# sources, which bugprone-suspicious-include is about.)
set -euo pipefail
source "$(dirname "$0")/setup.sh"
setup_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" clang-tidy
cd "$ASSAY_ROOT"
# clang can't read gcc's precompiled headers and doesn't know all of its warnings' names.
unity=ON; [ $# -eq 0 ] || unity=OFF
build=build/lint-unity-$unity
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
  -DCMAKE_UNITY_BUILD=$unity -DASSAY_BUILD_TESTS=OFF \
  -DASSAY_NVCC=OFF -DASSAY_WERROR=OFF >/dev/null
# Sources that the build writes are read as well: each by its own command, since as targets they
# would wait for whole libraries.
ninja -C "$build" -t targets all | sed -n 's/^\([^/].*\.cpp\): CUSTOM_COMMAND$/\1/p' |
  while read -r source; do
    (cd "$build" && ninja -t commands -s "$source" | sh >/dev/null)
  done
# What clang lacks of gcc's vector extension, declared for reading only.
cat >"$build/gcc_builtins.h" <<'BUILTINS'
template <class V, class I> V __builtin_shuffle(V, I);
template <class V, class I> V __builtin_shuffle(V, V, I);
BUILTINS
if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(python3 - "$build/compile_commands.json" <<'LIST'
import json, re, sys
for entry in json.load(open(sys.argv[1])):
    if not re.search(r"assay_kernels_(v2|v3|avx512)\.dir", entry["command"]):
        print(entry["file"])
LIST
  )
fi
folders=$(git ls-files '*.cpp' ':!tests' | cut -d/ -f1 | sort -u | paste -sd'|')
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" \
  --header-filter="$ASSAY_ROOT/($folders)/.*|.*/include-roots/.*" \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-include \
  --extra-arg="$ASSAY_ROOT/$build/gcc_builtins.h" --checks=-bugprone-suspicious-include --quiet \
  2> >(grep -Ev '^[0-9]+ warnings? generated' >&2)
