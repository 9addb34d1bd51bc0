"""Counts of loads: per user, module file, cluster and local day."""

import collections
import dataclasses
import marshal

from lmodtrack import record
from usagedb.days import Calendar

# A count's key: the number of its spot (a day of a cluster), of its user and of its module, in
# BITS each. A batch cannot hold as many names of one kind as that.
BITS = 20
MASK = (1 << BITS) - 1
MAX_REMEMBERED = 200_000  # distinct names; a hostile log must not fill the memory
MAX_CLUSTER_NAME = 255  # characters, as in sql/lmod.sql
LONG_CLUSTER = f"the name of its cluster is longer than {MAX_CLUSTER_NAME} characters"


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


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a Tally has counted, and the names that its numbers stand for."""

    counts: dict
    single_loads: list
    totals: Totals
    users: list
    modules: list  # (full name, path)
    clusters: list  # (name, time zone)
    spots: list  # (Day, cluster number)

    def __getstate__(self):
        # marshal is many times faster than pickle for millions of small objects.
        packed = marshal.dumps((self.counts, self.single_loads), 2)
        return {**self.__dict__, "counts": packed, "single_loads": None}

    def __setstate__(self, state):
        counts, single_loads = marshal.loads(state["counts"])  # nosec B302 # our own process made it
        self.__dict__.update(state, counts=counts, single_loads=single_loads)


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
            if number > MASK:
                raise OverflowError("too many different names in one batch")
        return number


class Tally:
    """Counts the loads of one batch.

    `counts` maps a key (see BITS) to [first time, last time, loads, user loads]. Times are texts
    as `time_text` makes them: they come from the log as such, and sort like numbers.
    `single_loads` holds (line number, item, time, key, loads, user load, job id).
    """

    def __init__(self, rules):
        self.rules = rules
        self._calendars = {}
        self.on_reject = lambda line_number, line, reason: None
        self.forget_names()
        self.clear()

    def forget_names(self):
        """Forget the names that were met in earlier batches too."""
        self.users, self.modules, self.clusters = Names(), Names(), Names()

    def clear(self):
        """Forget all counts; names are remembered, unless there are too many."""
        self.counts = {}
        self.single_loads = []
        self.totals = Totals()
        self.spots = Names()  # of (Day, cluster number)
        if self.has_many_names():
            self.forget_names()

    def has_many_names(self):
        """Tell whether the names that were met, of loads that are not counted too, are so many that
        a batch must end."""
        kinds = (self.users, self.modules, self.clusters)
        return sum(len(kind.values) for kind in kinds) > MAX_REMEMBERED

    def take(self):
        """Return the Counts so far, and begin anew."""
        names = (self.users, self.modules, self.clusters, self.spots)
        values = (kind.values for kind in names)
        taken = Counts(self.counts, self.single_loads, self.totals, *values)
        self.clear()
        return taken

    def spot_of(self, host, moment):
        """Return the number of the spot of a load on a host, and its Day. Raises Rejected."""
        cluster = self.rules.clusters.cluster_of(host)
        if len(cluster[0]) > MAX_CLUSTER_NAME:  # a pattern of the site may lengthen a host
            raise record.Rejected(LONG_CLUSTER)
        cluster_number = self.clusters.number(cluster)
        _name, zone = self.clusters.values[cluster_number]
        if zone not in self._calendars:
            self._calendars[zone] = Calendar(zone)
        day = self._calendars[zone].day_of(moment)
        return self.spots.number((day, cluster_number)), day

    def is_ignored(self, module):
        """Tell whether the rules leave a module out."""
        return any(pattern.match(module) for pattern in self.rules.ignore)

    def add_line(self, line, line_number):
        """Count one line of any known form."""
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
        if (self.rules.user_loads_only and load.user_load == 0) or self.is_ignored(load.module):
            self.totals.ignored += 1
            return
        spot, _day = self.spot_of(load.host, load.time)
        user, module = self.users.number(load.user), self.modules.number((load.module, load.path))
        key = key_of(spot, user, module)
        time = time_text(load.time)
        count = self.counts.setdefault(key, [time, time, 0, 0])
        count[0], count[1] = min(count[0], time), max(count[1], time)
        count[2] += load.loads
        count[3] += load.loads * (load.user_load == 1)
        self.totals.loads += load.loads
        if self.rules.keep_loads:
            self.single_loads.append(
                (line_number, item, time, key, load.loads, load.user_load, load.job_id)
            )


def key_of(spot, user, module):
    """Return the key of a count; each part by its number."""
    return spot << 2 * BITS | user << BITS | module


def split_key(key):
    """Return (spot, user, module), the numbers that `key_of` joined."""
    return key >> 2 * BITS, key >> BITS & MASK, key & MASK


def time_text(seconds):
    """Return a time from 2000 to 2099 as a text of fixed length, to the microsecond."""
    return b"%010d.%06d" % divmod(round(seconds * 1_000_000), 1_000_000)


def microseconds(text):
    """Return the microseconds since the epoch of a `time_text`."""
    return int(text.replace(b".", b""))
