"""What the portal writes to its log: a line for what is expected, tracebacks for bugs alone."""

import logging

from usagedb.cli import LineFormatter


class LogLines(LineFormatter):
    """Leaves out the traceback of a warning: that somebody may not see a page is no bug."""

    def format(self, record):
        """Return the text of a record."""
        if record.exc_info and record.levelno < logging.ERROR:
            record = logging.makeLogRecord({**record.__dict__, "exc_info": None})
        return super().format(record)
