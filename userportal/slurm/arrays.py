"""Read which tasks of an array still wait: slurmdbd writes 0xC, or 2-3,8-20:4%2."""

import re

MOST_TASKS = 10_000
LONGEST_TEXT = 65536
MASK = re.compile(r"0[xX]([0-9a-fA-F]{1,65536})")
RANGE = re.compile(r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?", re.ASCII)


def pending_tasks(text: "str | None") -> "list[int]":
    """Return the numbers of the tasks in array_task_str, sorted and at most MOST_TASKS.

    [] for NULL, '' and what cannot be read. Each bit of a mask is a task.
    """
    written = (text or "")[:LONGEST_TEXT].partition("%")[0].strip()
    mask = MASK.fullmatch(written)
    if mask:
        return tasks_of_mask(int(mask[1], 16))
    found: set[int] = set()
    for part in written.split(","):
        found.update(tasks_of_part(part.strip())[: MOST_TASKS - len(found)])
    return sorted(found)


def tasks_of_part(part: str) -> range:
    """Return the tasks of 5, 3-5 or 0-10:5, none for what cannot be read."""
    matched = RANGE.fullmatch(part)
    if not matched:
        return range(0)
    first, last = int(matched[1]), int(matched[2] or matched[1])
    return range(first, last + 1, int(matched[3] or 1) or 1)


def tasks_of_mask(mask: int) -> "list[int]":
    """Return the places of the bits that are set, at most MOST_TASKS."""
    digits = reversed(f"{mask:b}")
    return [place for place, digit in enumerate(digits) if digit == "1"][:MOST_TASKS]
