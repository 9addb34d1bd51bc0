"""Count the loads of many lines: per user, module file, cluster and local day.

The lines of gen_2 and of conf/SitePackage.lua are recognised block by block with one regular
expression; whatever it does not recognise goes line by line through lmodtrack/record.py.
"""

import collections
import dataclasses
import re

from lmodtrack import record
from lmodtrack.days import Calendar

VALUE = rb"[!#-&(-~]+"  # printable, without blank and quotes
STANDARD_LINE = re.compile(
    rb"[^\n]*?ModuleUsageTracking:? (?:user=(%s) (module=%s path=%s) host=(%s) "
    rb"time=(\d{9,10}(?:\.\d{1,9})?)(?: userload=(yes|no))?(?: jobid=(%s))?)\n"
    rb"|([^\n]*)\n" % ((VALUE,) * 5)
)
IGNORED = -1  # instead of the number of a module that is not counted
# Keys of a day's counts: user number * USER_STEP + module number.
USER_STEP = 1 << 32
MAX_REMEMBERED = 200_000  # distinct raw names; a hostile log must not fill the memory


@dataclasses.dataclass(frozen=True)
class Rules:
    """What of a log is counted."""

    clusters: object  # lmodtrack.clusters.ClusterNames
    context: object  # lmodtrack.record.Context
    ignore: tuple = ()  # compiled patterns; a module whose full name one of them matches
    user_loads_only: bool = False
    keep_loads: bool = False  # keep every single load too (--store_all)


@dataclasses.dataclass
class Totals:
    """What happened to the lines; reasons maps a reason to its number of lines."""

    lines: int = 0
    loads: int = 0
    ignored: int = 0
    rejected: int = 0
    reasons: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def add(self, other):
        """Add another Totals to this one."""
        for name in ("lines", "loads", "ignored", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)


class Names:
    """Numbers for raw names: their meaning is worked out once, not line by line."""

    def __init__(self):
        self.of_raw = {}  # what stands in the log -> number, or IGNORED
        self.values = []  # number -> meaning
        self._of_value = {}

    def number(self, value):
        """Return the number of a meaning."""
        number = self._of_value.get(value)
        if number is None:
            number = self._of_value[value] = len(self.values)
            self.values.append(value)
        return number

    def size(self):
        """Return how many names are remembered."""
        return len(self.of_raw) + len(self.values)


class Tally:
    """Counts the loads of one batch; `counts` maps (Day, cluster number) to a dict from
    user number * USER_STEP + module number to [first time, last time, loads, user loads].
    """

    def __init__(self, rules):
        self.rules = rules
        self.users, self.modules, self.clusters = Names(), Names(), Names()
        self._calendars = {}
        self.on_reject = lambda line_number, line, reason: None
        self.clear()

    def clear(self):
        """Forget all counts; names are remembered, unless there are too many."""
        self.counts = {}
        self.single_loads = []
        self.totals = Totals()
        self._spans = [None] * len(self.clusters.values)
        if sum(names.size() for names in (self.users, self.modules, self.clusters)) > MAX_REMEMBERED:
            self.users, self.modules, self.clusters = Names(), Names(), Names()
            self._spans = []

    def row_count(self):
        """Return the number of rows that the counts will become."""
        return sum(len(table) for table in self.counts.values())

    def add_block(self, block, first_line):
        """Count the lines of a block (whole lines); first_line is the number of its first."""
        slow_lines = list(self._add_standard_lines(block, first_line))
        if slow_lines:
            lines = block.split(b"\n")
            for line_number in slow_lines:
                self._add_line(lines[line_number - first_line], line_number)

    def _add_standard_lines(self, block, first_line):
        """Count the standard lines of a block; yield the numbers of all others."""
        users, modules = self.users.of_raw, self.modules.of_raw
        clusters, spans = self.clusters.of_raw, self._spans
        keep_loads, user_loads_only = self.rules.keep_loads, self.rules.user_loads_only
        longest_job_id = record.LONGEST["job_id"]
        ignored = left = 0
        standard = STANDARD_LINE.findall(block)
        for line_number, found in enumerate(standard, first_line):
            user, module_path, host, time_text, user_load, job_id, _other = found
            try:
                user_number = users[user]
                module_number = modules[module_path]
                start, end, table, day = spans[clusters[host]]
            except (KeyError, TypeError):  # a name or a cluster's day that is new
                left += 1
                yield line_number
                continue
            if module_number == IGNORED or (user_loads_only and user_load == b"no"):
                ignored += 1
                continue
            time = float(time_text)
            if not start <= time < end or len(job_id) > longest_job_id:
                span = self._span(clusters[host], time)
                if span is None or len(job_id) > longest_job_id:
                    left += 1
                    yield line_number
                    continue
                table, day = span[2], span[3]
            by_user = 1 if user_load == b"yes" else 0
            key = user_number * USER_STEP + module_number
            count = table.get(key)
            if count is None:
                table[key] = [time, time, 1, by_user]
            else:
                if time < count[0]:
                    count[0] = time
                elif time > count[1]:
                    count[1] = time
                count[2] += 1
                count[3] += by_user
            if keep_loads:
                flag = by_user if user_load else -1
                self.single_loads.append(
                    (line_number, 0, time, key, clusters[host], day, 1, flag, job_id.decode())
                )
        self.totals.lines += len(standard)
        self.totals.ignored += ignored
        self.totals.loads += len(standard) - ignored - left

    def _span(self, cluster_number, time):
        """Return (start, end, counts, Day) of the cluster's day around a time, None if absurd."""
        if not record.EARLIEST <= time < record.LATEST:
            return None
        _name, zone = self.clusters.values[cluster_number]
        if zone not in self._calendars:
            self._calendars[zone] = Calendar(zone)
        day = self._calendars[zone].day_of(time)
        table = self.counts.setdefault((day, cluster_number), {})
        span = self._spans[cluster_number] = (day.start, day.end, table, day)
        return span

    def calendar_of(self, cluster_number):
        """Return the Calendar of a cluster that has been counted."""
        return self._calendars[self.clusters.values[cluster_number][1]]

    def _add_line(self, line, line_number):
        """Count one line that is not standard, or whose names are new."""
        if not line.strip():
            return
        try:
            for item, load in enumerate(record.parse_line(line, self.rules.context)):
                self.add_load(load, line_number, item)
        except record.Ignored:
            self.totals.ignored += 1
        except record.Rejected as reason:
            self.reject(line_number, line, str(reason))
        else:
            self._remember(line + b"\n", load)

    def reject(self, line_number, line, reason):
        """Count a line that cannot be stored, and tell it."""
        self.totals.rejected += 1
        self.totals.reasons[reason] += 1
        self.on_reject(line_number, line, reason)

    def add_load(self, load, line_number, item=0):
        """Count one Load, unless the rules leave it out."""
        if self.rules.user_loads_only and load.user_load == 0 or self._is_ignored(load.module):
            self.totals.ignored += 1
            return
        cluster_number = self._cluster_number(load.host)
        _start, _end, table, day = self._span(cluster_number, load.time)
        user_number = self.users.number(load.user)
        key = user_number * USER_STEP + self.modules.number((load.module, load.path))
        count = table.setdefault(key, [load.time, load.time, 0, 0])
        count[0], count[1] = min(count[0], load.time), max(count[1], load.time)
        count[2] += load.loads
        count[3] += load.loads * (load.user_load == 1)
        self.totals.loads += load.loads
        if self.rules.keep_loads:
            self.single_loads.append(
                (line_number, item, load.time, key, cluster_number, day, load.loads,
                 load.user_load, load.job_id)
            )  # fmt: skip

    def _cluster_number(self, host):
        cluster_number = self.clusters.number(self.rules.clusters.cluster_of(host))
        while len(self._spans) <= cluster_number:
            self._spans.append(None)
        return cluster_number

    def _is_ignored(self, module):
        return any(pattern.match(module) for pattern in self.rules.ignore)

    def _remember(self, line, load):
        """Let the fast path know what the raw names of a standard line mean."""
        found = STANDARD_LINE.fullmatch(line)
        if not found or found[1] is None:
            return
        self.users.of_raw[found[1]] = self.users.number(load.user)
        ignored = self._is_ignored(load.module)
        self.modules.of_raw[found[2]] = (
            IGNORED if ignored else self.modules.number((load.module, load.path))
        )
        self.clusters.of_raw[found[3]] = self._cluster_number(load.host)

