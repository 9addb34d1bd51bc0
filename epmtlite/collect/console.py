"""What any epmt command shares as it runs: streams, logging, signals, exit codes."""

import contextlib
import errno
import io
import logging
import os
import signal
import sys

from epmtlite.collect import errors
from epmtlite.collect.settings import Settings, load
from epmtlite.collect.texts import visible

logger = logging.getLogger("epmtlite")

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EBADF)
LOG_MODE = 0o600
# These commands do more than to print; where nobody wants to read that, they are as good.
WORKING_COMMANDS = ("run", "stage", "submit", "retire", "dbcare", "migrate")


class Closed(io.TextIOBase):
    """What stdout or stderr is where it is closed: it knows whether there was any output."""

    def __init__(self, descriptor):
        self.descriptor, self.was_written = descriptor, False

    def fileno(self):
        """Return the number that stdout or stderr has; it is /dev/null then."""
        return self.descriptor

    def writable(self):
        """Tell that it can be written."""
        return True

    def write(self, text):
        """Take a text."""
        self.was_written = self.was_written or bool(text)
        return len(text)


def execute(parser, arguments, command=None):
    """Run the command that arguments name and return its exit status; command is what follows the
    options of `run`. Without arguments, print the help.

    An expected error is one `Error:` line on stderr; a traceback is for bugs.
    """
    set_up_streams()
    try:
        try:
            status = finish(parser, arguments, command)
        except SystemExit as end:  # of -h and -V
            status = end.code or 0
            check_output()
        sys.stdout.flush()
    except errors.Interrupted as error:
        return error.exit_code
    except errors.CollectError as error:
        return tell(error)
    except OSError as error:
        return lost_output(error)
    return status


def set_up_streams():
    """Make what this process got as stdin, stdout and stderr safe to use.

    Where one is closed, what is opened next would take its number: it is /dev/null from now on,
    but closed for a command that this process becomes. What the locale cannot write is escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)  # takes the lowest free number: this one
    sys.stdout = Closed(1) if sys.stdout is None else tolerant(sys.stdout)
    sys.stderr = Closed(2) if sys.stderr is None else tolerant(sys.stderr)


def tolerant(stream):
    """Return a stream that writes escapes for what its encoding has not, as stderr always does."""
    if getattr(stream, "errors", None) == "backslashreplace":
        return stream
    if hasattr(stream, "reconfigure"):  # Python 3.7
        stream.reconfigure(errors="backslashreplace")
    elif isinstance(stream, io.TextIOWrapper):
        encoding, flushes = stream.encoding, stream.line_buffering
        return io.TextIOWrapper(
            stream.detach(), encoding, errors="backslashreplace", line_buffering=flushes
        )
    return stream


def finish(parser, arguments, command):
    """Run a command; return its exit status. Raises CollectError or OSError."""
    set_up_logging(0)
    options = parser.parse_args(arguments)
    if not getattr(options, "handler", None):
        parser.print_help()
        check_output()
        return 0
    given = options.verbose_before + options.verbose_after
    set_up_logging(given)  # for what the settings file has to say
    options.settings = settings_for(options)
    options.verbosity = given or max(0, options.settings.verbose)
    options.parser = parser
    if command is not None:
        options.command = command
    set_up_logging(options.verbosity, options.settings.logfile)
    status = carry_out(options)
    if options.command_name not in WORKING_COMMANDS or getattr(options, "dry_run", False):
        check_output()
    return status


def carry_out(options):
    """Call what carries a command out; return its exit status."""
    with contextlib.ExitStack() as stack:
        if not getattr(options, "leaves_signals", False):
            stack.enter_context(caught_signals())
        if getattr(options, "quiet", False):
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        return options.handler(options) or 0


def check_output():
    """Raise WriteError if there was a result, and stdout is closed."""
    if isinstance(sys.stdout, Closed) and sys.stdout.was_written:
        raise errors.WriteError("cannot write the output: it is closed")


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
    came = []

    def interrupt(signal_number, _frame):
        """Turn a signal into an exception, so that what is half done is undone."""
        came.append(signal_number)
        raise errors.Interrupted(signal_number)

    for number in caught:
        signal.signal(number, interrupt)
    try:
        yield
        if came:  # what is raised in a finalizer gets lost
            raise errors.Interrupted(came[0])
    finally:
        for number in caught:
            signal.signal(number, before[number])


def tell(error):
    """Print one line about an error and return its status."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("traceback", exc_info=error)
    print_error(error)
    return error.exit_code


def print_error(error):
    """Print one line about an error on stderr; where that is lost, the status says it."""
    with contextlib.suppress(OSError):
        sys.stderr.write("Error: " + visible(error) + "\n")


def print_line(text):
    """Print a line of the result, or several, safe for a terminal."""
    sys.stdout.write("\n".join(map(visible, str(text).split("\n"))) + "\n")


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
    if error.errno in OUTPUT_ERRORS:
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
    told = logging.StreamHandler(sys.stderr)
    told.setFormatter(LineFormatter())
    kept = log_file(path) if path and not sys.stdout.isatty() else []
    logger.handlers[:] = [told, *kept]
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
