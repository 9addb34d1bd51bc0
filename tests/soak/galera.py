"""Loads and reports on a Galera cluster whose nodes are killed, cut off and brought back."""

import collections
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Optional

from tests.galera_cluster import GaleraCluster
from tests.soak.galera_faults import FAULTS, Fault
from tests.soak.galera_runner import UNAVAILABLE, Runner, Wrong
from tests.soak.galera_site import GaleraSite
from tests.soak.galera_streams import JobStream, LogStream, RecordStream, Stream

ROUNDS = 50
SEED = 20261122
PAUSE_SECONDS = 0.2  # after a load that found no database
AGAIN_SECONDS = 0.7  # before the same input is loaded again, or the next report is asked for
STATUS = ("usage_status", "--format", "json", "--confFn")


class Rounds:
    """One cluster, and the rounds that it goes through."""

    def __init__(self, cluster: GaleraCluster, directory: Path, seed: int = SEED) -> None:
        """Make the tables; directory gets the inputs and configuration files."""
        self.cluster, self.directory, self.seed = cluster, directory, seed
        self.runner = Runner(directory)
        self.site = GaleraSite(cluster, directory, self.runner.environment)
        self.counts: collections.Counter = collections.Counter()
        self.rounds = 0
        self.loaded: list[Stream] = []  # by the rounds since the last comparison

    def round(self, fault: Fault) -> None:
        """Load and report while a fault happens, then check what is stored and compare the nodes.

        Raises Wrong, or ServerFailed if the cluster cannot be brought back.
        """
        self.rounds += 1
        source = random.Random(f"{self.seed} {self.rounds}")
        streams = self.make_streams(f"r{self.rounds}")
        with self._busy(streams, source):
            time.sleep(source.uniform(0.2, 2.5))
            fault(self.cluster, source, self.counts)
            self.cluster.bring_back()
            time.sleep(source.uniform(0.0, 1.0))
        with ThreadPoolExecutor(len(streams)) as pool:
            list(pool.map(self._settle, streams, range(len(streams))))
        self.counts["rows compared between nodes"] += self.site.compare_nodes()
        self.loaded += streams

    def finish(self) -> None:
        """Load all inputs into the plain database, and compare all rows, and what reports make of
        them. Raises Wrong."""
        self.site.take_care()
        self.site.load_plain(self.loaded)
        for stream in self.loaded:
            shown = self.runner.report(stream.report_words(self.site.plain.conf_path))
            stream.checked(shown, stream.steps, stream.steps)
        self.loaded.clear()
        self.counts["rows compared with a plain load"] = self.site.compare()

    def make_streams(self, tag: str) -> list[Stream]:
        """Return an input of each kind, still empty; tag tells them from all others."""
        place = self.directory / tag
        return [
            LogStream(place / "log-a", f"{tag}a", self.seed),
            LogStream(place / "log-b", f"{tag}b", self.seed),
            RecordStream(place / "records", tag, self.seed),
            JobStream(place / "jobs", tag, self.seed),
        ]

    @contextlib.contextmanager
    def _busy(self, streams: "list[Stream]", source: random.Random) -> Iterator[None]:
        """Let loads and reports run during the block, and until all inputs have grown."""
        threads = [Busy(grower(stream, self, at)) for at, stream in enumerate(streams)]
        # A second loader of the same input at the same time, on another node.
        twice = source.choice(streams)
        threads.append(Busy(follower(twice, self, streams.index(twice) + 1)))
        threads.append(Busy(reporter(streams, self, random.Random(source.random()))))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.ending.set()
            for thread in threads:
                thread.join()
        for thread in threads:
            if thread.error:
                raise thread.error

    def _settle(self, stream: Stream, first: int) -> None:
        """Load an input again, and check a report of it: all of it has to be there."""
        confs = self.site.load_confs
        for at in range(first, first + len(confs)):
            conf = confs[at % len(confs)]
            ended = self.runner.load(stream.load_words(conf))
            if ended.status in stream.done:
                break
            self.counts["loads that ended with 75 on a whole cluster"] += 1
        else:
            raise Wrong(f"with all nodes well:\n{ended.describe()}")
        shown = self.runner.report(stream.report_words(self.site.report_confs[-1]))
        if shown.status != 0:
            raise Wrong(f"with all nodes well:\n{shown.describe()}")
        stream.checked(shown, stream.steps, stream.steps)

    def numbers(self) -> "list[tuple[str, object]]":
        """Return (what, how many) of all that happened."""
        found: list[tuple[str, object]] = [("rounds", self.rounds)]
        for kind in ("load", "report"):
            by_command: dict[str, collections.Counter] = {}
            for (one, command, status), count in sorted(self.runner.statuses.items()):
                if one == kind:
                    by_command.setdefault(command, collections.Counter())[status] += count
            for command, statuses in by_command.items():
                ends = ", ".join(f"{count} with {status}" for status, count in statuses.items())
                found.append((f"{kind}s by {command}", f"{sum(statuses.values())} ({ends})"))
            found.append((f"longest {kind}, s", round(self.runner.longest_seconds[kind], 1)))
        found += [*sorted(self.counts.items()), *sorted(self.runner.retries.items())]
        reasons = self.runner.reasons.most_common()
        return [*found, *((f"ended with 75: {reason}", count) for reason, count in reasons)]


class Busy(threading.Thread):
    """A thread that works until it is told to end; keeps what went wrong."""

    def __init__(self, work: "Callable[[threading.Event], None]") -> None:
        super().__init__(daemon=True)
        self.work, self.ending = work, threading.Event()
        self.error: Optional[BaseException] = None

    def run(self) -> None:
        try:
            self.work(self.ending)
        except BaseException as error:  # told by who waits for the thread
            self.error = error


def grower(stream: Stream, rounds: Rounds, first: int) -> "Callable[[threading.Event], None]":
    """Return the work of one who lets an input grow and loads it, and then again and again."""
    conf = rounds.site.load_confs[first % 3]

    def work(ending: threading.Event) -> None:
        while True:
            has_grown, ends = stream.grow(), ending.is_set()
            load(stream, rounds, conf, ending)
            if ends and not has_grown:
                return
            ending.wait(AGAIN_SECONDS)

    return work


def follower(stream: Stream, rounds: Rounds, first: int) -> "Callable[[threading.Event], None]":
    """Return the work of one who loads what another lets grow."""
    conf = rounds.site.load_confs[first % 3]

    def work(ending: threading.Event) -> None:
        while not ending.is_set():
            if stream.steps:
                load(stream, rounds, conf, ending)
            ending.wait(AGAIN_SECONDS)

    return work


def load(stream: Stream, rounds: Rounds, conf: Path, ending: threading.Event) -> None:
    """Load what is there of an input; note it as stored if the load says so."""
    steps = stream.steps
    ended = rounds.runner.load(stream.load_words(conf))
    if ended.status in stream.done:
        stream.stored = max(stream.stored, steps)
    elif ended.status == UNAVAILABLE:
        ending.wait(PAUSE_SECONDS)
    else:
        raise Wrong(ended.describe())


def reporter(
    streams: "list[Stream]", rounds: Rounds, source: random.Random
) -> "Callable[[threading.Event], None]":
    """Return the work of one who asks for reports and checks them."""

    def work(ending: threading.Event) -> None:
        while not ending.wait(AGAIN_SECONDS):
            conf = source.choice(rounds.site.report_confs)
            stream = source.choice([*streams, None])
            if stream is None:
                rounds.runner.report([*STATUS, conf], statuses=(1, 2))
                continue
            stored = stream.stored
            ended = rounds.runner.report(stream.report_words(conf))
            if ended.status == 0:
                stream.checked(ended, stored, stream.steps)
                rounds.counts["reports checked"] += 1

    return work


def faults_in_turn(source: random.Random) -> "Iterator[Fault]":
    """Yield the faults without end, all of them before one comes again."""
    while True:
        yield from source.sample(FAULTS, len(FAULTS))


@contextlib.contextmanager
def scratch() -> "Iterator[tuple[Path, Path]]":
    """Give a directory for a cluster, which its account can reach, and one for all else."""
    with tempfile.TemporaryDirectory(prefix="hpcusage-galera-") as name:
        place = Path(name)
        place.chmod(0o711)
        for part in ("cluster", "work"):
            (place / part).mkdir()
        yield place / "cluster", place / "work"


def run(rounds: int = ROUNDS, seed: int = SEED) -> bool:
    """Go through all rounds, print the numbers, and return whether all was well."""
    with scratch() as (place, work), GaleraCluster(place) as cluster:
        site, faults = Rounds(cluster, work, seed), faults_in_turn(random.Random(seed))
        try:
            for _number in range(rounds):
                fault = next(faults)
                started = time.monotonic()
                site.round(fault)
                seconds = time.monotonic() - started
                print(f"round {site.rounds}: {fault.__name__}, {seconds:.0f} s", flush=True)
            site.finish()
        except BaseException as error:
            print(f"round {site.rounds}: {error}", file=sys.stderr, flush=True)
            raise
        finally:
            for what, how_many in site.numbers():
                print(f"{what}: {how_many}", flush=True)
    return True
