"""Describe a click command."""

import re

import click

from release.describe import Argument, Command, Option, kind_of, sentence

EXAMPLES = re.compile(r"^\s*Examples?:\s*$", re.MULTILINE)
AS_WRITTEN = "\b"  # click: the paragraph that follows is not filled


def describe(name, command, parent=None):
    """Return the Command of a click command."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    context.info_name = name.rpartition(" ")[2]
    text, examples = split_examples(command.help or "")
    parameters = command.get_params(context)
    found = Command(
        name=name,
        summary=sentence(text),
        usage=" ".join(command.collect_usage_pieces(context)),
        paragraphs=paragraphs(text) + paragraphs(command.epilog or ""),
        examples=examples,
        options=[describe_option(one, context) for one in parameters if is_shown(one)],
        arguments=[
            describe_argument(one, context) for one in parameters if isinstance(one, click.Argument)
        ],
    )
    if isinstance(command, click.Group):
        found.arguments = []
        found.commands = [
            describe(f"{name} {word}", command.get_command(context, word), context)
            for word in command.list_commands(context)
        ]
    return found


def is_shown(parameter):
    """Tell whether a parameter is an option that the help shows."""
    return isinstance(parameter, click.Option) and not parameter.hidden


def describe_option(option, context):
    """Return the Option of a click option."""
    _names, text = option.get_help_record(context)
    has_value = not (option.is_flag or option.count)
    return Option(
        names=sorted([*option.opts, *option.secondary_opts], key=lambda one: one.startswith("--")),
        value=value_of(option, context) if has_value else "",
        help=" ".join(text.split()),
        choices=choices_of(option),
        repeats=bool(option.multiple or option.count),
    )


def value_of(option, context):
    """Return how the help names the value of an option; words to choose from without brackets."""
    value = option.make_metavar(context)
    return value.strip("[]") if choices_of(option) else value


def describe_argument(argument, context):
    """Return the Argument of a click argument."""
    choices = choices_of(argument)
    name = argument.make_metavar(context)
    path = isinstance(argument.type, (click.Path, click.File))
    kind = "choice" if choices else "file" if path else kind_of(name.strip("[].").upper())
    return Argument(name=name, choices=choices, kind=kind)


def choices_of(parameter):
    """Return the words that a parameter takes, [] if it takes any."""
    return [str(one) for one in getattr(parameter.type, "choices", ())]


def split_examples(text):
    """Return (a help text without its examples, the lines of these)."""
    found = EXAMPLES.search(text)
    if not found:
        return text, []
    block, blank, rest = text[found.end() :].lstrip("\n").partition("\n\n")
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    return text[: found.start()].rstrip(f" \n{AS_WRITTEN}") + blank + rest, lines


def paragraphs(text):
    """Return [(paragraph, whether its lines stay as they are)] of a help text."""
    found = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = [line.strip() for line in block.splitlines()]
        written = bool(lines) and lines[0] == AS_WRITTEN
        lines = [line for line in lines if line and line != AS_WRITTEN]
        if lines:
            found.append(("\n".join(lines) if written else " ".join(lines), written))
    return found
