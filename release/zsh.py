"""Write completion for zsh: one function a command, which starts no program."""

import re

SCRIPT = """\
#compdef {name}
# zsh completion of {name}; made from the command itself. It starts no program.
{function}() {{
  local context state state_descr line curcontext="$curcontext"
  typeset -A opt_args
{body}}}
{function} "$@"
"""
BELOW = """\
  _arguments -s -C \\
{specs}    '1:command:->command' '*::argument:->arguments' && return
  case $state in
    command)
      local -a commands=(
{commands}      )
      _describe command commands
      ;;
    arguments)
      case $words[1] in
{cases}      esac
      ;;
  esac
"""


def script(command):
    """Return the completion of a described command."""
    body = below(command) if command.commands else f"  _arguments -s \\\n{specs(command)}\n"
    function = "_hpcusage_" + re.sub(r"\W", "_", command.name)
    return SCRIPT.format(name=command.name, function=function, body=body)


def below(command):
    """Return the body for a command with others below it."""
    commands = "".join(
        f"        {quoted(colons(one.word) + ':' + one.summary)}\n" for one in command.commands
    )
    cases = "".join(
        f"        {one.word})\n          _arguments -s \\\n{specs(one, 12)}\n          ;;\n"
        for one in command.commands
    )
    own = "".join(f"    {spec} \\\n" for spec in option_specs(command))
    return BELOW.format(specs=own, commands=commands, cases=cases)


def specs(command, indent=4):
    """Return the words of _arguments of a command, one a line."""
    words = [*option_specs(command), *argument_specs(command)]
    return " \\\n".join(" " * indent + word for word in words)


def option_specs(command):
    """Return a word for every name of every option."""
    found = []
    for option in command.options:
        others = "*" if option.repeats else f"({' '.join(option.names)})"
        for name in option.names:
            join = "" if not option.value else "=" if name.startswith("--") else "+"
            value = ""
            if option.value:
                optional = ":" if option.is_optional else ""
                value = f"{optional}:{colons(option.value)}:{action(option.kind, option.choices)}"
            found.append(quoted(f"{others}{name}{join}[{brackets(option.help)}]{value}"))
    return found


def argument_specs(command):
    """Return the words for what stands without an option."""
    found: list = []
    for argument in command.arguments:
        if argument.kind == "command":
            return [*found, "'(-)1:command:_command_names -e'", "'*::arguments:_normal'"]
        last = argument is command.arguments[-1]
        place = "*" if last else str(len(found) + 1)
        found.append(
            quoted(f"{place}:{colons(argument.name)}:{action(argument.kind, argument.choices)}")
        )
    return found


def action(kind, choices):
    """Return what completes a kind of value; a blank only tells what is wanted."""
    if kind == "choice":
        return f"({' '.join(choices)})"
    return {"file": "_files", "directory": "_files -/"}.get(kind, " ")


def colons(text):
    """Return a text in which zsh sees no end of a part."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def brackets(text):
    """Return a help text within [ ]."""
    return colons(text).replace("[", "\\[").replace("]", "\\]")


def quoted(text):
    """Return one word of the shell."""
    return "'" + text.replace("'", "'\\''") + "'"
