"""Fill databases as the years would; show what grows: rows, bytes, times of loads and reports."""

from __future__ import annotations

import datetime
import itertools
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import loads, measure
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, Setting, tool
from tests.bench.xalt_records import write_tree

DATABASES = {"lmod": "scale_lmod", "xalt": "scale_xalt"}
FIRST_DAY = datetime.date(2025, 1, 1)  # a log of the future would be rejected
DAYS_PER_LOAD = 10
XALT_DAYS = ("--start", "2026-01-01", "--end", "2030-01-01")
# A step that adds to a database may take this much longer in the largest than in the smallest.
GROWTH_LIMIT = 3.0

Row = tuple[str, ...]


def run(
    setting: Setting, results: Results, load_counts: Sequence[int], run_counts: Sequence[int]
) -> None:
    """Fill both backends with module loads, then with XALT runs; show and judge the growth."""
    ModuleLoads(setting, results).grow(load_counts)
    Runs(setting, results).grow(run_counts)


class Growing:
    """Databases of one tool that are filled step by step, and looked at after each."""

    kind = ""
    what = ""
    table = ""
    judged = ""
    headings: Row = ()

    def __init__(self, setting: Setting, results: Results):
        self.setting, self.results = setting, results
        self.stored = 0
        self.rows: dict[str, list[Row]] = {backend: [] for backend in BACKENDS}
        self.judged_seconds: dict[str, list[float]] = {backend: [] for backend in BACKENDS}

    def grow(self, counts: Sequence[int]) -> None:
        """Fill to each of some counts, look at it, and show what was found."""
        for backend in BACKENDS:
            self.setting.make_database(backend, DATABASES[self.kind])
        for count in counts:
            seconds = dict.fromkeys(BACKENDS, 0.0)
            for command in self.steps(count):
                for backend in BACKENDS:
                    seconds[backend] += self.seconds(backend, *command)
            stored = self.stored
            for backend in BACKENDS:
                self._look(backend, stored, seconds[backend])
        for backend, rows in self.rows.items():
            self.results.show(f"{self.what} in one database, {backend}", self.headings, rows)
            first, last = self.judged_seconds[backend][0], self.judged_seconds[backend][-1]
            name = f"times longer in the largest: {self.judged}, {backend}"
            self.results.at_most(name, last / first, GROWTH_LIMIT, judged=len(counts) > 1)

    def steps(self, count: int) -> Iterator[Row]:
        """Write inputs until so many are stored; yield the commands that load them."""
        raise NotImplementedError

    def look(self, backend: str) -> list[float]:
        """Return the seconds of what is measured at each size; the first is judged."""
        raise NotImplementedError

    def seconds(self, backend: str, command: str, *options: str) -> float:
        """Return the seconds of a command on the database of a backend."""
        conf = self.setting.conf(backend, DATABASES[self.kind])
        words = tool(command, "--confFn", str(conf), *options)
        return measure.run_once(words, self.setting.environment).wall_seconds

    def _look(self, backend: str, stored: int, seconds: float) -> None:
        database = DATABASES[self.kind]
        rows = self.setting.row_count(backend, database, self.table)
        found = self.look(backend)
        self.judged_seconds[backend].append(found[0])
        self.rows[backend].append((
            f"{stored:,}", f"{rows:,}", f"{self.size(backend) / 1e6:,.0f}",
            f"{seconds:.1f}", *(f"{one:.2f}" for one in found),
        ))  # fmt: skip

    def size(self, backend: str) -> int:
        """Return the bytes of the database on the disk."""
        database = DATABASES[self.kind]
        if backend == "sqlite":
            files = self.setting.directory.glob(f"{database}.db*")
        else:
            files = (self.setting.server.datadir / database).glob("*.ibd")
        return sum(path.stat().st_size for path in files)


class ModuleLoads(Growing):
    """Days of module loads, 300,000 a day."""

    kind, what, table = "lmod", "Module loads", "lmod_use"
    judged = "one day's log"
    headings = (
        "loads", "rows", "MB", "loaded in s", "next day s", "its month s", "all s", "one user s",
    )  # fmt: skip

    def __init__(self, setting: Setting, results: Results):
        super().__init__(setting, results)
        self.loads = loads.draw_loads(random.Random(1))
        self.day = FIRST_DAY

    def steps(self, count: int) -> Iterator[Row]:
        """Load some days at a time."""
        while self.stored < count:
            logs = []
            while self.stored < count and len(logs) < DAYS_PER_LOAD:
                logs.append(self._write_day(min(loads.LINES_PER_DAY, count - self.stored)))
            yield ("store_module_data", *map(str, logs))
            for log in logs:
                log.unlink()

    def _write_day(self, lines: int) -> Path:
        log = self.setting.directory / f"moduleUsage.log-{self.day:%Y%m%d}"
        with log.open("w", encoding="ascii") as output:
            loads.write_day(output, loads.LineWriter(self.day, lines), self.loads, lines)
        self.day += datetime.timedelta(days=1)
        self.stored += lines
        return log

    def look(self, backend: str) -> list[float]:
        """Measure the next day's load, and reports of its month, of everything, of one user."""
        if backend == BACKENDS[0]:
            self.next_log = self._write_day(loads.LINES_PER_DAY)
        month = (self.day - datetime.timedelta(days=1)).replace(day=1)
        days = ("--start", str(month), "--end", str(self.day))
        found = [
            self.seconds(backend, "store_module_data", str(self.next_log)),
            self.seconds(backend, "analyzeLmodDB", *days, "counts"),
            self.seconds(backend, "analyzeLmodDB", "--start", str(FIRST_DAY), "counts"),
            self.seconds(
                backend, "analyzeLmodDB", "--start", str(FIRST_DAY), "--sqlPattern",
                loads.user_name(99), "modules_used_by",
            ),
        ]  # fmt: skip
        if backend == BACKENDS[-1]:
            self.next_log.unlink()
        return found


class Runs(Growing):
    """Trees of XALT's records, 2.66 for each run."""

    kind, what, table = "xalt", "Runs of XALT", "xalt_run"
    judged = "1,000 runs"
    headings = (
        "runs",
        "rows",
        "MB",
        "loaded in s",
        "next 1,000 s",
        "usage report s",
        "libraries s",
    )
    runs_per_tree = 40_000
    next_runs = 1000

    def __init__(self, setting: Setting, results: Results):
        super().__init__(setting, results)
        self.seeds = itertools.count(1)
        self.tree = setting.directory / "scale-tree"

    def steps(self, count: int) -> Iterator[Row]:
        """Load a tree at a time."""
        while self.stored < count:
            self._write_tree(min(self.runs_per_tree, count - self.stored))
            yield ("xalt_file_to_db", str(self.tree))
            shutil.rmtree(self.tree)

    def _write_tree(self, runs: int) -> None:
        write_tree(self.tree, runs, next(self.seeds))
        self.stored += runs

    def look(self, backend: str) -> list[float]:
        """Measure the load of some more runs, and two reports of everything."""
        if backend == BACKENDS[0]:
            self._write_tree(self.next_runs)
        found = [
            self.seconds(backend, "xalt_file_to_db", str(self.tree)),
            self.seconds(backend, "xalt_usage_report", "--short", *XALT_DAYS),
            self.seconds(backend, "xalt_library_usage", *XALT_DAYS),
        ]
        if backend == BACKENDS[-1]:
            shutil.rmtree(self.tree)
        return found
