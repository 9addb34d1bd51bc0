"""Find what a job waits for: the option --dependency of the command that submitted it.

sbatch(1), salloc(1) and srun(1) say which forms the option has.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from userportal.slurm.submission import dependency_values

MOST_DEPENDENCIES = 1000
LONGEST_LINE = 65536
SINGLETON = "singleton"
# Longer names first: afterok is no after.
KINDS = ("afterburstbuffer", "afternotok", "afterany", "aftercorr", "afterok", "after", "expand")
CLAUSE = re.compile(rf"({'|'.join(KINDS)}):(.+)", re.ASCII | re.IGNORECASE)
TARGET = re.compile(r"(\d{1,10})(?:_(\d{1,10}|\*))?(?:\+(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class Dependency:
    """One thing that a job waits for."""

    kind: str  # one of KINDS, or SINGLETON
    job_id: "int | None" = None  # None for SINGLETON; of an array: the array's number
    task_id: "int | None" = None  # of a task of an array
    delay_minutes: "int | None" = None  # after the other job's start
    is_any: bool = False  # one of several is enough

    def concerns(self, job_id: int, array_id: "int | None", task_id: "int | None") -> bool:
        """Tell whether it waits for this job, or for the array that the job belongs to."""
        if self.job_id is None:
            return False
        if self.task_id is None:
            return self.job_id in (job_id, array_id)
        return self.job_id == array_id and self.task_id == task_id


def parse(submit_line: "str | None") -> "list[Dependency]":
    """Return what a submit line says that the job waits for; [] for NULL and for nothing.

    The last --dependency counts, as for sbatch. A list that cannot be read is no dependency.
    """
    words = words_of((submit_line or "")[:LONGEST_LINE])
    for value in reversed(list(dependency_values(words))):
        found = parse_list(value)
        if found:
            return found
    return []


def words_of(line: str) -> "list[str]":
    """Return the words of a command line; Slurm joins them by blanks and may quote none."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def parse_list(text: str) -> "list[Dependency]":
    """Return the dependencies of a list such as afterok:1:2,afterany:3; [] if it is none."""
    is_any = "?" in text
    found: list[Dependency] = []
    for clause in re.split(r"[,?]", text.strip()):
        parsed = list(parsed_clause(clause.strip(), is_any))
        if not parsed:
            return []
        found += parsed
    return list(dict.fromkeys(found))[:MOST_DEPENDENCIES]


def parsed_clause(clause: str, is_any: bool) -> "Iterator[Dependency]":
    """Yield the dependencies of one clause, such as after:1+5:2; nothing if it is none."""
    if clause.lower() == SINGLETON:
        yield Dependency(SINGLETON, is_any=is_any)
        return
    matched = CLAUSE.fullmatch(clause)
    targets = [TARGET.fullmatch(target) for target in matched[2].split(":")] if matched else []
    if not matched or not all(targets):
        return
    for target in filter(None, targets):
        task, delay = target[2], target[3]
        yield Dependency(
            matched[1].lower(), int(target[1]),
            int(task) if task and task != "*" else None,
            int(delay) if delay else None, is_any,
        )  # fmt: skip
