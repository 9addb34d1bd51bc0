"""What all commands share on the command line: options, logging, signals, exit codes."""

import contextlib
import errno
import functools
import importlib.util
import io
import logging
import os
import signal
import sys

import click

import usagedb
from usagedb import errors, signals
from usagedb.config import DEFAULT_DBNAME, find_config, shown
from usagedb.output import FORMATS
from usagedb.terminal import visible

logger = logging.getLogger("usagedb")

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def run(command, arguments=None):
    """Run a click command and end the process with its status; the only place that does.

    Expected errors become one `Error:` line on stderr; a traceback is for bugs and --debug.
    """
    signals.heed()
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever the locale can write
    try:
        status = finish(command, arguments)
        if sys.stdout:
            sys.stdout.flush()
        signals.ignore()
    except OSError as error:
        status = lost_output(error)
    except errors.RunInterrupted as error:  # when all was done but that
        status = error.exit_code
    signals.ignore()
    sys.exit(status)


def open_closed_streams():
    """Let what is written go nowhere where the caller has closed stdout or stderr (`>&-`)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123


def finish(command, arguments):
    """Run a click command and return its exit status.

    Raises OSError if its output cannot be written.
    """
    streams = sys.stdout, sys.stderr
    try:
        result = command.main(args=arguments, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except SystemExit as end:
        if (sys.stdout, sys.stderr) == streams:
            raise
        sys.stdout, sys.stderr = streams  # click replaces them when a pipe was closed
        raise BrokenPipeError(errno.EPIPE, "closed pipe") from end
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except click.Abort:
        return 128 + signal.SIGINT
    except errors.RunInterrupted as error:
        return error.exit_code
    except errors.UsageDBError as error:
        return tell(error, error.exit_code)
    except ModuleNotFoundError as error:
        return tell(lacking_library(error), errors.ConfigurationError.exit_code)


def lacking_library(error):
    """Return what a Python without one of the libraries is told, as in a clone that was not
    installed. Raises the error if only a part of a package is not there, which is a bug."""
    name = (error.name or "").partition(".")[0]
    if not name or importlib.util.find_spec(name):
        raise error
    text = f"{name} is not installed for {sys.executable}: install hpcusage with its libraries"
    return errors.ConfigurationError(text)


def tell(error, status):
    """Print one line about an expected error and return its status."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("traceback", exc_info=error)
    with contextlib.suppress(OSError):  # a log on a full disk: the status says it all the same
        print(f"Error: {visible(error)}", file=sys.stderr)
    return status


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
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return tell(error, errors.WriteError.exit_code)
    raise error


class LineFormatter(logging.Formatter):
    """One line per message on stderr, safe for a terminal."""

    def format(self, record):
        text = visible(record.getMessage())
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"Warning: {text}" if record.levelno == logging.WARNING else text


def set_up_logging(verbose, quiet, debug):
    """Send log lines to stderr: warnings by default, more with -v and -vv, errors with -q."""
    level = logging.DEBUG if debug or verbose > 1 else logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.ERROR if quiet else level, handlers=[handler], force=True)


def common_options(function):
    """Add -v, -q, --debug and --version; the command gets `quiet` only."""

    @click.option("-v", "--verbose", count=True, help="Say what was done (-vv: and how).")
    @click.option("-q", "--quiet", is_flag=True, help="Say errors only.")
    @click.option("-D", "--debug", is_flag=True, help="Show the traceback of an error, and more.")
    @click.version_option(usagedb.__version__, prog_name="hpcusage")
    @functools.wraps(function)
    def with_common(*arguments, verbose, quiet, debug, **options):
        set_up_logging(verbose, quiet, debug)
        return function(*arguments, quiet=quiet, **options)

    return with_common


def database_options(default_dbname=DEFAULT_DBNAME):
    """Add --confFn, --dbname and --show-config; the command gets `config`, a DatabaseConfig.

    default_dbname is a name, or a function that finds it from the command's options; where that
    returns None, and no configuration is named, the command needs none and gets None.
    """
    is_name = isinstance(default_dbname, str)
    shown_default = default_dbname if is_name else "that of the schema"

    def decorate(function):
        @click.option("--confFn", "conf_path", metavar="FILE", help="Database configuration file.")
        @click.option(
            "--dbname",
            metavar="NAME",
            help=f"Look for NAME_db.conf here and in /etc/hpcusage.  [default: {shown_default}]",
        )
        @click.option("--show-config", is_flag=True, help="Print the configuration and end.")
        @functools.wraps(function)
        def with_database(*arguments, conf_path, dbname, show_config, **options):
            default = default_dbname if is_name else default_dbname(options)
            if default is None and not (conf_path or dbname or show_config):
                return function(*arguments, config=None, **options)
            config = find_config(conf_path, dbname, default or DEFAULT_DBNAME)
            logger.info("database: %s (%s)", config.describe(), config.source)
            if show_config:
                click.echo(shown(config))
                return 0
            return function(*arguments, config=config, **options)

        return with_database

    return decorate


format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print the result.",
)
wait_option = click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait this long for another run to end.  [default: end with 75 at once]",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")


def confirm(question, yes, option="--yes"):
    """Ask a person at a terminal, unless the option was given; return when it is agreed.

    Raises UsageError for the answer no, and when nobody can be asked.
    """
    if yes:
        return
    if not (sys.stdin and sys.stdin.isatty()):
        raise errors.UsageError(f"{question} Nobody can be asked here: say {option}")
    if not click.confirm(question, err=True):
        raise errors.UsageError("the answer was no: nothing was done")
