"""What a made-up job does on each of its nodes, sample by sample."""

import itertools
import math
import random

from userportal.units import MEBIBYTE

BUSY_STEPS = 256  # shares of a core's time are multiples of 1/256: their sums are exact
RAMP_SAMPLES = 6
WAITING = 4  # in 256: a core that waits for the work of another node
PERIOD_SAMPLES = 17


class PlaceUse:
    """What a job uses of one node; all lists are as long as the job has samples."""

    def __init__(self, place, busy_256, busy_seconds):
        """busy_256: the share of each core, in 1/256; busy_seconds: see JobUse."""
        self.place, self.busy_256 = place, busy_256
        self.cores = sum(busy_256) / BUSY_STEPS  # cores in use while the job works fully
        self.busy_seconds = busy_seconds
        self.rss: list = []  # bytes
        self.cache: list = []
        self.highest: list = []  # the highest of both together up to each sample


class JobUse:
    """What a job does.

    busy_seconds[k] is how long it has worked when sample k is taken; core c of a node has then
    used busy_seconds[k] * busy_256[c] / 256 seconds.
    """

    def __init__(self, job, grid):
        """Think all of it up; the same for the same job."""
        self.job, self.request, self.behaviour = job, job.request, job.request.behaviour
        self.first, self.after = grid.span(job.start, job.end)
        self.count = self.after - self.first
        self.source = random.Random(self.request.seed)
        self.times = grid.times[self.first : self.after]
        self.share = self._shares()
        self.busy_seconds = self._busy_seconds(grid)
        # Of the interval that ends at each sample; the first one has none, as rate() has none.
        pairs = zip(self.busy_seconds, self.busy_seconds[1:])
        self.work = [(late - early) / grid.step for early, late in pairs]
        self.limit_bytes = self.request.memory_mib * MEBIBYTE
        self.places = [self._place(number, place) for number, place in enumerate(job.places)]
        # Of each GPU, over all nodes in order: its utilisation in per cent, a list.
        self.gpu_percent = [self._gpu_percent(number) for number in range(job.gpu_count)]

    def _shares(self):
        """Return which share of its full work the job does in each interval."""
        depth, phase = self.source.uniform(0.01, 0.08), self.source.randrange(PERIOD_SAMPLES)
        wave = [
            1 - depth * (1 + math.sin((place + phase) * 2 * math.pi / PERIOD_SAMPLES)) / 2
            for place in range(PERIOD_SAMPLES)
        ]
        return list(itertools.islice(itertools.cycle(wave), self.count))

    def _busy_seconds(self, grid):
        """Return, for each sample, how long the job has worked: whole seconds."""
        if not self.count:
            return []
        found = [self.times[0] - self.job.start]
        for share in self.share[1:]:
            found.append(found[-1] + int(share * grid.step))
        return found

    def _place(self, number, place):
        use = PlaceUse(place, self._busy_256(number, len(place.cores)), self.busy_seconds)
        self._remember_memory(use, number)
        return use

    def _busy_256(self, number, core_count):
        """Return what share of its time each core works, in 1/256."""
        busy = self.behaviour.busy
        working = {"one": 1, "half": max(1, core_count // 2)}.get(busy, core_count)
        if busy == "first_node" and number:
            working = 0
        if busy == "one" and number:
            working = 0
        most = int(self.behaviour.core_use * BUSY_STEPS)
        waiting = WAITING if busy == "first_node" else 0
        return [
            most - self.source.randrange(6) if place < working else waiting
            for place in range(core_count)
        ]

    def _remember_memory(self, use, number):
        """Fill in the memory of a node: it grows at the start, then varies a little."""
        is_spared = number and self.behaviour.busy == "first_node"
        wanted = self.behaviour.memory_use * (0.1 if is_spared else 1.0)
        full = int(self.limit_bytes / MEBIBYTE * min(wanted * self.source.uniform(0.93, 1.0), 0.98))
        cached = int(
            min(0.2, 0.97 - full * MEBIBYTE / self.limit_bytes) * self.limit_bytes / MEBIBYTE
        )
        cached = max(0, int(cached * min(1.0, self.behaviour.write_mib / 50 + 0.1)))
        is_growing = self.behaviour.memory_use >= 1
        ramp = max(1, self.count if is_growing else RAMP_SAMPLES)
        highest = 0
        for place, share in enumerate(self.share):
            grown = min(1.0, (place + 1) / ramp)
            rss = int(full * grown * (1 if is_growing else share)) * MEBIBYTE
            cache = int(cached * grown) * MEBIBYTE
            highest = max(highest, rss + cache)
            use.rss.append(rss)
            use.cache.append(cache)
            use.highest.append(highest)

    def _gpu_percent(self, number):
        behaviour, total = self.behaviour, self.job.gpu_count
        in_use = {"none": 0, "half": max(1, total // 2)}.get(behaviour.gpus_in_use, total)
        if number >= in_use:
            return [0] * self.count
        percent = 100 * behaviour.gpu_use
        pattern = [min(100, max(1, int(percent + self.source.gauss(0, 3)))) for _place in range(23)]
        return list(itertools.islice(itertools.cycle(pattern), self.count))
