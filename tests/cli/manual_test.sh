#!/usr/bin/env bash
# The manual and the completions know the commands and options that the command has, and no others.
#
#   tests/cli/manual_test.sh build/release/vesicle
# groff, zsh and fish are asked too where they are installed; .ci/run installs them.
set -u
source_root=$(cd "$(dirname "$0")/../.." && pwd)
. "$source_root/tests/cli/check.sh"
completions=$source_root/cli/completions

page=$(sed 's/\\-/-/g' "$source_root/cli/man/vesicle.1")
# section HEADING: its lines. options_in HEADING: "--name" or "--name=VALUE" of each.
section() { awk -v heading="$1" '/^\.S[SH] /{inside = $0 == heading; next} inside' <<<"$page"; }
options_in() { section "$1" | sed -n 's/^\.BI\{0,1\} \(--[a-z-]*=\{0,1\}\) *\(.*\)/\1\2/p'; }
# What the command itself says.
options_of() { "$vesicle" "$1" --help | sed -n 's/^  \(--[^ ]*\).*/\1/p'; }

commands=$("$vesicle" --help | sed -n '/^examples/q; s/^  \([a-z-]*\) .*/\1/p')
has "commands, some" "$commands" '^run$'
expect "manual, commands" "$(sed -n 's/^\.SS vesicle //p' <<<"$page" | sort)" "$(sort <<<"$commands")"
synopsis=$(section ".SH SYNOPSIS" | sed -n 's/^\.B \([a-z-]*\)$/\1/p')
expect "manual, synopsis" "$(sort <<<"$synopsis")" "$(sort <<<"$commands")"

common=$(options_in ".SH Grants and limits")
has "manual, grants" "$common" '^--allow-read=DIR$'
for command in $commands; do
  [ "$command" = version ] && continue
  in_page=$(options_in ".SS vesicle $command")
  section ".SS vesicle $command" | grep -q 'Grants and limits' && in_page+=$'\n'$common
  expect "manual, options of $command" "$(sort <<<"$in_page" | grep .)" \
    "$(options_of "$command" | grep -v '^--help$' | sort)"
done

# Rendered without a word from groff, in lines that a terminal has.
if command -v groff >/dev/null; then
  expect "groff" "$(groff -man -Tutf8 -rLL=80n -ww -z "$source_root/cli/man/vesicle.1" 2>&1)" ""
fi

# --- bash
. "$completions/vesicle.bash"
# completed WORDS...: what is offered for the last of them
completed() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _vesicle
  printf '%s\n' "${COMPREPLY[@]}"
}
touch a.ves b.ves c.txt
mkdir -p d
expect "bash, commands" "$(completed "$vesicle" '' | sort)" "$(printf '%s\nhelp\n' "$commands" | sort)"
expect "bash, one command" "$(completed "$vesicle" conf)" conformance-server
for command in $commands; do
  [ "$command" = version ] && continue
  expect "bash, options of $command" "$(completed "$vesicle" "$command" - | sort)" \
    "$(options_of "$command" | sed 's/=.*/=/' | sort)"
done
expect "bash, one option" "$(completed "$vesicle" run --allow-r)" --allow-read=
expect "bash, a directory" "$(completed "$vesicle" run --allow-read =)" d
expect "bash, a directory begun" "$(completed "$vesicle" run --allow-read = d)" d
expect "bash, no value to know" "$(completed "$vesicle" run --seed =)" ""
expect "bash, a dialect" "$(completed "$vesicle" call --dialect = su)" $'suite-main\nsuite-branch'
expect "bash, programs" "$(completed "$vesicle" run '' | sort)" $'a.ves\nb.ves\nd'
expect "bash, the program's own" "$(completed "$vesicle" run a.ves c)" c.txt
expect "bash, tests" "$(completed "$vesicle" test a.ves b)" b.ves

# --- zsh and fish
if command -v zsh >/dev/null; then
  # zshed WORDS...: what is handed to zsh's own functions for the last of them
  zshed() {
    zsh -f -c 'setopt extendedglob
      _arguments() { print -rl -- "$@" }
      _describe() { print -rl -- "${(@P)2}" }
      completion=$1; shift
      words=("$@") CURRENT=$#
      complete_it() { source $completion }
      complete_it' zsh "$completions/_vesicle" "$@" 2>&1
  }
  expect "zsh, commands" "$(zshed "$vesicle" '' | sed 's/:.*//' | sort)" "$(printf '%s\nhelp\n' "$commands" | sort)"
  for command in $commands; do
    [ "$command" = version ] && continue
    expect "zsh, options of $command" "$(zshed "$vesicle" "$command" - | sed -n 's/^\*\{0,1\}\(--[a-z-]*=\{0,1\}\)\[.*/\1/p' | sort)" \
      "$(options_of "$command" | sed 's/=.*/=/' | sort)"
  done
  has "zsh, a directory" "$(zshed "$vesicle" run -)" '^\*--allow-read=\[host.files is DIR, .*\]:DIR:_directories$'
fi
if command -v fish >/dev/null; then
  expect "fish, syntax" "$(fish -n "$completions/vesicle.fish" 2>&1)" ""
  mkdir -p bin
  ln -s "$vesicle" bin/vesicle
  # fished LINE: what is offered at its end, without what it says about it
  fished() {
    HOME=$folder PATH=$folder/bin:$PATH fish -c "source $completions/vesicle.fish; complete -C '$1'" |
      cut -f 1
  }
  expect "fish, commands" "$(fished 'vesicle ' | sort)" "$(printf '%s\nhelp\n' "$commands" | sort)"
  for command in $commands; do
    [ "$command" = version ] && continue
    expect "fish, options of $command" "$(fished "vesicle $command --" | sort)" \
      "$(options_of "$command" | sed 's/=.*/=/' | sort)"
  done
fi

exit $failed
