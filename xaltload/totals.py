"""The summary of a load: how many records became what, and how long the runs were."""

import collections
import dataclasses

# Runs are counted up to these many seconds, in the words of XALT's own summary.
BINS = ((900, "< 15 mins"), (1800, "< 30 mins"), (3600, "< 60 mins"), (float("inf"), "> 60 mins"))
SCALAR, MPI = "Scalar", "MPI"
ALL_MPI = "ALL MPI"


@dataclasses.dataclass
class Totals:
    """What became of the records of a run."""

    links: int = 0
    runs: int = 0  # records: a start and its end are two
    packages: int = 0
    waiting_packages: int = 0
    duplicates: int = 0
    filtered: int = 0
    suspicious: int = 0
    rejected: int = 0  # not known before
    known_rejected: int = 0
    left: int = 0  # files that may not be finished yet
    removed: int = 0  # files deleted, archived or set aside
    records: int = 0
    read_bytes: int = 0
    reasons: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # kind -> [ends of runs, sum of their seconds]
    durations: dict = dataclasses.field(default_factory=dict)

    def add(self, part, stored):
        """Count a Part and what was Stored of it."""
        self.links += stored.links
        self.runs += stored.runs
        self.packages += stored.packages
        self.waiting_packages += stored.waiting
        self.duplicates += stored.duplicates
        self.filtered += part.filtered_runs + part.filtered_packages
        self.suspicious += part.suspicious
        self.left += len(part.left)
        self.records += part.records
        self.read_bytes += part.read_bytes
        for seconds, cores in stored.durations:
            self._add_duration(seconds, cores)

    def _add_duration(self, seconds, cores):
        name = next(name for limit, name in BINS if seconds < limit)
        kinds = [f"{MPI} {name}", ALL_MPI] if cores > 1 else [f"{SCALAR} {name}"]
        for kind in kinds:
            entry = self.durations.setdefault(kind, [0, 0.0])
            entry[0] += 1
            entry[1] += seconds

    @property
    def stored(self):
        """How many records are new in the database."""
        return self.links + self.runs + self.packages + self.waiting_packages

    def describe(self):
        """Return one line about the whole run."""
        return (
            f"{self.records} records: {self.links} links, {self.runs} runs,"
            f" {self.packages} packages, {self.waiting_packages} packages waiting,"
            f" {self.duplicates} duplicates,"
            f" {self.filtered} filtered, {self.rejected} rejected, {self.suspicious} suspicious,"
            f" {self.left} unfinished, {self.read_bytes / 1e6:.2f} MB"
        )

    def duration_rows(self):
        """Return rows (kind, count, average seconds) of the ends of runs that were stored."""
        names = [f"{SCALAR} {name}" for _limit, name in BINS]
        names += [ALL_MPI, *(f"{MPI} {name}" for _limit, name in BINS)]
        found = ((name, *self.durations.get(name, (0, 0.0))) for name in names)
        return [(name, count, total / count if count else 0.0) for name, count, total in found]

    def as_dict(self):
        """Return the summary as an object for JSON."""
        names = (
            "links", "runs", "packages", "waiting_packages", "duplicates", "filtered", "rejected",
            "known_rejected", "suspicious", "left", "removed", "records", "read_bytes",
        )  # fmt: skip
        found = {name: getattr(self, name) for name in names}
        found["reasons"] = dict(self.reasons)
        found["run_times"] = [
            {"kind": kind, "count": count, "average_seconds": round(average, 4)}
            for kind, count, average in self.duration_rows()
        ]
        return found
