"""What is loaded while nodes fail: inputs that grow, and what reports may show of them.

A report that ends with 0 has to show all that loads had stored before it began, and nothing that
was not there when it ended; what lies between is a whole prefix of each input.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.epmt_builds import write_build
from tests.bench.sample_log import day_lines
from tests.bench.sample_site import CLUSTERS
from tests.bench.xalt_records import RecordSource, directory_of, written
from tests.soak.galera_runner import Ended, Wrong

CHUNKS = 3
DAYS_PER_CHUNK = 5
RUNS_PER_TREE = 24
ALL_DAYS = ("--start", "2026-01-01", "--end", "2027-01-01")
LOAD = re.compile(r"user=(\S+) module=\S+ path=(\S+) host=\w[^.]*\.([^.]+)\S* time=\d+\.\d+")


class Stream:
    """An input that grows step by step; a load of it stores all that is there."""

    command = ""  # that loads it
    done: "tuple[int, ...]" = (0,)  # statuses of a load that stored all

    def __init__(self, directory: Path, tag: str, seed: object) -> None:
        """tag makes the names in it unlike those of all other streams."""
        self.directory, self.tag = directory, tag
        self.source = random.Random(f"{seed} {tag}")
        self.steps = 0  # that were made
        self.stored = 0  # steps that a load has said to have stored
        directory.mkdir(parents=True)

    def grow(self) -> bool:
        """Make the next step; return False if there is none."""
        if self.steps == CHUNKS:
            return False
        self.make(self.steps)
        self.steps += 1
        return True

    def make(self, step: int) -> None:
        """Write what belongs to a step, from 0."""
        raise NotImplementedError

    def inputs(self) -> "list[Path]":
        """Return the files or directories that a load is given."""
        raise NotImplementedError

    def load_words(self, conf: Path) -> "list[object]":
        """Return the command line that loads all that is there."""
        return [*self.command.split(), "-v", "--confFn", conf, *self.inputs()]

    def report_words(self, conf: Path) -> "list[object]":
        """Return the command that shows what is stored of this input, and of no other."""
        raise NotImplementedError

    def check(self, shown: Any, stored: int, steps: int) -> None:
        """Raise Wrong unless a report shows at least the first `stored` of all steps, and nothing
        of more than `steps`."""
        raise NotImplementedError

    def checked(self, ended: Ended, stored: int, steps: int) -> None:
        """Check what a report printed."""
        try:
            self.check(json.loads(ended.output), stored, steps)
        except Wrong as error:
            place = f"{stored} steps were stored, {steps} made"
            raise Wrong(f"{error}: {place}\n{ended.describe()}") from error


class LogStream(Stream):
    """A log of module loads that grows."""

    command = "store_module_data --store_all"
    done = (0, 3)

    def __init__(self, directory: Path, tag: str, seed: object) -> None:
        super().__init__(directory, tag, seed)
        self.path = directory / "moduleUsage.log"
        self.lines: list[str] = []
        self.ends = [0]  # lines at the end of each step

    def make(self, step: int) -> None:
        new: list[str] = []
        for day in range(step * DAYS_PER_CHUNK, (step + 1) * DAYS_PER_CHUNK):
            new += (line for _sent, line in day_lines(self.source, day))
        for cluster in CLUSTERS:
            new = [line.replace(f".{cluster.name}.", f".{cluster.name}{self.tag}.") for line in new]
        self.lines += new
        self.ends.append(len(self.lines))
        with self.path.open("a", encoding="ascii") as log:
            log.write("".join(new))

    def inputs(self) -> "list[Path]":
        return [self.path]

    def report_words(self, conf: Path) -> "list[object]":
        return [
            "analyzeLmodDB", "counts", "--loads", "--by-syshost", "--syshost", f"%{self.tag}",
            "--format", "json", "--confFn", conf,
        ]  # fmt: skip

    def check(self, shown: Any, stored: int, steps: int) -> None:
        found = {
            (row["module_path"], row["syshost"]): (row["distinct_users"], row["loads"])
            for row in shown
        }
        total = sum(loads for _users, loads in found.values())
        least, most = self.ends[stored], self.ends[steps]
        for count, loads, state in self.prefixes():
            if least <= count <= most and loads == total:
                wanted = {key: (len(users), sum(users.values())) for key, users in state.items()}
                if found == wanted:
                    return
                raise Wrong(f"a report of {total} loads is not that of the first {count} lines")
        raise Wrong(f"a report shows {total} loads")

    def prefixes(self) -> "Iterator[tuple[int, int, dict[Any, Any]]]":
        """Yield (lines, loads, {(path, cluster): {user: loads}}) for each whole prefix."""
        state: dict[Any, dict[str, int]] = {}
        loads = 0
        yield 0, 0, state
        for count, line in enumerate(self.lines, 1):
            match = LOAD.search(line)
            if match:
                users = state.setdefault((match[2], match[3]), {})
                users[match[1]] = users.get(match[1], 0) + 1
                loads += 1
            yield count, loads, state


class RecordStream(Stream):
    """Trees with records of XALT, one more with each step."""

    command = "xalt_file_to_db"

    def __init__(self, directory: Path, tag: str, seed: object) -> None:
        super().__init__(directory, tag, seed)
        self.shown: dict[int, Any] = {}  # by reports of so many steps, all of them stored

    def make(self, step: int) -> None:
        seed = self.source.getrandbits(32)
        new = self.directory.parent / f"tree{step}"
        for name, record in RecordSource(RUNS_PER_TREE, seed).records():
            if "userT" in record:
                record["userT"]["syshost"] = self.syshost(step)
            elif "resultT" in record:
                record["resultT"]["build_syshost"] = self.syshost(step)
            place = new / f"{directory_of(name) % 7:03d}"
            place.mkdir(parents=True, exist_ok=True)
            own_name = name.replace(".aurora.", f".{self.syshost(step)}.")
            (place / own_name).write_bytes(written(record))
        new.rename(self.directory / new.name)  # whole, as a loader finds it

    def syshost(self, step: int) -> str:
        """Return the cluster of the records of a step."""
        return f"x{self.tag}s{step}"

    def inputs(self) -> "list[Path]":
        return [self.directory]

    def report_words(self, conf: Path) -> "list[object]":
        return [
            "xalt_usage_report", "--short", "--num", "100000", *ALL_DAYS, "--syshost",
            f"x{self.tag}s%", "--format", "json", "--confFn", conf,
        ]  # fmt: skip

    def check(self, shown: Any, stored: int, steps: int) -> None:
        rows = {table["table"]: table["rows"] for table in shown}
        orders = ("executables_all_by_hours", "executables_all_by_runs", "executables_all_by_users")
        found = {sum(row["number_of_runs"] for row in rows[order]) for order in orders}
        if len(found) != 1:
            raise Wrong(f"the tables of a report differ: {found}")
        if not stored * RUNS_PER_TREE <= found.pop() <= steps * RUNS_PER_TREE:
            raise Wrong("a report shows another number of runs")
        if stored == steps and shown != self.shown.setdefault(steps, shown):
            raise Wrong("reports of the same runs differ")


class JobStream(Stream):
    """Jobs of EPMT, one more with each step; the last is stored in several transactions."""

    command = "epmt submit"

    def __init__(self, directory: Path, tag: str, seed: object) -> None:
        super().__init__(directory, tag, seed)
        self.processes: dict[str, int] = {}  # of each job

    def make(self, step: int) -> None:
        jobid = f"{self.tag}job{step}"
        count = self.source.randrange(120, 300) if step < CHUNKS - 1 else 600
        write_build(self.directory / jobid, count)
        self.processes[jobid] = count

    def inputs(self) -> "list[Path]":
        return [self.directory / jobid for jobid in self.processes]

    def report_words(self, conf: Path) -> "list[object]":
        return ["epmt", "list", "jobs", "fmt=dict", "--format", "json", "--confFn", conf]

    def check(self, shown: Any, stored: int, steps: int) -> None:
        found = {job["jobid"]: job for job in shown if job["jobid"] in self.processes}
        jobids = list(self.processes)
        missing = set(jobids[:stored]) - set(found)
        early = set(found) - set(jobids[:steps])
        if missing or early:
            raise Wrong(f"a report lacks {missing}, and shows {early}")
        for jobid, job in found.items():
            if job["num_procs"] != self.processes[jobid] or job["user"] != "ann":
                raise Wrong(f"a report shows another job {jobid}: {job['num_procs']} processes")
