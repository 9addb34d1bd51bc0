"""Generate module loads of an invented site, the same ones on every run, into log files."""

import calendar
import datetime
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Optional

USER_COUNT = 2000
MODULE_COUNT = 1200
PACKAGE_COUNT = 300
HOST_COUNT = 12
HOSTS_PER_CLUSTER = 4
SECONDS_PER_DAY = 86400
LINES_PER_DAY = 300_000
DRAWS_PER_BLOCK = 10_000

# With this exponent 300,000 loads hold about 97,000 different (user, module file, cluster).
ZIPF_EXPONENT = 1.1475

# Syslog's month names, whatever the locale of the machine is.
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

FIRST_LOG_DAY = datetime.date(2026, 1, 1)
FIRST_YEAR_DAY = datetime.date(2025, 1, 1)

PACKAGES = (
    "gcc", "openmpi", "python", "cmake", "intel", "hdf5", "mkl", "fftw3", "netcdf", "cuda",
    "boost", "lammps", "gromacs", "petsc", "vasp", "namd", "r", "julia", "pytorch", "openfoam",
)  # fmt: skip
TREES = (
    "/apps/modulefiles/applications",
    "/apps/gcc13/modulefiles/packages",
    "/apps/gcc13/openmpi5/modulefiles/mpi",
    "/apps/intel24/intelmpi21/modulefiles",
)

Load = tuple[int, int, int]


class LogFacts(NamedTuple):
    """What was written: the number of lines, bytes, and rows after deduplication by day."""

    lines: int
    size_bytes: int
    distinct_rows: int


class YearPart(NamedTuple):
    """Some days of the year's loads: one log for each day, and all of them as flat rows."""

    logs: list[Path]
    flat_rows: Path
    rows: int


def zipf_weights(count: int, exponent: float = ZIPF_EXPONENT) -> list[float]:
    """Return the cumulative weights of ranks 1..count, for ``random.choices``."""
    return list(itertools.accumulate(rank**-exponent for rank in range(1, count + 1)))


def user_name(user: int) -> str:
    """Return the name of the user of a popularity rank (0 loads the most)."""
    return f"user{user:04d}"


def module_name(module: int) -> str:
    """Return a module's full name; every package comes in four versions."""
    package, version = module % PACKAGE_COUNT, module // PACKAGE_COUNT
    name = PACKAGES[package] if package < len(PACKAGES) else f"package{package:03d}"
    return f"{name}/{8 - version}.{package % 7}.{version}"


def module_path(module: int) -> str:
    """Return the module file behind a module's full name."""
    return f"{TREES[module % len(TREES)]}/{module_name(module)}.lua"


def host_name(host: int) -> str:
    """Return the full name of a login host; four hosts make a cluster."""
    cluster, number = divmod(host, HOSTS_PER_CLUSTER)
    return f"login{number + 1}.cluster{cluster}.example.org"


def draw_loads(source: random.Random) -> Iterator[Load]:
    """Yield loads (user, module, host) without end: a few users and modules make most."""
    users, modules = zipf_weights(USER_COUNT), zipf_weights(MODULE_COUNT)
    while True:
        yield from zip(
            source.choices(range(USER_COUNT), cum_weights=users, k=DRAWS_PER_BLOCK),
            source.choices(range(MODULE_COUNT), cum_weights=modules, k=DRAWS_PER_BLOCK),
            source.choices(range(HOST_COUNT), k=DRAWS_PER_BLOCK),
        )


def distinct_loads(source: random.Random, count: int) -> Iterator[Load]:
    """Yield `count` loads, no two with the same user, module file and cluster."""
    seen: set[Load] = set()
    for load in draw_loads(source):
        if len(seen) == count:
            return
        key = (load[0], load[1], load[2] // HOSTS_PER_CLUSTER)
        if key not in seen:
            seen.add(key)
            yield load


class LineWriter:
    """Write loads of one day (UTC) as syslog lines, evenly spread over the day."""

    def __init__(self, day: datetime.date, lines_of_day: int):
        self.day = day
        self.start_epoch = calendar.timegm(day.timetuple())
        self.seconds_per_line = SECONDS_PER_DAY / lines_of_day
        self.users = [f"user={user_name(user)} module=" for user in range(USER_COUNT)]
        self.modules = [f"{module_name(m)} path={module_path(m)}" for m in range(MODULE_COUNT)]
        self.hosts = [host_name(host) for host in range(HOST_COUNT)]

    def seconds(self, number: int) -> float:
        """Return the seconds since midnight of the day's line with this number."""
        return number * self.seconds_per_line

    def line(self, number: int, load: Load) -> str:
        """Return the day's line with this number, newline included."""
        user, module, host = load
        seconds = self.seconds(number)
        minutes, second = divmod(int(seconds), 60)
        hour, minute = divmod(minutes, 60)
        name = self.hosts[host]
        return (
            f"{MONTHS[self.day.month]} {self.day.day:2d} {hour:02d}:{minute:02d}:{second:02d} "
            f"{name[:6]} ModuleUsageTracking: {self.users[user]}{self.modules[module]} "
            f"host={name} time={self.start_epoch + seconds:.6f}\n"
        )


def write_log(path: Path, line_count: int, lines_per_day: int = LINES_PER_DAY) -> LogFacts:
    """Write a log of `line_count` lines, `lines_per_day` for each day from 2026-01-01 on.

    The lines are streamed: ten million take no more memory than one day does.
    """
    loads = draw_loads(random.Random(20260101))
    distinct_rows = 0
    with path.open("w", encoding="ascii") as output:
        for first in range(0, line_count, lines_per_day):
            day = FIRST_LOG_DAY + datetime.timedelta(days=first // lines_per_day)
            lines_of_day = min(lines_per_day, line_count - first)
            distinct_rows += write_day(output, LineWriter(day, lines_of_day), loads, lines_of_day)
    return LogFacts(line_count, path.stat().st_size, distinct_rows)


def write_day(output: IO[str], writer: LineWriter, loads: Iterator[Load], count: int) -> int:
    """Write the next `count` loads as lines of one day; return its distinct rows."""
    seen = set()
    for number, load in enumerate(itertools.islice(loads, count)):
        seen.add((load[0], load[1], load[2] // HOSTS_PER_CLUSTER))
        output.write(writer.line(number, load))
    return len(seen)


def write_year(directory: Path, rows: int, days: Sequence[int]) -> YearPart:
    """Write the loads of the given days (0..364) of 2025, both as logs and as flat rows.

    `rows` is for the whole year. A day's log has no two loads that deduplication would
    join, so that the flat table and our tables hold the very same loads.
    """
    flat_rows = directory / f"year-{days[0]:03d}.tsv"
    logs = []
    written = 0
    with flat_rows.open("w", encoding="ascii") as flat:
        for day in days:
            count = rows * (day + 1) // 365 - rows * day // 365
            logs.append(_write_year_day(directory, flat, day, count))
            written += count
    return YearPart([log for log in logs if log is not None], flat_rows, written)


def _write_year_day(directory: Path, flat: IO[str], day: int, count: int) -> Optional[Path]:
    """Write one day's log and flat rows; return the log, or None for a day without loads."""
    if not count:
        return None
    date = FIRST_YEAR_DAY + datetime.timedelta(days=day)
    writer = LineWriter(date, count)
    midnight = datetime.datetime.combine(date, datetime.time())
    log = directory / f"moduleUsage.log-{date:%Y%m%d}"
    with log.open("w", encoding="ascii") as output:
        for number, load in enumerate(distinct_loads(random.Random(day), count)):
            output.write(writer.line(number, load))
            when = midnight + datetime.timedelta(seconds=int(writer.seconds(number)))
            flat.write(flat_row(load, when))
    return log


def flat_row(load: Load, when: datetime.datetime) -> str:
    """Return a load as a tab-separated row (user, path, module, syshost, date)."""
    user, module, host = load
    cluster = f"cluster{host // HOSTS_PER_CLUSTER}"
    return f"{user_name(user)}\t{module_path(module)}\t{module_name(module)}\t{cluster}\t{when}\n"
