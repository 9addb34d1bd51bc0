"""What any epmt command shares on the command line: parser, logging, signals, exit codes."""

import argparse
import contextlib
import errno
import logging
import os
import signal
import sys

from epmtlite.collect import errors
from epmtlite.collect.settings import Settings, environment_lines, load
from epmtlite.collect.texts import visible
from epmtlite.collect.version import VERSION

logger = logging.getLogger("epmtlite")

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
LOG_MODE = 0o600


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


class Parser(argparse.ArgumentParser):
    """A parser whose errors are those of epmt."""

    def __init__(self, *arguments, **options):
        options.setdefault("formatter_class", Formatter)
        super().__init__(*arguments, **options)

    def error(self, message):
        """Raise UsageError."""
        raise errors.UsageError(f"{message}: see {self.prog} -h")


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
        dest="command_name", metavar="command", parser_class=Parser, title="commands"
    )
    return parser, subparsers


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


def execute(parser, arguments, command=None):
    """Run the command that arguments name and return its exit status; command is what follows the
    options of `run`. Without arguments, print the help.

    An expected error is one `Error:` line on stderr; a traceback is for bugs.
    """
    try:
        try:
            status = finish(parser, arguments, command)
        except SystemExit as end:  # of -h and -V
            status = end.code or 0
        sys.stdout.flush()
    except errors.Interrupted as error:
        return error.exit_code
    except errors.CollectError as error:
        return tell(error)
    except OSError as error:
        return lost_output(error)
    return status


def finish(parser, arguments, command):
    """Run a command; return its exit status. Raises CollectError or OSError."""
    set_up_logging(0)
    options = parser.parse_args(arguments)
    if not getattr(options, "handler", None):
        parser.print_help()
        return 0
    given = options.verbose_before + options.verbose_after
    set_up_logging(given)  # for what the settings file has to say
    options.settings = settings_for(options)
    options.verbosity = given or max(0, options.settings.verbose)
    options.parser = parser
    if command is not None:
        options.command = command
    set_up_logging(options.verbosity, options.settings.logfile)
    if getattr(options, "leaves_signals", False):
        return options.handler(options) or 0
    with caught_signals():
        return options.handler(options) or 0


def settings_for(options):
    """Return the Settings; a command that must not fail gets the defaults, with a warning.

    Raises ConfigurationError.
    """
    try:
        return load()
    except errors.ConfigurationError as error:
        if not getattr(options, "never_fails", False):
            raise
        logger.warning("%s: the defaults are used", error)
        return Settings()


@contextlib.contextmanager
def caught_signals():
    """Have signals end what is done meanwhile in good order."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    caught = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]  # by nohup
    for number in caught:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


def interrupt(signal_number, _frame):
    """Turn a signal into an exception, so that what is half done is undone."""
    raise errors.Interrupted(signal_number)


def tell(error):
    """Print one line about an error and return its status."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("traceback", exc_info=error)
    print_error(error)
    return error.exit_code


def print_error(error):
    """Print one line about an error on stderr."""
    write_line(sys.stderr, "Error: " + visible(error))


def write_line(stream, text):
    """Print a line, with escapes for what the locale cannot write."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def print_line(text):
    """Print a line of the result."""
    write_line(sys.stdout, text)


def lost_output(error):
    """Return the status for output that could not be written; quiet when its reader went away.

    Raises the error if it is a bug.
    """
    try:
        sys.stdout.flush()
    except OSError:  # the rest of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 128 + signal.SIGPIPE
    if error.errno in DISK_ERRORS:
        return tell(errors.WriteError(f"cannot write the output: {error.strerror}"))
    raise error


class LineFormatter(logging.Formatter):
    """One line per message, safe for a terminal."""

    def format(self, record):
        """Return the text of a message."""
        text = visible(record.getMessage())
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return "Warning: " + text if record.levelno == logging.WARNING else text


def set_up_logging(verbosity, path=""):
    """Send messages of the package to stderr: warnings, with -v more, with -vv all; and to the file
    path, if there is one and stdout is no terminal."""
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    handlers = [logging.StreamHandler(sys.stderr)]
    if path and not sys.stdout.isatty():
        handlers += log_file(path)
    for handler in handlers:
        handler.setFormatter(LineFormatter())
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = False


def log_file(path):
    """Return the handler that appends to a log file, as a list; none, with a warning, if it cannot
    be written. A link is not followed."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, LOG_MODE)
    except OSError as error:
        logger.warning("cannot write the log file %s: %s", path, error.strerror)
        return []
    stream = open(descriptor, "a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(levelname)s: %(module)s: %(message)s"))
    return [handler]
