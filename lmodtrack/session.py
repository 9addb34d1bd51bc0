"""One run over some logs: open, load, dispose of each, and count what became of it."""

import dataclasses
import gc
import logging
import os
import time
from typing import Optional

from lmodtrack import dispose, ignore
from lmodtrack.clusters import ClusterNames, read_rules
from lmodtrack.load import Loader
from lmodtrack.record import Context
from lmodtrack.tally import Rules, Totals
from usagedb import errors
from usagedb.days import Calendar
from usagedb.progress import Progress
from usagedb.rejects import RejectFile
from usagedb.source import LogSource, file_size, is_unexpanded
from usagedb.terminal import stored_text

logger = logging.getLogger(__name__)

ALL_MALFORMED = errors.MalformedInputError.exit_code


@dataclasses.dataclass(frozen=True)
class LoadOptions:
    """What was asked for: the options of store_module_data, by their names."""

    reject_path: Optional[str] = None
    delete: bool = False
    archive: Optional[str] = None
    syshost: str = ""
    syshost_map: Optional[str] = None
    ignore_path: Optional[str] = None
    user_loads_only: bool = False
    store_all: bool = False


def make_rules(site, options):
    """Return the Rules that the site's configuration and the LoadOptions make."""
    map_path = options.syshost_map or site.syshost_map
    return Rules(
        clusters=ClusterNames(site, read_rules(map_path) if map_path else ()),
        context=Context(time.time(), Calendar(site.zone), given_text(options.syshost)),
        ignore=ignore.read_patterns(options.ignore_path) if options.ignore_path else (),
        user_loads_only=options.user_loads_only,
        keep_loads=options.store_all,
    )


def given_text(argument):
    """Return an argument of the command line, whose bytes may not be UTF-8, as storable text."""
    return stored_text(os.fsencode(argument))


class Session:
    """The work of one run over its files."""

    def __init__(self, database, rules, options, quiet, dry_run=False):
        reject_path = None if dry_run else options.reject_path
        self.reject_file = RejectFile(reject_path) if reject_path else None
        self.loader = Loader(database, rules, self.reject_file, dry_run)
        self.options, self.quiet, self.dry_run = options, quiet, dry_run
        self.totals = Totals()
        self.known_lines = self.rows = 0
        self.missing = None  # the first error about a file; the others are loaded all the same

    def run(self, files, run=None):
        """Load all files and return the exit status; `run` gets the counters."""
        progress = Progress(sum(map(file_size, files)), "loading", self.quiet)
        # The counts are millions of small objects without cycles: searching them for cycles would
        # take as long as counting.
        gc.disable()
        try:
            for name in files:  # one after the other: they may be more than a process may open
                source = self._open(name)
                if source:
                    self._load(source, run, progress)
        finally:
            gc.enable()
            progress.close()
            if self.reject_file:
                self.reject_file.close()
        if self.missing:
            raise self.missing
        return self._status()

    def _open(self, name):
        """Return a LogSource, or None for a pattern that the shell left as it was."""
        if is_unexpanded(name):
            logger.info("%s matches no file: nothing to do", name)
            return None
        try:
            return LogSource(name)
        except errors.MissingInputError as error:
            self._note_missing(error)
            return None

    def _note_missing(self, error):
        if self.missing is not None:
            logger.warning("%s", error)
        self.missing = self.missing or error

    def _load(self, source, run, progress):
        done = 0

        def advance(done_bytes):
            nonlocal done
            progress.add(done_bytes - done)
            done = done_bytes

        try:
            outcome = self.loader.load(source, advance)
        except (errors.MissingInputError, errors.MalformedInputError) as error:
            self._note_missing(error)
        else:
            self._count(source, outcome, run)
            self._dispose(source, outcome, run)
        finally:
            source.close()

    def _count(self, source, outcome, run):
        totals = outcome.totals
        self.totals.add(totals)
        self.known_lines += outcome.known_lines
        self.rows += outcome.rows
        if outcome.change:
            logger.warning("%s %s: the rest is in its rotated copy", source.name, outcome.change)
        elif outcome.rest_bytes and (source.is_pipe or source.path is None):
            logger.warning("%s: its last line is not finished, and left until it is", source.name)
        logger.info("%s: %s", source.name, describe(totals, outcome.rows, outcome.known_lines))
        if run:
            run.stored += totals.loads
            run.duplicates += outcome.known_lines
            run.ignored += totals.ignored
            run.rejected += totals.rejected
            run.read_bytes += outcome.read_bytes

    def _dispose(self, source, outcome, run):
        wanted = (self.options.delete or self.options.archive) and not self.dry_run
        gone = wanted and dispose.dispose(source, outcome, self.options.archive)
        if run and not gone and (wanted or not outcome.is_whole):
            run.waiting += 1

    def _status(self):
        """Tell about rejected lines and return 0, 3 or 65."""
        if not self.totals.rejected:
            return 0
        reasons = ", ".join(f"{n} {reason}" for reason, n in self.totals.reasons.most_common())
        logger.warning("%d lines were rejected: %s", self.totals.rejected, reasons)
        if self.totals.loads or self.totals.ignored or self.known_lines:
            return errors.PARTLY
        return ALL_MALFORMED

    def summary(self):
        """Return one line about the whole run."""
        return describe(self.totals, self.rows, self.known_lines)


def describe(totals, rows, known_lines):
    """Return one line about what became of some lines."""
    return (
        f"{totals.loads} loads in {rows} rows, {known_lines} lines known before,"
        f" {totals.ignored} ignored, {totals.rejected} rejected"
    )
