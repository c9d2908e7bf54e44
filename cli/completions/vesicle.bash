# Completion of vesicle for bash. Which commands and options there are is asked of the command itself.
_vesicle() {
  local vesicle=${COMP_WORDS[0]/#\~/$HOME}
  # bash splits at `=`: the word is put together again, and `typed` is what COMPREPLY must leave out.
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} option= i
  if [ "$word" = = ]; then
    option=$before word=
  elif [ "$before" = = ]; then
    option=${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$("$vesicle" --help 2>/dev/null |
      sed -n '/^examples/q; s/^  \([a-z-]*\) .*/\1/p') help" -- "$word"))
    return
  fi
  compopt -o filenames 2>/dev/null
  case $option in
    --allow-read | --allow-write) COMPREPLY=($(compgen -d -- "$word")); return ;;
    --identity | --svg) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --dialect)
      COMPREPLY=($(compgen -W 'spec suite-main suite-branch endo goblins' -- "$word"))
      return ;;
    --*) return ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$("$vesicle" "${COMP_WORDS[1]}" --help 2>/dev/null |
      sed -n 's/^  \(--[a-z-]*=\{0,1\}\).*/\1/p')" -- "$word"))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return
  fi
  case ${COMP_WORDS[1]} in
    test | check | disasm) COMPREPLY=($(compgen -f -X '!*.ves' -- "$word") $(compgen -d -- "$word")) ;;
    run | graph)
      # Programs, until there is one; what follows is the program's own.
      for ((i = 2; i < COMP_CWORD; ++i)); do
        [[ ${COMP_WORDS[i]} == *.ves ]] && { COMPREPLY=($(compgen -f -- "$word")); return; }
      done
      COMPREPLY=($(compgen -f -X '!*.ves' -- "$word") $(compgen -d -- "$word")) ;;
    keygen | call) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _vesicle vesicle
