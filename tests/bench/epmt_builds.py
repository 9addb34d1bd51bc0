"""Write the job of an invented build of any size, in version 2, the same one on every run."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from epmtlite.collect.metrics import NAMES
from epmtlite.collect.papiex import ProcessRecord
from tests.epmtlite.made_jobs import FIELDS, HOUR, line_of, made_job, record, write_job

HOSTS = 4
MAKE_PID, MAKE_BEGINS = 2, 1000
STEPS_PER_COMMAND = 10
FEWEST_STEP_MICROSECONDS = 9
COMMANDS_PER_OPERATION = 500
MOST_NUMBER = 1_000_000
LONGEST_INCLUDE = 300


class Part(NamedTuple):
    """A process of a compiler's command; times are in steps, of which a command has ten."""

    position: int
    parent: Optional[int]  # its position; None: make
    program: str
    begins: int
    lasts: int


# In the order of their ends, in which a collector writes them.
COMMAND = (
    Part(2, 1, "cc1", 2, 3), Part(3, 1, "as", 5, 2), Part(1, 0, "gcc", 1, 7),
    Part(4, 0, "rm", 8, 1), Part(0, None, "sh", 0, 10),
)  # fmt: skip


def write_build(directory: Path, processes: int) -> Path:
    """Write a job of so many processes (at least 4) on four hosts; return its directory.

    Its id is the name of the directory.
    """
    source = random.Random(processes)
    write_job(made_job([], directory.name), directory)
    header = "\t".join(("{" + ",".join(NAMES) + "}", *FIELDS)) + "\n"
    for number in range(HOSTS):
        count = processes // HOSTS + (number < processes % HOSTS)
        host = f"n{number + 1}"
        (directory / f"{host}-papiex-header.tsv").write_text(header)
        with (directory / f"{host}-papiex.tsv").open("w") as file:
            file.writelines(map(line_of, records(source, host, count)))
    return directory


def records(source: random.Random, host: str, count: int) -> Iterator[ProcessRecord]:
    """Give the processes of one host: commands of five, single ones for the rest, and make."""
    commands, rest = divmod(count - 1, len(COMMAND))
    step = max(HOUR // 2 // (commands + 1) // STEPS_PER_COMMAND, FEWEST_STEP_MICROSECONDS)
    for number in range(commands):
        for part in COMMAND:
            yield process(source, host, number, part, step)
    for number in range(commands, commands + rest):
        yield process(source, host, number, COMMAND[-1], step)
    lasts = (commands + rest + 1) * STEPS_PER_COMMAND * step
    yield record(
        MAKE_PID, 1, MAKE_BEGINS, lasts, hostname=host, exename="make", path="/usr/bin/make",
        args="-j 4 all", **metrics(source),
    )  # fmt: skip


def process(source: random.Random, host: str, number: int, part: Part, step: int) -> ProcessRecord:
    """Return one process of a command."""
    first = MAKE_PID + 1 + number * len(COMMAND)
    return record(
        first + part.position, MAKE_PID if part.parent is None else first + part.parent,
        MAKE_BEGINS + 1 + (number * STEPS_PER_COMMAND + part.begins) * step, part.lasts * step,
        hostname=host, exename=part.program, path=f"/usr/bin/{part.program}",
        args=f"-c -O2 -Wall -I/usr/include/{'x' * source.randrange(LONGEST_INCLUDE)}",
        tags=f"op:build;op_instance:{number // COMMANDS_PER_OPERATION}", **metrics(source),
    )  # fmt: skip


def metrics(source: random.Random) -> "dict[str, tuple[object, ...]]":
    """Return the names and the values of one thread."""
    values = source.choices(range(MOST_NUMBER), k=len(NAMES))
    return {"names": NAMES, "threads": ((*values,),)}
