#!/usr/bin/env bash
# Fills a folder with what the build needs of Debian 12's packages, for a machine with a GPU that has
# none of them and no network: headers and libraries, at most 64 MiB. There, scripts/gpu_check.sh
# builds from this tree and that folder (cmake/AssayCarried.cmake).
#
#   scripts/gpu_carry.sh FOLDER
#
# What is header-only is carried as headers, what Debian has as a static library as that, and the
# two that it has not (oneDNN, Google Benchmark) as shared ones, found beside the program. They ask
# for glibc 2.34 and the libstdc++ of gcc 12: Debian 12, Ubuntu 22.04, RHEL 9 or later.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LIMIT_BYTES=$((64 * 1024 * 1024))
PACKAGES=(nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libboost-dev libgtest-dev
  libgmock-dev libbenchmark-dev libbenchmark1debian libssl-dev libsqlite3-dev libdnnl-dev libdnnl2
  ocl-icd-libopencl1)
HEADERS=(nlohmann spdlog fmt CLI gtest gmock benchmark openssl sqlite3.h oneapi)
LIBRARIES=(libgtest.a libgmock.a libgtest_main.a libcrypto.a libsqlite3.a libbenchmark.so.1debian
  libdnnl.so.2 libOpenCL.so.1)

fail() {
  echo "gpu_carry: $*" >&2
  exit 2
}

[ $# -eq 1 ] || fail "usage: scripts/gpu_carry.sh FOLDER"
folder=$1
[ ! -e "$folder" ] || [ -f "$folder/packages.txt" ] || fail "$folder is there and not of this script"
missing=()
for package in "${PACKAGES[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] || fail "missing packages: ${missing[*]} (as root: apt-get install ${missing[*]})"

rm -rf "$folder"
mkdir -p "$folder/include" "$folder/lib"
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
for header in "${HEADERS[@]}"; do cp -rL "/usr/include/$header" "$folder/include/"; done
# The part of OpenSSL's headers that is the architecture's own, and oneDNN's own header names.
cp -rL "/usr/include/$multiarch/openssl/." "$folder/include/openssl/"
cp -L /usr/include/dnnl*.h "$folder/include/" 2>/dev/null || true
for library in "${LIBRARIES[@]}"; do cp -L "/usr/lib/$multiarch/$library" "$folder/lib/"; done

# Of Boost's headers, those that the tree's includes reach.
used=$(mktemp --suffix=.cpp)
trap 'rm -f "$used" "$used.d"' EXIT
(cd "$ROOT" && grep -rhoE --include='*.h' --include='*.cpp' '#include <boost/[^>]+>' \
  base kernels results harness pricing cli) | sort -u >"$used"
if [ -s "$used" ]; then
  g++ -std=c++20 -M -MF "$used.d" "$used"
  tr -s ' \\' '\n' <"$used.d" | grep '^/usr/include/boost/' | sort -u | while read -r header; do
    install -D -m 644 "$header" "$folder/include/${header#/usr/include/}"
  done
fi

dpkg-query -W -f='${Package} ${Version}\n' "${PACKAGES[@]}" >"$folder/packages.txt"
bytes=$(du -sb "$folder" | cut -f1)
[ "$bytes" -le "$LIMIT_BYTES" ] || fail "$folder has $bytes bytes, over the limit of $LIMIT_BYTES"
echo "gpu_carry: $folder has $((bytes / 1024 / 1024)) MiB in $(find "$folder" -type f | wc -l) files"
