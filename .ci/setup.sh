# Sourced by samples/run.sh, tests/run.sh and .ci/run: what they share.
#
#   . "$(dirname "$0")/../.ci/setup.sh"
#   need_packages "${build_packages[@]}"     installs with apt-get what is missing
#   build release vesicle -DCMAKE_BUILD_TYPE=Release    configures build/release and builds that
#                                            target in it, quietly; "all" for everything
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages=(cmake g++ ninja-build pkg-config libabsl-dev libuv1-dev libssl-dev doctest-dev libgmp-dev libmpfr-dev python3)

need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "installing: ${missing[*]}" >&2
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "not installed, and no sudo: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "apt-get failed" >&2
    exit 1
  fi
  rm -f "$log"
}

# build NAME TARGETS [CMAKE OPTIONS...]: the whole log only when it fails.
build() {
  local name=$1 targets=$2
  shift 2
  local folder=$root/build/$name
  mkdir -p "$folder"
  local log=$folder/build.log
  if ! { cmake -S "$root" -B "$folder" -G Ninja "$@" && cmake --build "$folder" --target $targets; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "the build in build/$name failed" >&2
    exit 1
  fi
}
