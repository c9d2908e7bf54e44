#!/bin/bash
# Wrong calls of typed actors do not compile, and the compiler says why in a sentence of ours.
#   compile_errors.sh COMPILER SOURCE_DIR
set -u
compiler=$1
root=$2
source=$root/tests/vm/native/wrong/typed_wrong.cc
flags=(-std=c++20 -fsyntax-only -I"$root" -Wno-unused)
# clang gives up after twenty.
"$compiler" --version | grep -q clang && flags+=(-ferror-limit=0)

if ! right=$("$compiler" "${flags[@]}" "$source" 2>&1); then
  echo "what is right does not compile:"
  echo "$right" | head -20
  exit 1
fi
wrong=$("$compiler" "${flags[@]}" -DWRONG "$source" 2>&1) && { echo "what is wrong compiles"; exit 1; }

failed=0
count=0
while IFS=: read -r line text; do
  wanted=${text#*// wants: }
  count=$((count + 1))
  if ! grep -q "typed_wrong.cc:$line:" <<<"$wrong"; then
    echo "line $line compiles: $text"
    failed=1
  elif ! grep -qE "$wanted" <<<"$wrong"; then
    echo "line $line: nobody says: $wanted"
    failed=1
  fi
done < <(grep -nE '// wants: ' "$source" | sed -E 's/^([0-9]+):/\1:/')
[ "$count" -ge 10 ] || { echo "only $count lines found"; failed=1; }
[ $failed = 0 ] && echo "$count wrong lines are refused"
[ $failed = 0 ] || echo "$wrong" | grep -E "error|static assertion" | head -40
exit $failed
