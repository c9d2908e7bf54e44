# Sourced by the tests of the command: $vesicle, a folder of their own, and what they say when
# something is not as wanted. They end with `exit $failed`.
vesicle=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failed=0

# expect WHAT GOT WANTED
expect() {
  [ "$2" = "$3" ] && return
  printf '%s: got\n%s\nwanted\n%s\n' "$1" "$2" "$3"
  failed=1
}
# has WHAT TEXT PATTERN
has() { expect "$1" "$(grep -cE -- "$3" <<<"$2" | sed 's/^[1-9].*/some/')" some; }
