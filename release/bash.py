"""Write completion for bash: one file a command, which starts no program."""

import re

from release.describe import walk

PLAIN = re.compile(r"[A-Za-z0-9_.,/+:@%-]+\Z")
SCRIPT = """\
# bash completion of {name}; made from the command itself. It starts no program.
{function}() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}"
  local command="" kind="" words="" at word options_end=""
  COMPREPLY=()
  # bash makes three words of --option=value
  if [[ $current == = ]]; then
    current=""
  elif [[ $previous == = ]]; then
    previous="${{COMP_WORDS[COMP_CWORD - 2]}}"
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="${{COMP_WORDS[at]}}"
    [[ $word != -- ]] || options_end=yes
{find_command}  done
  if [[ ! $options_end ]]; then
    case $command:$previous in
{values}    esac
  fi
  if [[ ! $kind && $current == -* && ! $options_end ]]; then
    kind=choice
    case $command in
{options}    esac
  elif [[ ! $kind ]]; then
    case $command in
{arguments}    esac
  fi
  case $kind in
    choice) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    command) mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
    file | directory)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen "-${{kind:0:1}}" -- "$current")
      ;;
  esac
}}
complete -F {function} {name}
"""
FIND_COMMAND = """\
    if [[ ! $command ]]; then
      case $word in
{skip}        -*) ;;
        *) command=$word ;;
      esac
    fi
"""


def script(command):
    """Return the completion of a described command."""
    return SCRIPT.format(
        name=command.name,
        function="_hpcusage_" + re.sub(r"\W", "_", command.name),
        find_command=find_command(command),
        values="".join(f"      {text}\n" for text in value_cases(command)),
        options="".join(f"      {text}\n" for text in option_cases(command)),
        arguments="".join(f"      {text}\n" for text in argument_cases(command)),
    )


def find_command(command):
    """Return the lines that find the word of a command below this one."""
    if not command.commands:
        return ""
    names = [name for one in command.options if one.value for name in one.names]
    skip = f"        {' | '.join(names)}) ((at++)) ;;\n" if names else ""
    return FIND_COMMAND.format(skip=skip)


def word_of(command, root):
    """Return what $command is within a command: "" for the first one."""
    return "" if command is root else command.word


def value_cases(root):
    """Return the cases of what follows an option."""
    cases = []
    for command in walk(root):
        for option in command.options:
            if not option.value or option.is_optional:
                continue
            pattern = " | ".join(f"{word_of(command, root)}:{name}" for name in option.names)
            cases.append(f"{pattern}) {found(option.kind, option.choices)} ;;")
    return cases


def option_cases(root):
    """Return the cases of the options of each command."""
    return [
        f'"{word_of(command, root)}") words="{joined(all_names(command))}" ;;'
        for command in walk(root)
    ]


def all_names(command):
    """Return the names of the options of a command."""
    return [name for option in command.options for name in option.names]


def argument_cases(root):
    """Return the cases of what stands without an option."""
    cases = []
    for command in walk(root):
        if command.commands:
            words = joined(one.word for one in command.commands)
            cases.append(f'"{word_of(command, root)}") kind=choice words="{words}" ;;')
            continue
        arguments = [one for one in command.arguments if one.kind != "text"]
        if arguments:
            action = found(arguments[0].kind, arguments[0].choices)
            cases.append(f'"{word_of(command, root)}") {action} ;;')
    return cases


def found(kind, choices):
    """Return the assignments for a kind of value."""
    return f'kind=choice words="{joined(choices)}"' if kind == "choice" else f"kind={kind}"


def joined(words):
    """Return words for compgen -W; none that a shell would read otherwise."""
    return " ".join(word for word in words if PLAIN.match(word))
