"""Measure what the portal asks about a user of very many runs, with the index for it and not."""

from __future__ import annotations

import contextlib
import datetime
import random
import statistics
import time
from collections.abc import Iterator

from tests.bench.results import Results
from tests.bench.setting import BACKENDS, Setting
from usagedb.config import read_config
from usagedb.database import Database
from usagedb.dialects.base import BYTES, DATETIME, INTEGER, NULLABLE, SECONDS, TEXT
from usagedb.schema import take_step
from xaltload import of_user
from xaltload.schema import XALT

DATABASE = "xalt_user"
INDEX = "xalt_run_by_user_id"
HEAVY, LIGHT = "user0", "user1"
OTHER_USERS, PROGRAMS = 400, 300
OTHER_RUNS = 1.5  # of all others, for each run of the heavy user
RUNS_PER_JOB = 30
DAYS, ASKED_DAYS = 400, 90
FIRST_SECOND = 1767225600  # 2026-01-01
TURNS = 3
FULL_RUNS = 400_000
# Of MariaDB; SQLite spends most of the time on grouping, with the index or without.
TARGET_RATIO = 1.5
RUN_COLUMNS = (
    ("run_key", BYTES), ("records", INTEGER), ("set_id", INTEGER), ("program_id", INTEGER),
    ("user_id", INTEGER), ("account_id", INTEGER), ("queue_id", INTEGER), ("cluster_id", INTEGER),
    ("job_number", NULLABLE), ("job_id", TEXT), ("run_uuid", TEXT), ("date", DATETIME),
    ("syshost", TEXT), ("hash_id", TEXT), ("account", TEXT), ("exec_type", TEXT),
    ("start_time", SECONDS), ("end_time", SECONDS), ("run_time", SECONDS),
    ("probability", SECONDS), ("num_cores", INTEGER), ("num_nodes", INTEGER),
    ("num_threads", INTEGER), ("num_gpus", INTEGER), ("queue", TEXT), ("user", TEXT),
    ("exec_path", TEXT), ("cwd", TEXT), ("cmdline", BYTES),
)  # fmt: skip


def run(setting: Setting, results: Results, runs: int) -> None:
    """Fill the tables of each backend; measure, show and judge."""
    rows = []
    for backend in BACKENDS:
        conf = setting.make_database(backend, DATABASE)
        with contextlib.closing(Database(read_config(conf))) as database:
            fill(database, runs)
            seconds = measured(database)
            for (user, asked), (before, after) in seconds.items():
                rows.append(
                    (backend, user, asked, f"{before:.2f}", f"{after:.2f}",
                     f"{before / after:.1f}")
                )  # fmt: skip
            before, after = seconds[HEAVY, "a quarter"]
            name = f"times faster by the user's index, {runs:,} runs, {backend}"
            judged = runs >= FULL_RUNS and backend == "mariadb"
            results.at_least(name, before / after, TARGET_RATIO, judged=judged)
        for path in setting.directory.glob(f"{DATABASE}.db*"):
            path.unlink()
    headings = ("database", "user", "of the last", "s without", "s with the index", "ratio")
    results.show(f"What a user of {runs:,} runs used", headings, rows)


def measured(database: Database) -> dict[tuple[str, str], tuple[float, float]]:
    """Return {(user, what was asked): (seconds without the index, with it)}, in turns."""
    last = datetime.date(2026, 1, 1) + datetime.timedelta(DAYS)
    starts = {
        "a quarter": last - datetime.timedelta(ASKED_DAYS), "a year": last - datetime.timedelta(365)
    }  # fmt: skip
    questions = [(user, asked) for user in (HEAVY, LIGHT) for asked in starts]
    found: dict = {question: ([], []) for question in questions}
    answers: dict = {}
    for with_index in (0, 1):
        set_index(database, bool(with_index))
        for question in questions:
            for _turn in range(TURNS):
                begin = time.perf_counter()
                programs = of_user.programs(database, question[0], starts[question[1]])
                found[question][with_index].append(time.perf_counter() - begin)
            answers.setdefault(question, programs)
            if answers[question] != programs:
                raise AssertionError(f"the index changes the answer for {question}")
    return {
        question: (statistics.median(without), statistics.median(beside))
        for question, (without, beside) in found.items()
    }


def set_index(database: Database, is_wanted: bool) -> None:
    """Take the index away, or make it as createDB does."""
    if is_wanted:
        step = next(one for one in XALT.steps if f"INDEX {INDEX} " in one.statement)
        take_step(database, XALT, step)
    else:
        on_table = " ON xalt_run" if database.config.backend == "mysql" else ""
        database.run_ddl(f"DROP INDEX {INDEX}{on_table}")
    database.run_ddl(
        "ANALYZE TABLE xalt_run" if database.config.backend == "mysql" else "ANALYZE xalt_run"
    )


def fill(database: Database, runs: int) -> None:
    """Store so many runs of the heavy user, and those of the others, in the order of time."""
    users = [f"user{number}" for number in range(OTHER_USERS + 1)]
    names = [*users, "acct", "normal", "aurora"]
    with database.transaction():
        database.insert_rows(
            "xalt_name", (("name_id", INTEGER), ("name", TEXT)), list(enumerate(names, 1))
        )
        database.insert_rows(
            "xalt_program",
            (("program_id", INTEGER), ("program_key", BYTES), ("exec_path", TEXT),
             ("exec_type", TEXT)),
            [(n, n.to_bytes(32, "big"), path_of(n), "binary") for n in range(1, PROGRAMS + 1)],
        )  # fmt: skip
    with database.transaction():
        database.insert_rows("xalt_run", RUN_COLUMNS, run_rows(runs, names))


def path_of(program: int) -> str:
    """Return the path of a program."""
    return f"/home/projects/simulation-of-something/build-{program:04d}/bin/program-{program:04d}"


def run_rows(runs: int, names: list[str]) -> Iterator[tuple]:
    """Yield the rows of xalt_run."""
    source = random.Random(11)
    number_of = {name: number for number, name in enumerate(names, 1)}
    count = int(runs * (1 + OTHER_RUNS))
    share = runs / count
    for number in range(count):
        is_heavy = source.random() < share
        user = HEAVY if is_heavy else names[source.randint(1, OTHER_USERS)]
        start = FIRST_SECOND + number * DAYS * 86400 / count
        moment = datetime.datetime.fromtimestamp(start, datetime.timezone.utc)
        seconds = round(source.paretovariate(0.5) * 10 % 86400, 2)
        program = source.randint(1, 40 if is_heavy else PROGRAMS)
        job = number // RUNS_PER_JOB
        yield (
            number.to_bytes(32, "big"), 3, 0, program, number_of[user], number_of["acct"],
            number_of["normal"], number_of["aurora"], 2**40 + job * 7, str(job),
            f"{number:036d}", moment.strftime("%Y-%m-%d %H:%M:%S"), "aurora", "0" * 40, "acct",
            "binary", start, start + seconds, seconds, 1.0, source.choice((1, 16, 64)), 1, 1, 0,
            "normal", user, path_of(program), f"/scratch/{user}/work/{job}", b"x" * 150,
        )  # fmt: skip
