"""Count the loads of many lines: per user, module file, cluster and local day.

The lines of gen_2 and of conf/SitePackage.lua are recognised block by block with one regular
expression; whatever it does not recognise goes line by line through lmodtrack/record.py.
"""

import collections
import dataclasses
import functools
import re

from lmodtrack import record
from lmodtrack.days import Calendar

# Whether a value is sound is found out when it is seen for the first time.
VALUE = rb"[!-~]+"
STANDARD_LINE = re.compile(
    rb"ModuleUsageTracking:? user=(%s) (module=%s path=%s) host=(%s) time=(\d{10}\.\d{6})([^\n]*)\n"
    % ((VALUE,) * 4)
)
EXTRA_FIELDS = re.compile(rb"(?: userload=(yes|no))?(?: jobid=([!#-&(-~]{1,64}))?")
QUOTE = re.compile(rb"[\"']")
# Keys of a day's counts: user number * USER_STEP + module number.
USER_STEP = 1 << 32
USER_LOAD = {None: -1, b"no": 0, b"yes": 1}
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
    """Numbers for the names of one kind."""

    def __init__(self):
        self.values = []  # number -> name
        self._numbers = {}

    def number(self, value):
        """Return the number of a name."""
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = len(self.values)
            self.values.append(value)
        return number


class Tally:
    """Counts the loads of one batch.

    `counts` maps (Day, cluster number) to a dict from user number * USER_STEP + module number to
    [first time, last time, loads, user loads]. Times are texts as `time_text` makes them: they
    come from the log as such, and sort like numbers.
    """

    def __init__(self, rules):
        self.rules = rules
        self._calendars = {}
        self.on_reject = lambda line_number, line, reason: None
        self._forget_names()
        self.clear()

    def _forget_names(self):
        self.users, self.modules, self.clusters = Names(), Names(), Names()
        # What stands in the log: user -> number * USER_STEP; module and path -> number, or None
        # where it is ignored.
        self._raw_users, self._raw_modules = {}, {}

    def clear(self):
        """Forget all counts; names are remembered, unless there are too many."""
        self.counts = {}
        self.single_loads = []
        self.totals = Totals()
        self._spans = {}  # host in the log -> (start, end, counts, Day, cluster number)
        known = (self.users.values, self.modules.values, self.clusters.values)
        if sum(map(len, (*known, self._raw_users, self._raw_modules))) > MAX_REMEMBERED:
            self._forget_names()

    def row_count(self):
        """Return the number of rows that the counts will become."""
        return sum(len(table) for table in self.counts.values())

    def add_block(self, block, first_line):
        """Count the lines of a block (whole lines); first_line is the number of its first."""
        users, modules, spans = self._raw_users, self._raw_modules, self._spans
        keep_loads, user_loads_only = self.rules.keep_loads, self.rules.user_loads_only
        lines = LazyLines(block, first_line)
        fast = 0
        found = standard_lines(block, first_line, self._add_line)
        for line_number, (user, module_path, host, time, extra) in found:
            user_load, job_id = extra_fields(extra) if extra else (-1, "")
            try:
                key = users[user] + modules[module_path]
                start, end, table, day, cluster_number = spans[host]
                known = start <= time < end
            except (KeyError, TypeError):  # a name that is new, or a module that is ignored
                known = False
            if not known or user_load is None or (user_loads_only and user_load == 0):
                self._add_line(lines[line_number], line_number)
                self._learn(user, module_path, host, time)
                continue
            fast += 1
            by_user = 1 if user_load == 1 else 0
            if key in table:
                count = table[key]
                if time > count[1]:
                    count[1] = time
                elif time < count[0]:
                    count[0] = time
                count[2] += 1
                count[3] += by_user
            else:
                table[key] = [time, time, 1, by_user]
            if keep_loads:
                self.single_loads.append(
                    (line_number, 0, time, key, cluster_number, day, 1, user_load, job_id)
                )
        self.totals.lines += block.count(b"\n")
        self.totals.loads += fast

    def _learn(self, user, module_path, host, time):
        """Let the fast path know the names of a standard line, if they are sound, and its day."""
        module, path = module_path[len(b"module=") :].decode("ascii").split(" path=", 1)
        names = (("user", user), ("host", host), ("module", module), ("path", path))
        sound = all(len(name) <= record.LONGEST[kind] for kind, name in names)
        seconds = float(time)
        if not sound or not record.EARLIEST <= seconds < record.LATEST:
            return
        if any(QUOTE.search(raw) for raw in (user, module_path, host)):
            return
        self._raw_users[user] = self.users.number(user.decode("ascii")) * USER_STEP
        ignored = self._is_ignored(module)
        self._raw_modules[module_path] = None if ignored else self.modules.number((module, path))
        cluster_number = self._cluster_number(host.decode("ascii"))
        day, table = self._table(cluster_number, seconds)
        start, end = time_text(day.start), time_text(day.end)
        self._spans[host] = (start, end, table, day, cluster_number)

    def _table(self, cluster_number, moment):
        """Return the Day of a cluster around a moment, and its counts."""
        _name, zone = self.clusters.values[cluster_number]
        if zone not in self._calendars:
            self._calendars[zone] = Calendar(zone)
        day = self._calendars[zone].day_of(moment)
        return day, self.counts.setdefault((day, cluster_number), {})

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
        day, table = self._table(cluster_number, load.time)
        user_number = self.users.number(load.user)
        key = user_number * USER_STEP + self.modules.number((load.module, load.path))
        time = time_text(load.time)
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
        return self.clusters.number(self.rules.clusters.cluster_of(host))

    def _is_ignored(self, module):
        return any(pattern.match(module) for pattern in self.rules.ignore)


def time_text(seconds):
    """Return a time from 2000 to 2099 as a text of fixed length, to the microsecond."""
    return b"%010d.%06d" % divmod(round(seconds * 1_000_000), 1_000_000)


def microseconds(text):
    """Return the microseconds since the epoch of a `time_text`."""
    return int(text.replace(b".", b""))


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


@functools.lru_cache(maxsize=65536)
def extra_fields(extra):
    """Return (user_load, job_id) of what follows the time; user_load is None if it is odd."""
    found = EXTRA_FIELDS.fullmatch(extra)
    if not found:
        return None, ""
    return USER_LOAD[found[1]], (found[2] or b"").decode("ascii")
