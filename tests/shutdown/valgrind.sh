#!/usr/bin/env bash
# Shuts everything down under valgrind: no byte lost, none read or written that is nobody's.
# A leak that is planted must be seen. Under a minute; skipped where there is no valgrind.
#
#   tests/shutdown/valgrind.sh build/release/tests/shutdown_test
set -u
program=$1
command -v valgrind >/dev/null || { echo "skipped: valgrind is not installed (Debian: valgrind)"; exit 77; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
lost=definite,indirect,possible
under_valgrind() {
  valgrind -q --leak-check=full --show-leak-kinds=$lost --errors-for-leak-kinds=$lost --num-callers=40 \
    --error-exitcode=99 "$program" "$@" >"$log" 2>&1
}

under_valgrind --planted
[ $? -eq 99 ] || { cat "$log"; echo "a planted leak was not seen"; exit 1; }
# Its child would be valgrind's: it does not know how to wait for one as we do (pidfd_open). That
# run is the address sanitizer's.
under_valgrind --no-child || { cat "$log"; echo "something is left, or was touched"; exit 1; }
echo "nothing is left"
