"""Load logs into the database, each line exactly once."""

import contextlib
import dataclasses
import logging

from lmodtrack import ledger, record
from lmodtrack.batch import BatchWriter
from lmodtrack.dimensions import Dimensions
from lmodtrack.reading import End, LogReader
from lmodtrack.rejected import Rejected
from lmodtrack.start import find_start
from lmodtrack.tally import Totals
from usagedb import errors
from usagedb.ahead import ahead, has_second_processor
from usagedb.source import SourceChanged

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
    rest_bytes: int = 0  # of an unfinished last line
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

        progress is called with the bytes read so far. Raises UnavailableError, WriteError,
        MissingInputError, or MalformedInputError for CSV when no cluster is named; what was
        committed before stays, and the next run goes on from there.
        """
        outcome = Outcome()
        while True:
            try:
                start = find_start(self.database, source)
                if start is None:
                    outcome.rest_bytes = source.rest_bytes
                    outcome.is_whole = source.rest_bytes == 0
                else:
                    self._load_from(start, source, outcome, progress)
                return outcome
            except SourceChanged as change:  # while it was compared with what is known
                outcome.change = str(change)
                return outcome
            except ledger.LedgerMoved:
                logger.info("%s: another run is loading it too, looking again", source.name)
                source.rewind()  # the other run has come further, so this ends

    def _load_from(self, start, source, outcome, progress):
        if start.entry.unsaved and not self.dry_run:
            start = Rejected(self.database, self.rules, source, self.reject_file).settle(start)
        if record.lacks_cluster(start.first_line(), self.rules.context):
            # Each line would be rejected, and the log be known: named later, the cluster would not
            # be asked for.
            raise errors.MalformedInputError(
                f"{source.name} is CSV, which names no cluster: give it with --syshost NAME"
            )
        if not outcome.known_lines:
            outcome.known_lines = start.chain.line_count
        LogRun(self, start, source, outcome, progress).run()

    def parts(self, start, source):
        """Return an iterator over the Parts of a log, and its End."""
        reject_file = None if self.dry_run else self.reject_file
        reader = LogReader(self.rules, source, start, reject_file)
        source.forget_beginning()
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
        self.unsaved = 0 if start.is_anew else start.entry.unsaved

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
            if not self.loader.reject_file:
                self.unsaved += counted.totals.rejected
            place = ledger.place_of(self.entry, part.place, self.unsaved, self.source.name)
            self.entry = self.loader.writer.write(counted, place)
        self.outcome.rows += len(counted.counts)
        self.outcome.totals.add(counted.totals)
        self.outcome.read_bytes += part.read_bytes
        self.progress(part.done_bytes)

    def _end(self, end):
        self.source.end_state = end.file_state
        self.outcome.change = end.change
        self.outcome.has_unsaved = self.entry.unsaved > 0
        self.outcome.rest_bytes = end.rest_bytes
        self.outcome.is_whole = not end.change and end.rest_bytes == 0
        if end.problem:
            raise end.problem
