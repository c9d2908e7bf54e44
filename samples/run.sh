#!/usr/bin/env bash
# Builds Vesicle, installing what that needs on Debian 12, and runs a program:
#
#   samples/run.sh samples/ring.ves 100000 10
set -u
. "$(dirname "$0")/../.ci/setup.sh"
if [ $# -eq 0 ]; then
  echo "usage: samples/run.sh FILE [ARGS...]    for example: samples/run.sh samples/ring.ves 100000 10" >&2
  exit 2
fi
need_packages "${build_packages[@]}"
build release vesicle -DCMAKE_BUILD_TYPE=Release
exec "$root/build/release/vesicle" run "$@"
