"""The parsers of the command line of epmt, and the options that its commands share."""

import argparse
import itertools
import os
import sys

from epmtlite.collect import errors
from epmtlite.collect.settings import Settings, environment_lines, load
from epmtlite.collect.texts import visible
from epmtlite.collect.version import VERSION

JOINS_SHORT_OPTIONS = sys.version_info >= (3, 8)  # also without abbreviations of long ones

EXAMPLES = """\
examples:
  epmt run -a -- ./model input.nml
  epmt stage && epmt submit 4711.tgz
  epmt list procs 4711 limit=5
"""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as all commands of the suite begin theirs."""

    def add_usage(self, usage, actions, groups, prefix=None):
        """Add the first line."""
        super().add_usage(usage, actions, groups, "Usage: " if prefix is None else prefix)

    def _fill_text(self, text, width, indent):
        """Fill a text of one line; one of several is as it is written."""
        kind = argparse.RawDescriptionHelpFormatter if "\n" in text else argparse.HelpFormatter
        return kind._fill_text(self, text, width, indent)

    def _format_action_invocation(self, action):
        """Name the value of an option once, as all versions of Python from 3.13 on do."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are those of epmt, and whose long options are to be written out: one
    that deletes must not be called by mistake."""

    def __init__(self, *arguments, **options):
        options.setdefault("formatter_class", Formatter)
        options.setdefault("allow_abbrev", not JOINS_SHORT_OPTIONS)
        super().__init__(*arguments, **options)
        self._optionals.title = "options"  # as Python from 3.10 on calls them

    def _get_option_tuples(self, option_string):
        """Return the options that a word may stand for. Python 3.6 and 3.7 find -vv here, too."""
        is_long = option_string.startswith("--")
        return [] if is_long else super()._get_option_tuples(option_string)

    def error(self, message):
        """Raise UsageError."""
        raise errors.UsageError(f"{message}: see {self.prog} -h")


class CommandParser(Parser):
    """The parser of one command: its options and arguments come in any order."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.prepare = list  # returns the words to be parsed

    def parse_known_args(self, args=None, namespace=None):
        """Parse the words, prepared."""
        return super().parse_known_args(self.options_first(self.prepare(args)), namespace)

    def options_first(self, words):
        """Return the words with the options, and their values, before the arguments.

        argparse takes what follows the first arguments behind an option for too much (Python
        3.6 has no other way).
        """
        options, arguments, rest = [], [], iter(words)
        for word in rest:
            if word == "--":
                arguments += [word, *rest]
            elif word == "-" or not word.startswith("-"):
                arguments.append(word)
            elif not self.is_followed_by_value(word):
                options.append(word)
            else:
                value = list(itertools.islice(rest, 1))
                # An option without its value stays last, so that it takes no argument for it.
                (options if value else arguments).extend([word, *value])
        return options + arguments

    def is_followed_by_value(self, word):
        """Tell whether a word is an option whose value is the next word."""
        known = self._option_string_actions
        if word.startswith("--"):
            return word in known and known[word].nargs != 0
        for at, letter in enumerate(word[1:], 2):
            action = known.get("-" + letter)
            if action is None or action.nargs != 0:  # what follows in this word is its value
                return action is not None and at == len(word)
        return False


class MainParser(Parser):
    """The parser of epmt itself: its help ends with the configuration."""

    def format_help(self):
        """Return the help, with the settings and their variables as key:value lines."""
        try:
            settings = load()
            source = settings.source or "defaults"
        except errors.ConfigurationError as error:
            settings, source = Settings(), f"defaults, since {error}"
        lines = ["", f"configuration ({source}):"] + settings.lines()
        lines += ["", "environment variables (override the settings file):"]
        lines += environment_lines(os.environ)
        return super().format_help() + "\n".join(map(visible, lines)) + "\n"


def make_parser(description):
    """Return (the parser of epmt, its subparsers), without commands."""
    parser = MainParser(prog="epmt", description=description, epilog=EXAMPLES)
    parser.add_argument("-V", "--version", action="version", version="EPMT " + VERSION)
    add_verbose(parser, "verbose_before")
    subparsers = parser.add_subparsers(
        dest="command_name", metavar="command", parser_class=CommandParser, title="commands"
    )
    return parser, subparsers


def add_quiet(parser):
    """Add -q."""
    parser.add_argument("-q", "--quiet", action="store_true", help="say warnings and errors only")


def add_verbose(parser, name):
    """Add -v, which counts; it stands before or after the command."""
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, dest=name,
        help="say what is done (-vv: and how)",
    )  # fmt: skip


def add_command(subparsers, name, handler, text, **defaults):
    """Add a command, to which handler(options) returns the exit status; return its parser.

    options has what its arguments say, .settings (Settings), .verbosity (a number) and the
    defaults.
    """
    parser = subparsers.add_parser(name, help=text, description=text)
    add_verbose(parser, "verbose_after")
    parser.set_defaults(handler=handler, **defaults)
    return parser
