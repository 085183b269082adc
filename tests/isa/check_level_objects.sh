#!/bin/sh
# check_level_objects.sh NM OBJDUMP --level=NAME OBJECT... [--level=NAME OBJECT...]...
#
# Fails where an object file of an instruction-set level
# - defines a weak symbol (nm types W, V and u) outside the level's own namespace: the linker keeps
#   one copy of those for all levels, so a baseline processor could be handed code made for a newer
#   one; or
# - uses wider registers than its level has; or where no object of a level uses the level's own,
#   which means that its compiler flags did not arrive.
nm=$1
objdump=$2
shift 2
failed=0

fail() {
  echo "$1"
  failed=1
}

# uses REGISTER OBJECT: whether the object's code names such a register.
uses() {
  "$objdump" -d --no-show-raw-insn "$2" | grep -q "%$1"
}

# Called where a level's objects are done.
finish_level() {
  case $level in
    v3) [ $saw_ymm = 1 ] || fail "level v3: no object uses 256-bit registers" ;;
    avx512*) [ $saw_zmm = 1 ] || fail "level $level: no object uses 512-bit registers" ;;
  esac
}

level=none
for argument in "$@"; do
  case $argument in
    --level=*)
      finish_level
      level=${argument#--level=}
      saw_ymm=0
      saw_zmm=0
      continue
      ;;
  esac
  if [ ! -f "$argument" ]; then
    fail "$argument is not there: build the library first"
    continue
  fi
  # The one weak symbol every position-independent object with cleanup code has is a pointer to the
  # C++ runtime's personality routine: data, the same on all levels.
  weak=$("$nm" --defined-only "$argument" | grep -E ' [WVu] ' |
    grep -v -E -e ' V DW\.ref\.__gxx_personality_v0$' -e "[0-9]level_$level([^_]|\$)")
  [ -z "$weak" ] || fail "$argument defines weak symbols: $weak"
  if uses ymm "$argument"; then
    saw_ymm=1
    [ "$level" != v2 ] || fail "$argument uses 256-bit registers"
  fi
  if uses zmm "$argument"; then
    saw_zmm=1
    case $level in v2 | v3) fail "$argument uses 512-bit registers" ;; esac
  fi
done
finish_level
[ $failed = 0 ] && echo "the objects of every level are its own"
exit $failed
