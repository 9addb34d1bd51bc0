"""Read the job numbers of an address, 100-105,107, and write them; read tasks, 123_[1,3-5]."""

import re
from collections.abc import Iterable, Iterator

from usagedb.errors import UsageError
from userportal.slurm import arrays

MOST_JOBS = 1000
LARGEST_ID = 0xFFFFFFFD  # the numbers above it have meanings of their own
HIGHEST_JOB_ID = 2**32 - 1  # that can be stored: slurmctld holds them in 32 bits
PART = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)
TASK = re.compile(r"(\d{1,10})_(\d{1,10})", re.ASCII)
# As squeue and sacct write the tasks of an array that wait: 123_[1,3-5], 123_[0-10:5%2].
TASKS = re.compile(r"(\d{1,10})_\[([0-9,:-]+)(?:%\d{1,10})?\]", re.ASCII)


def parse(text: str) -> "list[int]":
    """Return the numbers of a comma separated list of jobs and inclusive ranges, each once.

    Raises UsageError for anything else, and for more than MOST_JOBS jobs.
    """
    found: dict[int, None] = {}
    for part in text.split(",", MOST_JOBS):
        first, last = parsed_part(part.strip())
        if last - first >= MOST_JOBS:
            raise UsageError(f"more than {MOST_JOBS} jobs in {part[:40]!r}")
        found.update(dict.fromkeys(range(first, last + 1)))
        if len(found) > MOST_JOBS:
            raise UsageError(f"more than {MOST_JOBS} jobs at once")
    return list(found)


def first_of(text: str) -> "tuple[list[int], str]":
    """Return (the first MOST_JOBS numbers that parse would return, the others as a set like it).

    Raises UsageError for what is no set. The ranges of the others are not written out: they may
    have billions of numbers.
    """
    found: dict[int, None] = {}
    others = []
    for part in text.split(","):
        first, last = parsed_part(part.strip())
        while first <= last and len(found) < MOST_JOBS:
            found[first] = None
            first += 1
        if first <= last:
            others.append((first, last))
    return list(found), written(without(joined(others), runs(found)))


def joined(ranges: "Iterable[tuple[int, int]]") -> "Iterator[tuple[int, int]]":
    """Yield ranges (first, last) in order; those that touch become one."""
    begun: tuple[int, int] | None = None
    for first, last in sorted(ranges):
        if begun and first <= begun[1] + 1:
            begun = (begun[0], max(begun[1], last))
            continue
        if begun:
            yield begun
        begun = (first, last)
    if begun:
        yield begun


def without(
    ranges: "Iterable[tuple[int, int]]", taken: "Iterable[tuple[int, int]]"
) -> "Iterator[tuple[int, int]]":
    """Yield what is left of ranges in order that do not touch, without others of that kind."""
    holes = list(taken)
    for start, last in ranges:
        first = start
        for hole_first, hole_last in holes:
            if first <= hole_last and hole_first <= last:
                if first < hole_first:
                    yield first, hole_first - 1
                first = hole_last + 1
        if first <= last:
            yield first, last


def parsed_part(part: str) -> "tuple[int, int]":
    """Return the first and the last number of one job or range. Raises UsageError."""
    matched = PART.fullmatch(part)
    first, last = (int(matched[1]), int(matched[2] or matched[1])) if matched else (0, 0)
    if not 0 < first <= last <= LARGEST_ID:
        raise UsageError(f"{part[:40]!r} is no job number and no range such as 100-105")
    return first, last


def tasks(text: str) -> "tuple[int, list[int]] | None":
    """Return (array, its tasks, each once) of 123_4 or 123_[1,3-5%2], None for another text.

    Raises UsageError for a list of tasks that cannot be read, or of more than MOST_JOBS.
    """
    one, several = TASK.fullmatch(text.strip()), TASKS.fullmatch(text.strip())
    if one:
        return int(one[1]), [int(one[2])]
    return (int(several[1]), listed_tasks(several[2])) if several else None


def listed_tasks(text: str) -> "list[int]":
    """Return the numbers of a list of tasks such as 1,3-5,10-20:5. Raises UsageError."""
    found: dict[int, None] = {}
    for part in text.split(",", MOST_JOBS):
        part_tasks = arrays.tasks_of_part(part)
        if not part_tasks:
            raise UsageError(f"{part[:40]!r} is no task of an array and no range such as 3-5")
        found.update(dict.fromkeys(part_tasks[: MOST_JOBS + 1]))
        if len(found) > MOST_JOBS:
            raise UsageError(f"more than {MOST_JOBS} tasks of an array at once")
    return list(found)


def fold(numbers: "Iterable[int]") -> str:
    """Return the shortest text that stands for some numbers."""
    return written(runs(numbers))


def written(ranges: "Iterable[tuple[int, int]]") -> str:
    """Return ranges (first, last) as parse reads them."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def runs(numbers: "Iterable[int]") -> "Iterator[tuple[int, int]]":
    """Yield the first and the last of each run of numbers, in order."""
    return joined((number, number) for number in numbers)
