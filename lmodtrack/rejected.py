"""What an earlier run rejected of a log: written to the file of --reject now, or loaded after all.

The ledger knows how many lines were rejected that no file holds. Which ones is found out by reading
them once more; the options, or the program, may have changed meanwhile, and take some of them now.
"""

import logging

from lmodtrack import ledger
from lmodtrack.identity import Chain
from lmodtrack.reading import End, LogReader
from lmodtrack.start import Start, find_start
from lmodtrack.tally import Totals
from usagedb import errors
from usagedb.source import Fragment, SourceChanged, line_blocks

logger = logging.getLogger(__name__)


class Rejected:
    """The rejected lines of one LogSource."""

    def __init__(self, database, rules, source, reject_file):
        """reject_file is a RejectFile or None."""
        self.database, self.rules = database, rules
        self.source, self.reject_file = source, reject_file
        self.blank_lines = 0

    def settle(self, start):
        """Return the Start with which the loading begins, for one of a log with unsaved lines.

        When the same lines are rejected as then, they are saved. When other options take some of
        them, the log is loaded from its beginning if nothing of it is stored; else it cannot be
        told which lines are, and all stays as it is. May commit. Raises SourceChanged or
        MissingInputError.
        """
        entry = start.entry
        has_all = start.chain.position == entry.position  # not a shorter copy of the log
        if not has_all or not (self.reject_file or entry.unsaved == entry.line_count):
            return start
        rejected = self._read(entry).rejected
        nothing_stored = entry.unsaved == entry.line_count - self.blank_lines
        if rejected == entry.unsaved:
            return self._save(entry)
        self.source.rewind()
        if nothing_stored:
            logger.info("%s was rejected whole before: it is loaded anew", self.source.name)
            return Start(entry, Chain(), line_blocks(self.source), is_anew=True)
        logger.warning(
            "%s: of its first %d lines %d were rejected when they were loaded, now it would be %d:"
            " which of them are stored cannot be told, load it with the options of then",
            self.source.name, entry.line_count, entry.unsaved, rejected,
        )  # fmt: skip
        return find_start(self.database, self.source)

    def _save(self, entry):
        if self.reject_file:
            self._read(entry, self.reject_file)
            ledger.mark_saved(self.database, entry)
        self.source.rewind()
        return find_start(self.database, self.source)

    def _read(self, entry, reject_file=None):
        """Read what is loaded of the log once more and return its Totals."""
        self.source.rewind()
        self.blank_lines, totals = 0, Totals()
        start = Start(entry, Chain(), self._blocks(entry.position))
        for part in LogReader(self.rules, self.source, start, reject_file).parts():
            if not isinstance(part, End):
                totals.add(part.counts.totals)
            elif isinstance(part.problem, errors.MissingInputError):
                raise part.problem
            elif part.change:
                raise SourceChanged(part.change)
        return totals

    def _blocks(self, size_bytes):
        """Yield the blocks of the log up to a place, which is the end of a line."""
        for block in line_blocks(self.source):
            # One that goes on is of whole lines: long ones come in parts that end with the line.
            part = block if len(block) <= size_bytes else block[:size_bytes]
            if not isinstance(block, Fragment):
                self.blank_lines += sum(not line.strip() for line in part.split(b"\n")[:-1])
            yield part
            size_bytes -= len(part)
            if not size_bytes:
                return
