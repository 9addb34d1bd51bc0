"""Add up what groups of processes took: those of a program, or of a value of a tag."""

from epmtlite.values import UNKNOWN

MOST_GROUPS = 2000  # in a table; the smaller ones are added up in one row
# The columns of a row behind its name. Times are microseconds; peak is kilobytes of the largest
# process; what is read and written is bytes, of all calls and of what reached the disks, and None
# where nobody knows it.
COLUMNS = (
    "processes", "wall", "elapsed", "cpu", "read", "written", "disk_read", "disk_written", "peak",
)  # fmt: skip
METRICS = ("rchar", "wchar", "read_bytes", "write_bytes")


class Total:
    """The sums over the processes of a group, which come in the order of their starts."""

    __slots__ = ("processes", "wall", "elapsed", "cpu", "amounts", "peak", "_end")

    def __init__(self):
        self.processes = self.wall = self.elapsed = self.cpu = 0
        self.amounts: list = [None] * len(METRICS)
        self.peak = 0
        self._end = None

    def add(self, start, end, cpu, amounts, peak):
        """Add a process; amounts are those of METRICS, UNKNOWN or None where they are unknown."""
        self.processes += 1
        self.wall += end - start
        self.cpu += cpu
        self.peak = max(self.peak, peak)
        if self._end is None or start >= self._end:
            self.elapsed += end - start
            self._end = end
        elif end > self._end:
            self.elapsed += end - self._end
            self._end = end
        for place, amount in enumerate(amounts):
            if amount is not None and amount != UNKNOWN:
                self.amounts[place] = (self.amounts[place] or 0) + amount

    def row(self):
        """Return the values of COLUMNS."""
        return [self.processes, self.wall, self.elapsed, self.cpu, *self.amounts, self.peak]


def rows_of(groups):
    """Return [name, values of COLUMNS...] of each of {name: Total}, the most CPU time first.

    Of more than MOST_GROUPS the rest is one row, whose name is a number: of how many it is. Its
    elapsed time is None, for it is no sum.
    """
    ordered = sorted(groups.items(), key=lambda one: (-one[1].cpu, -one[1].wall, str(one[0])))
    rows = [[name, *total.row()] for name, total in ordered[:MOST_GROUPS]]
    rest = [total.row() for _name, total in ordered[MOST_GROUPS:]]
    if rest:
        rows.append([len(rest), *map(added, COLUMNS, zip(*rest))])
    return rows


def added(column, some):
    """Return what the values of a column are together."""
    known = [value for value in some if value is not None]
    if column == "elapsed" or not known:
        return None
    return max(known) if column == "peak" else sum(known)
