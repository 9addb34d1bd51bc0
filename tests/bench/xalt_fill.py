"""Fill the tables of XALT with many runs, without a loader: what the reports are measured on."""

import datetime
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.bench.loads import zipf_weights
from tests.bench.setting import Setting
from tests.bench.xalt_records import (
    COMPILERS,
    FIRST_SECOND,
    LIBRARY_COUNT,
    SYSHOST,
    USER_COUNT,
    Executable,
    executables,
    library,
    uuid_of,
)

DAYS = 60
LIBRARIES_PER_RUN = 40
RUNS_PER_EXECUTABLE = 30
RUNS_PER_PART = 50_000
# Tables and the columns that are filled, in their order.
TABLES = {
    "xalt_object": "obj_id, object_path, syshost, hash_id, module_name, lib_type, @k",
    "xalt_link": "uuid, hash_id, date, link_program, link_path, cwd, build_user, build_syshost,"
    " build_epoch, exec_path",
    "xalt_object_set": "set_id, @k",
    "xalt_set_object": "set_id, obj_id",
    "xalt_run": "run_id, @k, records, set_id, program_id, user_id, account_id, queue_id,"
    " cluster_id, job_number, job_id, run_uuid, date, syshost, uuid, hash_id,"
    " account, exec_type, start_time, end_time, run_time, probability, num_cores, num_nodes,"
    " num_threads, num_gpus, queue, user, exec_path, module_name, cwd, cmdline",
    "xalt_program": "program_id, @k, exec_path, module_name, exec_type, link_uuid",
    "xalt_name": "name_id, name",
    "join_run_object": "obj_id, run_id, date",
}
KEYS = {
    "xalt_object": "obj_key", "xalt_object_set": "set_key", "xalt_program": "program_key",
    "xalt_run": "run_key",
}  # fmt: skip
ACCOUNT_COUNT = 60
# Numbers of names: users, accounts, then these.
OTHER_NAMES = ("normal", "largemem", SYSHOST)


def module_of(path: str) -> str:
    """Return the module of a path as a field of a file: \\N is none."""
    parts = path.split("/")
    return f"{parts[2]}/{parts[3]}" if parts[1] == "apps" else "\\N"


def digest_of(*parts: object) -> str:
    """Return a digest in hexadecimal digits."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


class Filler:
    """Writes files of rows and has the server read them."""

    def __init__(self, setting: Setting, database: str, runs: int):
        self.setting, self.database, self.run_count = setting, database, runs
        self.source = random.Random(7)
        self.programs = executables(self.source, max(50, runs // RUNS_PER_EXECUTABLE))
        for number, program in enumerate(self.programs):
            self.programs[number] = self._with_libraries(program)
        self.weights = zipf_weights(len(self.programs), 0.9)

    def _with_libraries(self, program: Executable) -> Executable:
        numbers = self.source.sample(range(LIBRARY_COUNT), LIBRARIES_PER_RUN)
        return program._replace(libraries=[str(number + 1) for number in numbers])

    def fill(self) -> None:
        """Fill all tables."""
        self._load("xalt_object", self._objects())
        self._load("xalt_link", self._links())
        self._load("xalt_object_set", ((n, digest_of("set", n)) for n in self._set_ids()))
        members = (
            (n, obj_id)
            for n, program in zip(self._set_ids(), self.programs)
            for obj_id in program.libraries
        )
        self._load("xalt_set_object", members)
        self._load("xalt_program", self._programs())
        names = [f"user{number}" for number in range(1, USER_COUNT + 1)]
        names += [f"acct{number}" for number in range(ACCOUNT_COUNT)] + list(OTHER_NAMES)
        self.number_of = {name: number for number, name in enumerate(names, 1)}
        self._load("xalt_name", ((number, name) for name, number in self.number_of.items()))
        for first in range(0, self.run_count, RUNS_PER_PART):
            drawn = self.source.choices(
                range(len(self.programs)), cum_weights=self.weights,
                k=min(RUNS_PER_PART, self.run_count - first),
            )  # fmt: skip
            self._load("xalt_run", self._runs(first, drawn))
            joins = (
                (obj_id, first + n + 1, self._date(first + n)[:10])
                for n, program in enumerate(drawn)
                for obj_id in self.programs[program].libraries
            )
            self._load("join_run_object", joins)
        self.setting.execute(f"use {self.database}", *(f"analyze table {name}" for name in TABLES))

    def _set_ids(self) -> range:
        return range(1, len(self.programs) + 1)

    def _objects(self) -> Iterator[tuple]:
        for number in range(LIBRARY_COUNT):
            path = library(number)
            yield (number + 1, path, SYSHOST, 0, module_of(path), "so", digest_of("object", path))

    def _links(self) -> Iterator[tuple]:
        for number, program in enumerate(self.programs):
            yield (
                program.link_uuid, program.hash_id, self._date(0),
                COMPILERS[number % len(COMPILERS)], "/usr/bin/ld", "/home/build",
                f"user{number % 97}", SYSHOST, FIRST_SECOND, program.path,
            )  # fmt: skip

    def _programs(self) -> Iterator[tuple]:
        """Yield each program twice: built by a link, and by one that is not known."""
        for index, program in enumerate(self.programs):
            path = program.path
            for number, link in ((2 * index + 1, program.link_uuid), (2 * index + 2, "\\N")):
                key = digest_of("program", path, link)
                yield (number, key, path, module_of(path), "binary", link)

    def _date(self, run: int) -> str:
        seconds = FIRST_SECOND + run * DAYS * 86400 // self.run_count
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def _runs(self, first: int, drawn: list[int]) -> Iterator[tuple]:
        for number, index in enumerate(drawn, first):
            program = self.programs[index]
            user = f"user{min(int(self.source.paretovariate(0.7)), USER_COUNT)}"
            seconds = round(min(self.source.paretovariate(0.5) * 10, 86400.0), 4)
            start = FIRST_SECOND + number * DAYS * 86400 / self.run_count
            queue = "largemem" if number % 20 == 0 else "normal"
            account, has_link = f"acct{int(user[4:]) % ACCOUNT_COUNT}", number % 2
            names = (user, account, queue, SYSHOST)
            job = number // 3
            yield (
                number + 1, digest_of("run", number), 2, index + 1, 2 * index + 2 - has_link,
                *(self.number_of[name] for name in names), 2**62 + job * 1_234_567, job,
                uuid_of(self.source), self._date(number), SYSHOST,
                program.link_uuid if has_link else "\\N", program.hash_id, account, "binary",
                start, start + seconds, seconds, 1.0, program.cores, 1, 1, int(number % 5 == 0),
                queue, user, program.path, module_of(program.path), f"/scratch/{user}", "x" * 150,
            )  # fmt: skip

    def _load(self, table: str, rows: Iterator[tuple]) -> None:
        path = self.setting.directory / f"{table}.tsv"
        with path.open("w", encoding="utf-8") as file:
            write(file, rows)
        key = f" SET {KEYS[table]} = UNHEX(@k)" if table in KEYS else ""
        self.setting.load_file(
            self.database, f"LOAD DATA LOCAL INFILE %s INTO TABLE {table} ({TABLES[table]}){key}",
            path,
        )  # fmt: skip
        path.unlink()


def write(file: IO[str], rows: Iterator[tuple]) -> None:
    """Write rows as tab-separated values."""
    for row in rows:
        file.write("\t".join(map(str, row)) + "\n")


def fill(setting: Setting, database: str, runs: int) -> Path:
    """Make a database of XALT with so many runs on MariaDB; return its configuration."""
    conf = setting.make_database("mariadb", database)
    Filler(setting, database, runs).fill()
    return conf
