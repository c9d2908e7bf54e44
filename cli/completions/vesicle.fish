# Completion of vesicle for fish. Which commands and options there are is asked of the command itself.

# NAME<tab>what it does
function __vesicle_commands
    vesicle --help 2>/dev/null | sed -n '/^examples/q; s/^  \([a-z-]*\)  *\(.*\)/\1\t\2/p'
    printf 'help\tprints the commands\n'
end

# --name<tab>what it does, or --name=<tab>what it does
function __vesicle_options
    set -l words (commandline -opc)
    vesicle $words[2] --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*=\{0,1\}\)[^ ]* *\(.*\)/\1\t\2/p'
end

function __vesicle_wants_command
    test (count (commandline -opc)) -eq 1
end

function __vesicle_wants_option
    test (count (commandline -opc)) -gt 1; and string match -q -- '-*' (commandline -ct)
end

complete -c vesicle -n __vesicle_wants_command -f -a '(__vesicle_commands)'
complete -c vesicle -n __vesicle_wants_option -f -a '(__vesicle_options)'
