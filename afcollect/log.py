"""Log lines: on stderr, where cron's redirection catches them, and when debugging in a file."""

import logging
import os
import stat
import sys

from usagedb.cli import LineFormatter

SYSTEM_LOG = "/var/log/afmetrics/afmetrics.log"


class DatedFormatter(LineFormatter):
    """One line per message, with the time: many runs share one log."""

    def format(self, record):
        return f"{self.formatTime(record, '%Y-%m-%d %H:%M:%S')} {super().format(record)}"


def set_up(verbose, debug):
    """Send log lines to stderr: warnings by default, more with -v and -vv; with `debug` also to the
    system's log file, if this account can write it."""
    level = logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING
    on_screen = logging.StreamHandler(sys.stderr)
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    on_screen.setFormatter(LineFormatter() if is_terminal else DatedFormatter())
    handlers = [on_screen, *(file_handlers() if debug else ())]
    logging.basicConfig(level=level, handlers=handlers, force=True)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logging.getLogger("kubernetes").setLevel(logging.WARNING)  # it would log what it sends


def file_handlers(path=SYSTEM_LOG):
    """Return the handler of the system's log file, in a list; none if it cannot be written."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o640)
    except OSError:
        return []
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return []
    handler = logging.StreamHandler(os.fdopen(descriptor, "a", encoding="utf-8"))
    handler.setFormatter(DatedFormatter())
    return [handler]
