"""Write the sample log and module list in conf/: a small invented site, the same on every run.

Run ``python -m tests.bench.sample_log`` from the repository to write them anew.
"""

import datetime
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tests.bench.sample_site import (
    CHAINS,
    CLUSTERS,
    CORE,
    NEVER_LOADED,
    REQUESTED,
    USERS,
    Cluster,
    Module,
)  # fmt: skip

SEED = 20260101
FIRST_DAY = datetime.date(2026, 1, 1)
DAYS = 40
SITE_TIME = datetime.timezone(datetime.timedelta(hours=-6))
SESSIONS_PER_WORKDAY = 36
SESSIONS_PER_FREE_DAY = 12
# The working day, 06:30 to 17:00: it falls on one local day from Los Angeles to Berlin, so that
# the sample's reports by day look the same there.
WORK_START_SECONDS = 6.5 * 3600
WORK_SECONDS = 10.5 * 3600
DUPLICATE_SHARE = 0.012

LOG_NAME = "sample-moduleUsage.log"
MODULES_NAME = "sample-modules.txt"

# A package whose use grows from day to day, and a version that all users leave at once.
GROWING = (CORE, "pytorch/2.2.0")
GROWING_SHARE_FIRST, GROWING_SHARE_PER_DAY = 0.01, 0.004
ABANDONED = (CORE, "python/3.8.10")
LAST_ABANDONED_DAY = 18
SUCCESSOR = (CORE, "python/3.12.1")

# What can go wrong on the way: a cut packet, a trial with logger, a message without its time.
MALFORMED = {
    13: "user=otter module=gcc/13.2.0 pat",
    21: "Some test message",
    30: "user=heron module=nano/7.2 path=/apps/modulefiles/nano/7.2.lua "
    "host=login2.aurora.example.org time=",
}

# Syslog's month names, whatever the locale of the machine is.
MONTHS = ("", "Jan", "Feb", "Mar")

# The time a message was sent, and its line in the log.
SentLine = tuple[float, str]
Item = TypeVar("Item")


def module_path(module: Module) -> str:
    """Return the path of a module file."""
    directory, name = module
    return f"{directory}/{name}.lua"


def all_module_paths() -> list[str]:
    """Return the paths of all module files of the site, loaded or not, sorted."""
    return sorted(module_path(module) for module in (*REQUESTED, *NEVER_LOADED))


def chain_of(module: Module) -> Sequence[Module]:
    """Return the modules that loading a module loads before it."""
    directory, name = module
    names = CHAINS.get(name, CHAINS[directory])
    return [found for found in REQUESTED for wanted in names if found[1] == wanted]


def pick(source: random.Random, items: Sequence[Item], exponent: float) -> Item:
    """Draw one of the items, the first ones far more often than the last ones."""
    weights = itertools.accumulate(rank**-exponent for rank in range(1, len(items) + 1))
    return source.choices(items, cum_weights=list(weights))[0]


def requested_module(source: random.Random, day: int) -> Module:
    """Draw what a user asks for on a day (0 is the first)."""
    if source.random() < GROWING_SHARE_FIRST + GROWING_SHARE_PER_DAY * day:
        return GROWING
    module = pick(source, REQUESTED, 0.85)
    return SUCCESSOR if module == ABANDONED and day > LAST_ABANDONED_DAY else module


class Session:
    """One user on one host who loads some modules, alone or inside a job."""

    def __init__(self, source: random.Random, day: int, start_epoch: float):
        self.source = source
        self.time = start_epoch
        self.user = pick(source, USERS, 0.8)
        self.cluster = source.choices(CLUSTERS, [cluster.weight for cluster in CLUSTERS])[0]
        self.in_job = source.random() < 0.4
        self.host = self._host()
        self.modules = [requested_module(source, day) for _ in range(1 + int(2 * source.random()))]

    def _number(self, limit: int) -> int:
        return 1 + int(self.source.random() * limit)

    def _host(self) -> str:
        """Return the full name of a compute node or a login node."""
        number = self._number(self.cluster.compute_nodes)
        first = f"c101-{number:03d}" if self.in_job else f"login{1 + number % 4}"
        return f"{first}.{self.cluster.name}.example.org"

    def _extra_fields(self, requested: bool, job: int) -> str:
        """Return what the newer SitePackage.lua of two clusters sends beside the rest."""
        if not self.cluster.logs_userload:
            return ""
        return f" userload={'yes' if requested else 'no'}" + (
            f" jobid={job}" if self.in_job else ""
        )

    def messages(self) -> Iterator[str]:
        """Yield one message for each module that the session loads, dependencies first."""
        job = 410_000 + self._number(80_000)
        loaded = set()
        for requested in self.modules:
            for module in (*chain_of(requested), requested):
                if module not in loaded:
                    loaded.add(module)
                    self.time += 0.004 + 0.03 * self.source.random()
                    yield (
                        f"user={self.user} module={module[1]} path={module_path(module)} "
                        f"host={self.host} time={self.time:.6f}"
                        f"{self._extra_fields(module == requested, job)}"
                    )

    def lines(self) -> list[SentLine]:
        """Return the lines of the log; Lmod sends them all when the command ends."""
        messages = list(self.messages())
        sent = self.time + 0.02
        return [(sent, syslog_line(sent, self.host, self.cluster, text)) for text in messages]


def syslog_line(epoch: float, host: str, cluster: Cluster, message: str) -> str:
    """Return a line as the cluster's rsyslog writes it, newline included."""
    when = datetime.datetime.fromtimestamp(round(epoch, 6), SITE_TIME)
    name = host.split(".")[0]
    if cluster.iso_header:
        stamp = when.isoformat(timespec="microseconds")
        return f"{stamp} {name} ModuleUsageTracking {message}\n"
    stamp = f"{MONTHS[when.month]} {when.day:2d} {when:%H:%M:%S}"
    return f"{stamp} {name} ModuleUsageTracking: {message}\n"


def day_lines(source: random.Random, day: int) -> list[SentLine]:
    """Return the lines of one day in the order in which they were sent."""
    date = FIRST_DAY + datetime.timedelta(days=day)
    midnight = datetime.datetime.combine(date, datetime.time(), SITE_TIME).timestamp()
    is_free = date.weekday() >= 5 or day == 0
    lines: list[SentLine] = []
    for _ in range(SESSIONS_PER_FREE_DAY if is_free else SESSIONS_PER_WORKDAY):
        # The mean of two draws: most people come in the middle of the day.
        share = (source.random() + source.random()) / 2
        lines += Session(source, day, midnight + WORK_START_SECONDS + share * WORK_SECONDS).lines()
    if day in MALFORMED:
        noon = midnight + 12 * 3600
        lines.append((noon, syslog_line(noon, "login1", CLUSTERS[0], MALFORMED[day])))
    return sorted(lines, key=lambda line: line[0])


def log_lines() -> Iterator[str]:
    """Yield the lines of the sample log; a few come twice, as a relay resends them."""
    source = random.Random(SEED)
    for day in range(DAYS):
        for _, line in day_lines(source, day):
            yield line
            if source.random() < DUPLICATE_SHARE:
                yield line


def write_samples(directory: Path) -> None:
    """Write the sample log and the list of module files into a directory."""
    with (directory / LOG_NAME).open("w", encoding="ascii") as log:
        log.writelines(log_lines())
    with (directory / MODULES_NAME).open("w", encoding="ascii") as modules:
        modules.writelines(f"{path}\n" for path in all_module_paths())


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("conf"))
