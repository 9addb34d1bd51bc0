"""Load logs into the database, each line exactly once."""

import contextlib
import dataclasses
import functools
import logging

from lmodtrack import ledger
from lmodtrack.batch import BatchWriter
from lmodtrack.dimensions import Dimensions
from lmodtrack.logtally import LogTally
from lmodtrack.reading import End, LogReader
from lmodtrack.start import find_start
from lmodtrack.tally import Totals
from usagedb.ahead import ahead, has_second_processor
from usagedb.source import line_blocks

logger = logging.getLogger(__name__)

# A log of this size is read in a process of its own, while the one before stores what was read.
BYTES_FOR_A_PROCESS = 100_000_000


@dataclasses.dataclass
class Outcome:
    """What became of one log."""

    totals: Totals = dataclasses.field(default_factory=Totals)
    rows: int = 0  # rows of daily use written
    known_lines: int = 0  # loaded by an earlier run
    read_bytes: int = 0
    is_whole: bool = False  # nothing is left in it for a later run
    has_unsaved: bool = False  # it holds rejected lines that no --reject file has
    change: str = ""  # what happened to the file while it was read


class Loader:
    """Loads logs into one database."""

    def __init__(self, database, rules, reject_file=None, dry_run=False):
        """reject_file is a RejectFile or None; with dry_run nothing is written at all."""
        self.database, self.rules = database, rules
        self.reject_file, self.dry_run = reject_file, dry_run
        self.writer = BatchWriter(database, Dimensions())

    def load(self, source, progress=lambda done_bytes: None):
        """Load what is new in a LogSource and return the Outcome. Commits batch by batch.

        progress is called with the bytes read so far. Raises UnavailableError, WriteError or
        MissingInputError; what was committed before stays, and the next run goes on from there.
        """
        outcome = Outcome()
        while True:
            start = find_start(self.database, source)
            if start is None:
                outcome.is_whole = source.rest_bytes == 0
                return outcome
            try:
                self._load_from(start, source, outcome, progress)
                return outcome
            except ledger.LedgerMoved:
                logger.info("%s: another run is loading it too, looking again", source.name)
                source.rewind()  # the other run has come further, so this ends

    def _load_from(self, start, source, outcome, progress):
        if not outcome.known_lines:
            outcome.known_lines = start.chain.line_count
        if start.entry.unsaved and self.reject_file and not self.dry_run:
            start = self._save_rejected(start, source)
        LogRun(self, start, source, outcome, progress).run()

    def _save_rejected(self, start, source):
        """Write what an earlier run rejected without --reject; return the Start anew."""
        tally = LogTally(self.rules)
        tally.on_reject = functools.partial(self.reject_file.add, source.name)
        end, place, line_number = start.entry.position, 0, 1
        source.rewind()
        for block in line_blocks(source):
            if place >= end:
                break
            block = block[: end - place]
            if block.endswith(b"\n"):
                tally.add_block(block, line_number)
            place += len(block)
            line_number += block.count(b"\n")
            tally.clear()
        self.reject_file.save()
        ledger.mark_saved(self.database, start.entry)
        source.rewind()
        return find_start(self.database, source)

    def parts(self, start, source):
        """Return an iterator over the Parts of a log, and its End."""
        reject_file = None if self.dry_run else self.reject_file
        reader = LogReader(self.rules, source, start, reject_file)
        if source.size_bytes < BYTES_FOR_A_PROCESS or not has_second_processor():
            return reader.parts()
        if reject_file:
            reject_file.save()  # what waits in memory would be written by both processes
        return ahead(reader.parts())


class LogRun:
    """The loading of one log from its Start to its end."""

    def __init__(self, loader, start, source, outcome, progress):
        self.loader, self.source = loader, source
        self.outcome, self.progress = outcome, progress
        self.start, self.entry = start, start.entry

    def run(self):
        """Store all parts, then tell how the reading ended."""
        with contextlib.closing(self.loader.parts(self.start, self.source)) as parts:
            for part in parts:
                if isinstance(part, End):
                    self._end(part)
                else:
                    self._store(part)

    def _store(self, part):
        counted = part.counts
        if not self.loader.dry_run:
            unsaved = self.entry.unsaved
            if not self.loader.reject_file:
                unsaved += counted.totals.rejected
            place = ledger.place_of(self.entry, part.place, unsaved, self.source.name)
            self.entry = self.loader.writer.write(counted, place)
        self.outcome.rows += len(counted.counts)
        self.outcome.totals.add(counted.totals)
        self.outcome.read_bytes += part.read_bytes
        self.progress(part.done_bytes)

    def _end(self, end):
        self.source.end_state = end.file_state
        self.outcome.change = end.change
        self.outcome.has_unsaved = self.entry.unsaved > 0
        self.outcome.is_whole = not end.change and end.rest_bytes == 0
        if end.problem:
            raise end.problem
