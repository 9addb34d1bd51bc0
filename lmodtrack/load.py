"""Load logs into the database, each line exactly once."""

import dataclasses
import logging

from lmodtrack import ledger
from lmodtrack.batch import BatchWriter
from lmodtrack.dimensions import Dimensions
from lmodtrack.record import TOO_LONG
from lmodtrack.source import Fragment, SourceChanged, line_blocks
from lmodtrack.start import find_start
from lmodtrack.tally import Tally, Totals
from usagedb import errors

logger = logging.getLogger(__name__)

# A batch ends at the first of these: they bound the memory, and the work that a stop undoes.
BATCH_ROWS = 200_000
BATCH_LOADS = 150_000  # single loads, with --store_all
BATCH_BYTES = 256 << 20


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
        self.tally = Tally(rules)
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
        self.tally.clear()
        if not outcome.known_lines:
            outcome.known_lines = start.chain.line_count
        if start.entry.unsaved and self.reject_file and not self.dry_run:
            start = self._save_rejected(start, source)
        LogRun(self, start, source, outcome, progress).run()

    def _save_rejected(self, start, source):
        """Write what an earlier run rejected without --reject; return the Start anew."""
        tally = Tally(self.rules)
        tally.on_reject = self.reject_writer(source)
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

    def reject_writer(self, source):
        """Return the function that keeps the rejected lines of a source."""
        if self.reject_file is None or self.dry_run:
            return lambda line_number, line, reason: None
        return lambda line_number, line, reason: self.reject_file.add(
            source.name, line_number, line, reason
        )


class LogRun:
    """The loading of one log from its Start to its end."""

    def __init__(self, loader, start, source, outcome, progress):
        self.loader, self.source = loader, source
        self.outcome, self.progress = outcome, progress
        self.entry, self.chain, self.blocks = start.entry, start.chain, start.blocks
        self.tally = loader.tally
        self.tally.on_reject = loader.reject_writer(source)
        self._in_long_line = False
        self._committed_at = self.chain.position

    def run(self):
        """Load all blocks. What was read before a problem with the file is stored first."""
        self.source.forget_beginning()
        problem = None
        try:
            for block in self.blocks:
                self._take(block)
        except SourceChanged as change:
            self.outcome.change = str(change)
        except errors.MissingInputError as error:
            problem = error
        self._commit()
        if problem:
            raise problem
        self.outcome.has_unsaved = self.entry.unsaved > 0
        self.outcome.is_whole = not self.outcome.change and self.source.rest_bytes == 0

    def _take(self, block):
        if isinstance(block, Fragment):
            self._take_long_line(block)
        else:
            self.tally.add_block(block, self.chain.line_count + 1)
        self.chain.add(block)
        self.outcome.read_bytes += len(block)
        self.progress(self.source.done_bytes())
        if self._is_full():
            self._commit()

    def _is_full(self):
        return (
            self.tally.row_count() >= BATCH_ROWS
            or len(self.tally.single_loads) >= BATCH_LOADS
            or self.chain.position - self._committed_at >= BATCH_BYTES
        )

    def _take_long_line(self, fragment):
        if not self._in_long_line:
            self.tally.totals.lines += 1
            self.tally.reject(self.chain.line_count + 1, bytes(fragment), TOO_LONG)
        self._in_long_line = not fragment.endswith(b"\n")

    def _commit(self):
        """Store what has been counted, with its place in the log; not inside a line."""
        if self._in_long_line or self.chain.position == self._committed_at:
            return
        rows = self.tally.row_count()
        if not self.loader.dry_run:
            self._write()
        self._committed_at = self.chain.position
        self.outcome.rows += rows
        self.outcome.totals.add(self.tally.totals)
        self.tally.clear()

    def _write(self):
        unsaved = self.entry.unsaved
        if self.loader.reject_file:
            self.loader.reject_file.save()
        else:
            unsaved += self.tally.totals.rejected
        place = ledger.place_of(self.entry, self.chain, unsaved, self.source.name)
        self.entry = self.loader.writer.write(self.tally, place)
