#!/usr/bin/env bash
# Everything that a first look at a GPU can tell in ten minutes, with no network: builds from this
# tree and a folder of carried libraries (scripts/gpu_carry.sh), runs every CUDA kernel's test on the
# GPU against the double-precision definitions, the training steps of tb1, the gpu-check suite, and
# compute-sanitizer over the tests' small shapes. Most telling first; each part has its seconds, and
# whatever is cut off keeps what it has.
#
#   scripts/gpu_check.sh OUTPUT [CARRIED]
#
# OUTPUT gets log.txt, summary.txt, tests/, steps/, kernels.json and kernels.txt (each kernel's share
# of its roof beside cuBLAS and the copy rate), sanitizer/. Without CARRIED the system's libraries are
# linked. Environment: ASSAY_NVCC (nvcc), ASSAY_BUILD (build/gpu-check), ASSAY_SECONDS (590).
# Exit codes: 0 all passed, 1 something failed or was cut off, 2 it can't run here.
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${ASSAY_BUILD:-$ROOT/build/gpu-check}
SECONDS_MAX=${ASSAY_SECONDS:-590}
ITEMS=(gpt2-124m llama-1b llama-8b-slice llama-70b-slice moe-slice)
# The families whose own kernels weigh most in a step come first.
TESTS=(transformer_cuda attention_cuda moe_products_cuda gemm_cuda measured_on_device moe_cuda
  norm_cuda cross_entropy_cuda adamw_cuda rope_cuda activation_cuda embedding_cuda bias_cuda
  token_chain_cuda random_cuda stream_cuda)

cannot() {
  echo "gpu_check: $*" >&2
  exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] || cannot "usage: scripts/gpu_check.sh OUTPUT [CARRIED]"
mkdir -p "$1/tests" "$1/steps" "$1/sanitizer" || cannot "$1 can't be written to"
OUT=$(cd "$1" && pwd)
CARRIED=""
if [ $# -eq 2 ]; then CARRIED=$(cd "$2" 2>/dev/null && pwd) || cannot "no such folder: $2"; fi
NVCC=${ASSAY_NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[ -x "$NVCC" ] || cannot "no nvcc: set ASSAY_NVCC"
command -v cmake >/dev/null || cannot "no cmake"

failures=0
GROUP_END=$SECONDS_MAX
say() { printf '%4d s  %s\n' "$SECONDS" "$*" | tee -a "$OUT/log.txt"; }
note() { printf '%s\n' "$*" >>"$OUT/summary.txt"; }
left() { echo $((GROUP_END - SECONDS)); }
# Seconds of a plan for 590, where there are more or fewer.
scaled() { echo $(($1 * SECONDS_MAX / 590)); }
# group SECONDS RESERVE: the parts that follow end together within so many seconds, and leave RESERVE.
group() {
  local latest=$((SECONDS_MAX - $(scaled "$2")))
  GROUP_END=$((SECONDS + $(scaled "$1")))
  [ "$GROUP_END" -le "$latest" ] || GROUP_END=$latest
}
finish() {
  say "ended: $failures failed or cut off; $OUT/summary.txt"
  cat "$OUT/summary.txt"
  [ "$failures" -eq 0 ] && exit 0
  exit 1
}
: >"$OUT/log.txt"
: >"$OUT/summary.txt"
running=""
is_there() { kill -0 -- "-$running" 2>/dev/null; }
# Ends what runs with all that it started: asks, so that it writes what it has, and kills it where it
# is still there ten seconds later.
stop_running() {
  local began=$SECONDS
  kill -INT -- "-$running" 2>/dev/null
  while is_there && [ $((SECONDS - began)) -lt 10 ]; do sleep 0.1; done
  kill -KILL -- "-$running" 2>/dev/null
}
cut_off() {
  trap '' INT TERM HUP
  failures=$((failures + 1))
  note "cut off by a signal after $SECONDS s"
  if [ -n "$running" ]; then stop_running; fi
  finish
}
trap cut_off INT TERM HUP

# within SECONDS FILE COMMAND...: output to FILE; 124 where it was stopped at the end of its seconds.
within() {
  local limit=$1 file=$2 began=$SECONDS rc
  shift 2
  # Job control gives the command a process group, by which its children are stopped with it.
  set -m
  "$@" </dev/null >"$OUT/$file" 2>&1 &
  running=$!
  set +m
  while kill -0 "$running" 2>/dev/null && [ $((SECONDS - began)) -lt "$limit" ]; do sleep 0.1; done
  if kill -0 "$running" 2>/dev/null; then
    stop_running
    wait "$running" 2>/dev/null
    rc=124
  else
    wait "$running"
    rc=$?
    if is_there; then stop_running; fi
  fi
  running=""
  return $rc
}

# part NAME BUDGET FILE COMMAND...: within its budget and what is left of its group's seconds.
part() {
  local name=$1 budget file=$3 began=$SECONDS limit rc
  budget=$(scaled "$2")
  shift 3
  limit=$(left)
  [ "$limit" -le "$budget" ] || limit=$budget
  if [ "$limit" -lt 2 ]; then
    failures=$((failures + 1))
    note "$name: not begun, its seconds were used up"
    return 124
  fi
  within "$limit" "$file" "$@"
  rc=$?
  case $rc in
    0) note "$name: passed in $((SECONDS - began)) s" ;;
    124) note "$name: cut off at $limit s ($file)" ;;
    *) note "$name: exit $rc in $((SECONDS - began)) s ($file)" ;;
  esac
  say "$(tail -n 1 "$OUT/summary.txt")"
  [ $rc -eq 0 ] || failures=$((failures + 1))
  return $rc
}

# The newest architecture that the kernels are written for and the GPU runs.
architecture() {
  local found capability known
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
  for known in 75 80 86 89 90 100 120; do
    [ -n "$capability" ] && [ "$known" -le "$capability" ] 2>/dev/null && found=$known
  done
  echo "${found:-80;90}"
}

build() {
  local generator=()
  if command -v ninja >/dev/null; then generator=(-G Ninja); fi
  cmake -S "$ROOT" -B "$BUILD" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DASSAY_WERROR=OFF \
    -DASSAY_CARRIED="$CARRIED" -DASSAY_NVCC="$NVCC" "-DASSAY_TESTS=ptx_device;ptx;support" \
    "-DASSAY_CUDA_ARCHITECTURES=$(architecture)" && cmake --build "$BUILD" --target "$1" -j "$(nproc)"
}
export -f build architecture
export ROOT BUILD CARRIED NVCC

group 300 200
say "building with $("$NVCC" --version | grep -o 'release [0-9.]*') for $(architecture)"
part "build of assay" 300 build.txt bash -c 'build assay' || finish
ASSAY=$BUILD/bin/assay

# The first call of the driver: without one there is nothing to check here.
if ! within 60 first.txt "$ASSAY" run --suite gpu-check --device cuda --filter '^stream/copy/' \
    --processes 1 --item-seconds 0.2 -o "$OUT/first.json"; then
  tail -n 1 "$OUT/first.txt" >>"$OUT/log.txt"
  if grep -q "no CUDA driver\|no device that answers" "$OUT/first.txt"; then
    line=$(tail -n 1 "$OUT/first.txt")
    cannot "${line#assay: }"
  fi
  failures=$((failures + 1))
  note "first kernel: $(tail -n 1 "$OUT/first.txt")"
  say "$(tail -n 1 "$OUT/summary.txt")"
fi
"$ASSAY" devices --json >"$OUT/devices.json" 2>>"$OUT/log.txt"
nvidia-smi -q >"$OUT/nvidia-smi.txt" 2>&1

group 200 200
part "build of the tests" 200 build_tests.txt bash -c 'build cuda_tests'
group 120 180
for name in "${TESTS[@]}"; do
  test=$BUILD/tests/ptx/${name}_test
  if [ -x "$test" ]; then
    part "test $name" 40 "tests/$name.txt" env ASSAY_TEST_DRIVER=native "$test"
  fi
done

group 160 130
for item in "${ITEMS[@]}"; do
  part "step $item" 40 "steps/$item.txt" "$ASSAY" run --device cuda --filter "^$item\$" --processes 1 \
    --item-seconds 10 -o "$OUT/steps/$item.json"
done

group 230 30
budget=$(($(left) - 20))
[ "$budget" -ge 10 ] || budget=10
part "kernels" 230 kernels.txt "$ASSAY" run --suite gpu-check --device cuda \
  --budget-seconds "$budget" -o "$OUT/kernels.json"

group 600 0
SANITIZER=$(command -v compute-sanitizer || echo "$(dirname "$NVCC")/compute-sanitizer")
if [ -x "$SANITIZER" ]; then
  for name in "${TESTS[@]}"; do
    test=$BUILD/tests/ptx/${name}_test
    if [ -x "$test" ]; then
      part "memcheck $name" 30 "sanitizer/$name.txt" env ASSAY_TEST_DRIVER=native "$SANITIZER" \
        --tool memcheck --error-exitcode 9 "$test"
    fi
  done
else
  note "compute-sanitizer: not on this machine"
fi
finish
