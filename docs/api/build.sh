#!/usr/bin/env bash
# Makes the reference of the C++ API with Doxygen, and takes no warning for an answer.
#
#   docs/api/build.sh [OUT]        OUT/html/index.html; build/api when not said
set -u
. "$(dirname "$0")/../../.ci/setup.sh"
need_packages doxygen python3
cd "$root" || exit 1
out=${1:-build/api}
rm -rf "$out/html" "$out/headers"
mkdir -p "$out"
grep -rlxF --include='*.h' '#pragma GCC visibility push(default)' vm membrane transport | sort |
  xargs python3 -B docs/api/comments.py "$out/headers" || exit 1
VESICLE_VERSION=$(sed -n 's/^project(vesicle VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
VESICLE_API_SOURCES=$out/headers VESICLE_API_OUT=$out
export VESICLE_VERSION VESICLE_API_SOURCES VESICLE_API_OUT
doxygen docs/api/Doxyfile >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
# It read the comments, too: a file's, a class's, a function's, one behind a field.
for text in 'One capability-secure actor VM in a C++ host' 'How an ask ended' \
  'The message is delivered when the VM runs' 'null: a loop of its own'; do
  grep -rqiF --include='*.html' "$text" "$out/html" || { echo "the reference is without: $text" >&2; exit 1; }
done
echo "$out/html/index.html"
