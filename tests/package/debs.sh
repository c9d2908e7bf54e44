#!/usr/bin/env bash
# Looks at Debian packages as a reviewer would, and unpacks them.
#
#   tests/package/debs.sh FOLDER VERSION INTO
set -u
folder=$1 version=$2 into=$3
failed=0
wrong() { echo "$*" >&2; failed=1; }
# field PACKAGE NAME
field() { dpkg-deb -f "$folder/$1"_"$version"_*.deb "$2"; }
# has PACKAGE NAME WORDS...: the field has each
has() {
  local package=$1 name=$2 value word
  shift 2
  value=$(field "$package" "$name")
  for word in "$@"; do
    [[ $value == *"$word"* ]] || wrong "$package: $name is without $word: $value"
  done
}
# holds PACKAGE PATHS...: those files, as patterns, and no others
holds() {
  local package=$1 path pattern found=()
  shift
  for path in $(dpkg-deb -c "$folder/$package"_"$version"_*.deb | awk '!/^d/{print $6}'); do
    for pattern in "$@"; do
      # shellcheck disable=SC2053
      [[ ${path#.} == $pattern ]] && { found+=("$pattern"); continue 2; }
    done
    wrong "$package: has $path"
  done
  for pattern in "$@"; do
    [[ " ${found[*]} " == *" $pattern "* ]] || wrong "$package: has no $pattern"
  done
}

arch=$(dpkg-architecture -q DEB_HOST_MULTIARCH)
major=${version%%.*}
library=libvesicle$major
[ "$(cd "$folder" && ls ./*.deb | wc -l)" = 3 ] || wrong "not three packages: $(ls "$folder")"

for package in "$library" libvesicle-dev vesicle; do
  has "$package" Package "$package"
  has "$package" Version "$version"
  has "$package" Architecture "$(dpkg --print-architecture)"
  has "$package" Maintainer "<"
  has "$package" Description "capability-secure actor VM"
  [ "$(field "$package" Description | wc -l)" -gt 1 ] || wrong "$package: has no long description"
  # Of root, writable by nobody else, and folders that all can enter.
  dpkg-deb -c "$folder/$package"_*.deb | awk '$2 != "root/root" || $1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx)$/' |
    grep . && wrong "$package: these have strange owners or modes"
  dpkg-deb -x "$folder/$package"_*.deb "$into" || wrong "$package: does not unpack"
done
needed=(libabsl libuv1 libssl3 libgmp10 libmpfr6 libc6 libstdc++6)
has "$library" Section libs
has "$library" Depends "${needed[@]}"
has libvesicle-dev Section libdevel
has libvesicle-dev Depends "$library (= $version)" libabsl-dev libuv1-dev libssl-dev libgmp-dev libmpfr-dev
has vesicle Section interpreters
has vesicle Depends "${needed[@]}"
[[ $(field vesicle Depends) == *libvesicle* ]] && wrong "vesicle: wants the library, which it has in it"

holds "$library" "/usr/lib/$arch/libvesicle.so.$major" "/usr/lib/$arch/libvesicle.so.$version" \
  "/usr/share/doc/$library/copyright"
holds libvesicle-dev '/usr/include/vesicle/vm/*.h' '/usr/include/vesicle/membrane/*.h' \
  '/usr/include/vesicle/transport/*.h' "/usr/lib/$arch/libvesicle.so" "/usr/lib/$arch/libvesicle.a" \
  "/usr/lib/$arch/pkgconfig/vesicle.pc" "/usr/lib/$arch/cmake/Vesicle/*.cmake" \
  /usr/share/doc/libvesicle-dev/copyright
holds vesicle /usr/bin/vesicle /usr/share/man/man1/vesicle.1.gz \
  /usr/share/bash-completion/completions/vesicle /usr/share/zsh/vendor-completions/_vesicle \
  /usr/share/fish/vendor_completions.d/vesicle.fish /usr/share/doc/vesicle/copyright

dpkg-deb -I "$folder/$library"_*.deb shlibs 2>/dev/null | grep -q "^libvesicle $major $library (= $version)" ||
  wrong "$library: has no shlibs"
dpkg-deb -I "$folder/$library"_*.deb triggers 2>/dev/null | grep -q ldconfig || wrong "$library: does not call ldconfig"
for file in "$into/usr/lib/$arch/libvesicle.so" "$into/usr/lib/$arch/libvesicle.a" "$into/usr/bin/vesicle"; do
  readelf -SW "$file" | grep -q '\.debug_info' && wrong "$file: is not stripped"
done
[ "$("$into/usr/bin/vesicle" version)" = "vesicle $version" ] || wrong "the command does not run"
exit $failed
