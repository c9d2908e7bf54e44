#!/usr/bin/env bash
# The package from outside: what `cmake --install` and `cpack -G DEB` make of a build is used by
# projects that know nothing else. About a minute.
#
#   tests/package/run.sh [BUILD]        build/release when not said; everything in it is built
set -u
source_root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source_root/build/release}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$source_root/tests/package
version=$(sed -n 's/^project(vesicle VERSION \([0-9.]*\).*/\1/p' "$source_root/CMakeLists.txt")
soname=libvesicle.so.${version%%.*}
warnings=(-std=c++20 -Wall -Wextra -Wpedantic -Werror)

die() { echo "package: $*" >&2; exit 1; }
# quietly WHAT COMMAND...: what it says only when it fails
quietly() {
  local what=$1
  shift
  "$@" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; die "$what"; }
}
# says WHAT WANTED COMMAND...
says() {
  local what=$1 wanted=$2 got
  shift 2
  got=$("$@" 2>&1) || die "$what: exit $?, said: $got"
  [ "$got" = "$wanted" ] || die "$what: said: $got; wanted: $wanted"
}
host_says=$'two rings\n#denied("#break is not let by")'
peers_say="asked over the line: 42"

# --- an installed tree, moved
quietly "cmake --install failed" cmake --install "$build" --prefix "$folder/first"
mv "$folder/first" "$folder/moved"
tree=$folder/moved
lib=$(dirname "$(find "$tree" -name libvesicle.a)")
[ -f "$lib/libvesicle.so.$version" ] && [ "$(readlink "$lib/$soname")" = "libvesicle.so.$version" ] &&
  [ "$(readlink "$lib/libvesicle.so")" = "$soname" ] || die "the links of the shared library are wrong"
readelf -d "$lib/libvesicle.so" | grep -q "SONAME.*\[$soname\]" || die "the soname is not $soname"
readelf -d "$lib/libvesicle.so" "$tree/bin/vesicle" | grep -E 'RPATH|RUNPATH' &&
  die "a path to look for libraries was left in"
grep -rlF -e "$source_root" -e "$build" -e "$folder/first" "$lib/cmake" "$lib/pkgconfig" "$tree/include" &&
  die "these name a folder of the build"
says "the command" "vesicle $version" "$tree/bin/vesicle" version
python3 -B "$here/exports.py" "$lib/libvesicle.a" "$lib/libvesicle.so" "$source_root" ||
  die "the shared library does not show the API and nothing else"
quietly "what is planted does not build" bash -c 'cd "$0" && g++ -fPIC -c "$1"/planted.cc && ar qc planted.a planted.o &&
  g++ -shared -o planted.so planted.o' "$folder" "$here"
planted=$(python3 -B "$here/exports.py" "$folder/planted.a" "$folder/planted.so" "$source_root")
for bug in "shown, and not ours: leaked()" "shown, and not of the API: vesicle::Parser::Parse()" \
  "of the API, and hidden: vesicle::Vm::Planted()"; do
  grep -qxF "$bug" <<<"$planted" || die "exports.py does not notice what is planted: $bug"
done

# Every header that is installed, by the compilers that there are.
(cd "$tree/include/vesicle" && find . -name '*.h' | sort | sed 's|^./\(.*\)|#include "\1"|') >"$folder/all.cc"
for compiler in g++ clang++; do
  command -v $compiler >/dev/null || continue
  quietly "$compiler has something to say of the headers" \
    $compiler "${warnings[@]}" -fsyntax-only -I"$tree/include/vesicle" "$folder/all.cc"
done

# --- CMake
for kind in shared static; do
  is_static=OFF
  [ $kind = static ] && is_static=ON
  out=$folder/cmake-$kind
  quietly "find_package failed, $kind" cmake -S "$here/consumer" -B "$out" -G Ninja \
    -DCMAKE_PREFIX_PATH="$tree" -DCMAKE_BUILD_TYPE=Debug -DVesicle_USE_STATIC_LIBS=$is_static
  quietly "a project that found the package does not build, $kind" cmake --build "$out"
  says "CMake, $kind, host" "$host_says" "$out/host"
  says "CMake, $kind, peers" "$peers_say" "$out/peers"
  linked=static
  readelf -d "$out/host" | grep -q "NEEDED.*$soname" && linked=shared
  [ $linked = $kind ] || die "CMake, $kind: linked the $linked library"
done
cmake -S "$here/consumer" -B "$folder/too-new" -G Ninja -DCMAKE_PREFIX_PATH="$tree" -DVESICLE_WANTED=99.0 \
  >"$folder/log" 2>&1 && die "find_package found a version that is not there"
grep -q 'compatible with requested version "99.0"' "$folder/log" || { cat "$folder/log" >&2; die "version 99.0"; }

# The sources as a part of the build have the same names.
quietly "add_subdirectory failed" cmake -S "$here/consumer" -B "$folder/sources" -G Ninja -DVESICLE_SOURCES="$source_root"

# --- Debian packages
quietly "cpack failed" cpack -G DEB --config "$build/CPackConfig.cmake" -B "$folder/debs"
"$here/debs.sh" "$folder/debs" "$version" "$folder/deb" || die "the Debian packages are not as they should be"

# --- pkg-config, in the tree of the packages
tree=$folder/deb/usr
lib=$(dirname "$(find "$tree" -name libvesicle.a)")
export PKG_CONFIG_PATH=$lib/pkgconfig
says "pkg-config, version" "$version" pkg-config --modversion vesicle
for program in host peers; do
  object=$folder/$program.o
  # shellcheck disable=SC2046
  quietly "$program does not compile" \
    g++ "${warnings[@]}" -O1 -fvisibility=hidden -c "$here/consumer/$program.cc" -o "$object" \
    $(pkg-config --cflags vesicle)
  quietly "$program does not link, shared" \
    g++ "$object" -o "$folder/$program-shared" $(pkg-config --libs vesicle)
  quietly "$program does not link, static" \
    g++ "$object" -o "$folder/$program-static" -l:libvesicle.a $(pkg-config --static --libs vesicle) -L"$lib" -Wl,--as-needed
  wanted=$host_says
  [ $program = peers ] && wanted=$peers_say
  says "pkg-config, $program, shared" "$wanted" env LD_LIBRARY_PATH="$lib" "$folder/$program-shared"
  says "pkg-config, $program, static" "$wanted" "$folder/$program-static"
done

echo "package: all well"
