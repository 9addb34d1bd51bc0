"""Read the job numbers of an address, 100-105,107, and write them."""

import re
from collections.abc import Iterable, Iterator

from usagedb.errors import UsageError

MOST_JOBS = 1000
LARGEST_ID = 0xFFFFFFFD  # the numbers above it have meanings of their own
PART = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)
TASK = re.compile(r"(\d{1,10})_(\d{1,10})", re.ASCII)


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


def parsed_part(part: str) -> "tuple[int, int]":
    """Return the first and the last number of one job or range. Raises UsageError."""
    matched = PART.fullmatch(part)
    first, last = (int(matched[1]), int(matched[2] or matched[1])) if matched else (0, 0)
    if not 0 < first <= last <= LARGEST_ID:
        raise UsageError(f"{part[:40]!r} is no job number and no range such as 100-105")
    return first, last


def task(text: str) -> "tuple[int, int] | None":
    """Return (array, task) of a text such as 123_4, None for another text."""
    matched = TASK.fullmatch(text.strip())
    return (int(matched[1]), int(matched[2])) if matched else None


def fold(numbers: "Iterable[int]") -> str:
    """Return the shortest text that stands for some numbers."""
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in runs(numbers)
    )


def runs(numbers: "Iterable[int]") -> "Iterator[tuple[int, int]]":
    """Yield the first and the last of each run of numbers, in order."""
    begun: tuple[int, int] | None = None
    for number in sorted(set(numbers)):
        if begun and number == begun[1] + 1:
            begun = (begun[0], number)
            continue
        if begun:
            yield begun
        begun = (number, number)
    if begun:
        yield begun
