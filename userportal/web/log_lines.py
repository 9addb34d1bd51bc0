"""What the portal writes to its log: a line for what is expected, tracebacks for bugs alone."""

import logging

from django.conf import settings
from django.core.exceptions import SuspiciousOperation

from usagedb.cli import LineFormatter
from userportal.own_errors import known_error


class LogLines(LineFormatter):
    """Leaves out the traceback of a warning: that somebody may not see a page is no bug.

    Nor is it one that the own database is away, or what a stranger sends: a line tells each.
    """

    def format(self, record):
        """Return the text of a record."""
        if record.exc_info:
            error = record.exc_info[1]
            reason = known_error(error, settings.PORTAL)
            if reason is not None:
                record = without_traceback(record, f": {reason}")
            elif record.levelno < logging.ERROR or isinstance(error, SuspiciousOperation):
                record = without_traceback(record)
        return super().format(record)


def without_traceback(record, more=""):
    """Return a copy of a record that is a line; Django's settings are called as ours."""
    text = record.getMessage().replace("ALLOWED_HOSTS", "[portal] hosts") + more
    return logging.makeLogRecord({**record.__dict__, "msg": text, "args": (), "exc_info": None,
                                  "exc_text": None})  # fmt: skip
