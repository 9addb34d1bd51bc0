"""Describe epmt, whose command line is that of argparse."""

import argparse
import re

from epmtlite.asking_line import add_asking_commands
from epmtlite.collect import cli, parsing
from epmtlite.command import DESCRIPTION
from epmtlite.storing_line import add_storing_commands
from release.describe import Argument, Command, Option, kind_of, sentence

EXAMPLES = re.compile(r"\bExamples?: (.*)\Z", re.DOTALL | re.IGNORECASE)
# Its arguments are not argparse's: what follows is the command that is recorded.
RUN = [Argument("command", "the command that is recorded, and its arguments", [], "command")]


def describe_epmt():
    """Return the Command of epmt with those below it."""
    parser, subparsers = parsing.make_parser(DESCRIPTION)
    cli.add_collection_commands(subparsers, *[handler()] * 4)
    add_storing_commands(subparsers, handler)
    add_asking_commands(subparsers, handler)
    found = describe("epmt", parser, DESCRIPTION)
    found.usage = "[-h] [-V] [-v] command ..."
    found.paragraphs.append(("epmt COMMAND -h tells the options of a command.", False))
    found.examples = [line.strip() for line in parsing.EXAMPLES.splitlines()[1:]]
    found.commands = [
        describe(f"epmt {one.dest}", subparsers.choices[one.dest], one.help)
        for one in subparsers._choices_actions
    ]
    return found


def handler(*_names):
    """Stand in for what carries out a command."""
    return print


def describe(name, parser, summary):
    """Return the Command of a parser."""
    epilog = "" if name == "epmt" else parser.epilog or ""
    examples = EXAMPLES.search(epilog)
    text = epilog[: examples.start()] if examples else epilog
    usage = " ".join(parser.format_usage().split()).partition(f"{name} ")[2]
    actions = [one for one in parser._actions if one.help != argparse.SUPPRESS]
    return Command(
        name=name,
        summary=sentence(summary),
        usage=usage,
        paragraphs=[(parser.description.capitalize().rstrip(".") + ".", False)]
        + ([(" ".join(text.split()), False)] if text.strip() else []),
        examples=re.split(r"; (?=epmt )", examples.group(1).strip()) if examples else [],
        options=[describe_option(parser, one) for one in actions if one.option_strings],
        arguments=RUN if name == "epmt run" else arguments_of(parser, actions),
    )


def describe_option(parser, action):
    """Return the Option of an action."""
    value = ""
    if action.nargs != 0:
        choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
        value = action.metavar or choices or action.dest.upper()
        value = f"[{value}]" if action.nargs == "?" else value.strip("{}").replace(",", "|")
    return Option(
        names=list(action.option_strings),
        value=value,
        help=help_of(parser, action),
        choices=list(map(str, action.choices or ())),
        is_optional=action.nargs == "?",
        repeats=isinstance(action, (argparse._AppendAction, argparse._CountAction)),
    )


def arguments_of(parser, actions):
    """Return the Arguments of a parser."""
    found = []
    for action in actions:
        if action.option_strings or isinstance(action, argparse._SubParsersAction):
            continue
        name = action.metavar or action.dest
        choices = list(map(str, action.choices or ()))
        kind = "choice" if choices else kind_of(str(name).upper())
        found.append(Argument(str(name), help_of(parser, action), choices, kind))
    return found


def help_of(parser, action):
    """Return the help of an action, with its values put in."""
    return parser._get_formatter()._expand_help(action) if action.help else ""
