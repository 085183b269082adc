#!/usr/bin/env bash
# Installs what the build needs on Debian 12 and builds. Sourced by run.sh and test.sh:
#   setup_packages PACKAGE...   installs the missing ones as root or by sudo, else names them, exit 2
#   setup_build PRESET TESTS [TARGET...]   configures once and builds; TESTS: ON or OFF
# Asks no question; when nothing is missing and nothing changed it takes seconds.
set -euo pipefail

ASSAY_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

BUILD_PACKAGES=(g++ cmake ninja-build git ca-certificates libdnnl-dev libbenchmark-dev
  nlohmann-json3-dev libspdlog-dev libfmt-dev libssl-dev libcli11-dev libboost-dev libsqlite3-dev)
TEST_PACKAGES=(libgtest-dev libgmock-dev clang-format python3 python3-jsonschema
  python3-numpy librapidcheck-dev hledger binutils)

setup_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      echo "assay: missing packages: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
      exit 2
    fi
  fi
  echo "Installing: ${missing[*]}" >&2
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "assay: could not install ${missing[*]} (whole log: $log)" >&2
    exit 2
  fi
  rm -f "$log"
}

setup_build() {
  local preset=$1 tests=$2 targets=("${@:3}")
  cd "$ASSAY_ROOT"
  local log
  log=$(mktemp)
  # What was configured without tests is configured again where they are wanted, and kept with them
  # where they aren't.
  local cache="build/$preset/CMakeCache.txt"
  if [ ! -f "build/$preset/build.ninja" ] ||
      { [ "$tests" = ON ] && grep -q '^ASSAY_BUILD_TESTS:BOOL=OFF' "$cache"; }; then
    if ! cmake --preset "$preset" "-DASSAY_BUILD_TESTS=$tests" >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      echo "assay: configuring failed (whole log: $log)" >&2
      exit 1
    fi
  fi
  echo "Building (preset $preset) ..." >&2
  if ! cmake --build --preset "$preset" ${targets[@]+--target "${targets[@]}"} >"$log" 2>&1; then
    grep -E "error|FAILED|Error" -A 5 "$log" | head -n 40 >&2 || tail -n 20 "$log" >&2
    echo "assay: the build failed (whole log: $log)" >&2
    exit 1
  fi
  rm -f "$log"
}
