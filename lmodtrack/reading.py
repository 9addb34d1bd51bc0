"""Read a log from its Start to its end and count it: the parts that are stored one by one."""

import dataclasses

from lmodtrack.logtally import LogTally
from lmodtrack.record import TOO_LONG
from lmodtrack.tally import Counts
from usagedb import errors
from usagedb.source import Fragment, SourceChanged

# A part ends at the first of these: they bound the memory, and the work that a stop undoes.
PART_ROWS = 100_000
PART_LOADS = 60_000  # single loads, with --store_all
PART_BYTES = 256 << 20


@dataclasses.dataclass(frozen=True)
class Part:
    """What was counted up to a place in a log, since the part before."""

    counts: Counts
    place: dict  # the fields of a ledger Entry that say how far the log has been read
    read_bytes: int
    done_bytes: int  # of the file, compressed or not


@dataclasses.dataclass(frozen=True)
class End:
    """How the reading ended, after the last Part."""

    change: str = ""  # what happened to the file meanwhile
    problem: object = None  # the MissingInputError that ended it too early
    rest_bytes: int = 0  # of an unfinished last line
    file_state: object = None  # of the file when its end was read (os.stat_result)


class LogReader:
    """Counts what is new in one log."""

    def __init__(self, rules, source, start, reject_file=None):
        """reject_file gets the rejected lines; it may be None."""
        self.source, self.chain, self.blocks = source, start.chain, start.blocks
        self.reject_file = reject_file
        self.tally = LogTally(rules)
        if reject_file:
            self.tally.on_reject = self._keep_rejected
        self._in_long_line = False
        self._part_start = self.chain.position

    def parts(self):
        """Yield a Part now and then, and an End.

        What was read before a problem with the file is yielded first.
        """
        end: dict = {}
        try:
            for block in self.blocks:
                self._take(block)
                if self._is_full():
                    yield self._part()
        except SourceChanged as change:
            end["change"] = str(change)
        except errors.MissingInputError as error:
            end["problem"] = error
        unfinished_bytes = self.source.rest_bytes
        if self._in_long_line:
            unfinished_bytes += self.chain.position - self._part_start
        elif self.chain.position > self._part_start:
            yield self._part()
        yield End(rest_bytes=unfinished_bytes, file_state=self.source.end_state, **end)

    def _take(self, block):
        if isinstance(block, Fragment):
            self._take_long_line(block)
        else:
            self.tally.add_block(block, self.chain.line_count + 1)
        self.chain.add(block)

    def _take_long_line(self, fragment):
        if not self._in_long_line:
            self.tally.totals.lines += 1
            self.tally.reject(self.chain.line_count + 1, bytes(fragment), TOO_LONG)
        self._in_long_line = not fragment.endswith(b"\n")

    def _is_full(self):
        """Tell whether a Part ends here; never inside a line."""
        return not self._in_long_line and (
            len(self.tally.counts) >= PART_ROWS
            or len(self.tally.single_loads) >= PART_LOADS
            or self.tally.has_many_names()
            or self.chain.position - self._part_start >= PART_BYTES
        )

    def _part(self):
        if self.reject_file:
            self.reject_file.save()  # before the place behind these lines is stored
        read_bytes = self.chain.position - self._part_start
        self._part_start = self.chain.position
        return Part(self.tally.take(), self.chain.place(), read_bytes, self.source.done_bytes())

    def _keep_rejected(self, line_number, line, reason):
        self.reject_file.add(self.source.name, line_number, line, reason)
