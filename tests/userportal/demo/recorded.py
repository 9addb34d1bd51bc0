"""A writer of samples that keeps them, and small demos for tests."""

import dataclasses
import functools

from userportal.demo.cluster import make_cluster
from userportal.demo.grid import Grid
from userportal.demo.metricdata import write_metrics
from userportal.demo.schedule import make_schedule
from userportal.demo.sizes import SMALL

NOW = 1_795_311_017  # 2026-11-22, between two samples
QUICK = dataclasses.replace(SMALL, step_seconds=300, days=3, virtual_machines=1)


class Recorded:
    """Takes what HistoryWriter takes; keeps {name: {labels as sorted pairs: {time: value}}}."""

    def __init__(self):
        self.series = {}

    def add(self, name, labels, times, values):
        assert len(times) == len(values)
        assert list(times) == sorted(set(times))
        if not times:
            return
        key = tuple(sorted(labels.items()))
        known = self.series.setdefault(name, {}).setdefault(key, {})
        # A requeued job comes again, later.
        assert not known or max(known) < times[0], f"{name}{key} comes twice"
        known.update(zip(times, values))

    def total(self, name, by=(), **wanted):
        """Return {labels of `by`: {time: sum}} of the series that have the wanted labels."""
        return self._folded(name, by, wanted, lambda value: value)

    def count(self, name, by=(), **wanted):
        """Return the same with the number of series."""
        return self._folded(name, by, wanted, lambda value: 1)

    def _folded(self, name, by, wanted, amount):
        found = {}
        for key, samples in self.series.get(name, {}).items():
            labels = dict(key)
            if any(labels.get(label) != value for label, value in wanted.items()):
                continue
            sums = found.setdefault(tuple(labels[label] for label in by), {})
            for at, value in samples.items():
                sums[at] = sums.get(at, 0) + amount(value)
        return found


@functools.lru_cache(maxsize=4)
def made(sizes=QUICK, now=NOW, seed=1):
    """Return (cluster, schedule) of a demo."""
    cluster = make_cluster(sizes, seed)
    return cluster, make_schedule(cluster, sizes, now, seed)


@functools.lru_cache(maxsize=2)
def recorded(sizes=QUICK, now=NOW, seed=1):
    """Return the Recorded samples of a demo."""
    cluster, schedule = made(sizes, now, seed)
    writer = Recorded()
    write_metrics(writer, cluster, schedule, sizes, seed)
    return writer


def grid(sizes=QUICK):
    """Return the Grid of a demo."""
    return Grid(made(sizes)[1], sizes)
