"""Count the loads of many lines: per user, module file, cluster and local day.

The lines of gen_2 and of conf/SitePackage.lua are recognised block by block with one regular
expression; whatever it does not recognise goes line by line through lmodtrack/record.py.
"""

import collections
import dataclasses
import re

from lmodtrack import record
from lmodtrack.days import Calendar

# Whether a value is sound is found out when it is seen for the first time.
VALUE = rb"[!-~]+"
STANDARD_LINE = re.compile(
    rb"ModuleUsageTracking:? user=(%s) (module=%s path=%s) host=(%s) time=(\d{9,10})\.(\d{6})"
    rb"([^\n]*)\n" % ((VALUE,) * 4)
)
EXTRA_FIELDS = re.compile(rb"(?: userload=(yes|no))?(?: jobid=([!#-&(-~]{1,64}))?")
QUOTE = re.compile(rb"[\"']")
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
    """Counts the loads of one batch.

    `counts` maps (Day, cluster number) to a dict from user number * USER_STEP + module number to
    [first time, last time, loads, user loads]; times are in microseconds since the epoch.
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
        users, modules = self.users.of_raw, self.modules.of_raw
        clusters, spans = self.clusters.of_raw, self._spans
        keep_loads, user_loads_only = self.rules.keep_loads, self.rules.user_loads_only
        lines = LazyLines(block, first_line)
        loads = ignored = 0
        for line_number, found in standard_lines(block, first_line, self._add_line):
            user, module_path, host, whole_seconds, fraction, extra = found
            user_load, job_id = extra_fields(extra) if extra else (-1, "")
            time = int(whole_seconds + fraction)
            try:
                user_number = users[user]
                module_number = modules[module_path]
                start, end, table, day = spans[clusters[host]]
                known = start <= time < end and user_load is not None
            except (KeyError, TypeError):  # a name, or a cluster's day, that is new
                self._learn(user, module_path, host)
                known = False
            if not known:
                self._add_line(lines[line_number], line_number)
                continue
            if module_number == IGNORED or (user_loads_only and user_load == 0):
                ignored += 1
                continue
            by_user = 1 if user_load == 1 else 0
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
            loads += 1
            if keep_loads:
                self.single_loads.append(
                    (line_number, 0, time, key, clusters[host], day, 1, user_load, job_id)
                )
        self.totals.loads += loads
        self.totals.ignored += ignored
        self.totals.lines += block.count(b"\n")

    def _learn(self, user, module_path, host):
        """Let the fast path know what the raw names of a standard line mean, if they are sound."""
        module, path = module_path[len(b"module=") :].decode("ascii").split(" path=", 1)
        names = (("user", user), ("host", host), ("module", module), ("path", path))
        sound = all(len(name) <= record.LONGEST[kind] for kind, name in names)
        if not sound or any(QUOTE.search(raw) for raw in (user, module_path, host)):
            return
        self.users.of_raw[user] = self.users.number(user.decode("ascii"))
        ignored = self._is_ignored(module)
        self.modules.of_raw[module_path] = IGNORED if ignored else self.modules.number((module, path))
        self.clusters.of_raw[host] = self._cluster_number(host.decode("ascii"))

    def _span(self, cluster_number, moment):
        """Return (start, end, counts, Day) of the cluster's day around a moment."""
        _name, zone = self.clusters.values[cluster_number]
        if zone not in self._calendars:
            self._calendars[zone] = Calendar(zone)
        day = self._calendars[zone].day_of(moment)
        table = self.counts.setdefault((day, cluster_number), {})
        span = (microseconds(day.start), microseconds(day.end), table, day)
        self._spans[cluster_number] = span
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

    def reject(self, line_number, line, reason):
        """Count a line that cannot be stored, and tell it."""
        self.totals.rejected += 1
        self.totals.reasons[reason] += 1
        self.on_reject(line_number, line, reason)

    def add_load(self, load, line_number, item=0):
        """Count one Load, unless the rules leave it out."""
        if (self.rules.user_loads_only and load.user_load == 0) or self._is_ignored(load.module):
            self.totals.ignored += 1
            return
        cluster_number = self._cluster_number(load.host)
        _start, _end, table, day = self._span(cluster_number, load.time)
        user_number = self.users.number(load.user)
        key = user_number * USER_STEP + self.modules.number((load.module, load.path))
        time = microseconds(load.time)
        count = table.setdefault(key, [time, time, 0, 0])
        count[0], count[1] = min(count[0], time), max(count[1], time)
        count[2] += load.loads
        count[3] += load.loads * (load.user_load == 1)
        self.totals.loads += load.loads
        if self.rules.keep_loads:
            self.single_loads.append(
                (line_number, item, time, key, cluster_number, day, load.loads,
                 load.user_load, load.job_id)
            )  # fmt: skip

    def _cluster_number(self, host):
        cluster_number = self.clusters.number(self.rules.clusters.cluster_of(host))
        while len(self._spans) <= cluster_number:
            self._spans.append(None)
        return cluster_number

    def _is_ignored(self, module):
        return any(pattern.match(module) for pattern in self.rules.ignore)


def microseconds(seconds):
    """Return a time in whole microseconds."""
    return round(seconds * 1_000_000)


class LazyLines:
    """The lines of a block by their number; the block is split only when one is asked for."""

    def __init__(self, block, first_line):
        self._block, self._first_line, self._lines = block, first_line, None

    def __getitem__(self, line_number):
        if self._lines is None:
            self._lines = self._block.split(b"\n")
        return self._lines[line_number - self._first_line]


def standard_lines(block, first_line, on_other):
    """Return (line number, fields) of the standard lines of a block.

    Every other line goes to on_other(line, line number).
    """
    found = STANDARD_LINE.findall(block)
    if len(found) == block.count(b"\n"):
        return enumerate(found, first_line)
    return mixed_lines(block, first_line, on_other)


def mixed_lines(block, first_line, on_other):
    """Do the work of `standard_lines` for a block that has other lines too."""
    line_number, start = first_line, 0
    for match in STANDARD_LINE.finditer(block):
        own_start = max(block.rfind(b"\n", start, match.start()) + 1, start)
        for line in block[start:own_start].split(b"\n")[:-1]:
            on_other(line, line_number)
            line_number += 1
        yield line_number, match.groups()
        line_number += 1
        start = match.end()
    for line in block[start:].split(b"\n")[:-1]:
        on_other(line, line_number)
        line_number += 1


def extra_fields(extra):
    """Return (user_load, job_id) of what follows the time; user_load is None if it is odd."""
    found = EXTRA_FIELDS.fullmatch(extra)
    if not found:
        return None, ""
    return USER_LOAD[found[1]], (found[2] or b"").decode("ascii")


USER_LOAD = {None: -1, b"no": 0, b"yes": 1}
