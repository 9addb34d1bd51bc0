"""Tell which of many submit lines say that their job waits for one job."""

import re

from userportal.slurm import dependencies, stored

LONGEST_LINE = 20_000  # characters; what follows is not looked at
MOST_CHARACTERS = 2_000_000  # of all lines that are parsed for one job


class Waiting:
    """What waits for one job; each different line is parsed once, until there are too many."""

    def __init__(
        self, job_id: int, array_id: "int | None" = None, task_id: "int | None" = None
    ) -> None:
        """Take the job's number, and those of its array and task if it belongs to one."""
        self.identity = (job_id, array_id, task_id)
        self.numbers = sorted({str(number) for number in (job_id, array_id) if number})
        self._patterns = [standing_alone(number) for number in self.numbers]
        self._known: dict[str, bool] = {}
        self._left = MOST_CHARACTERS

    def says(self, submit_line: object) -> bool:
        """Tell whether a submit line, as the database has it, says that its job waits for this one.

        False for the lines that come after MOST_CHARACTERS of others.
        """
        line = submit_line if isinstance(submit_line, str) else stored.text(submit_line)
        line = line[:LONGEST_LINE]
        known = self._known.get(line)
        if known is None:
            known = self._known[line] = self._parsed(line)
        return known

    def _parsed(self, line: str) -> bool:
        has_number = any(pattern.search(line) for pattern in self._patterns)
        if not has_number or len(line) > self._left:
            return False
        self._left -= len(line)
        return any(one.concerns(*self.identity) for one in dependencies.parse(stored.text(line)))


def standing_alone(number: str) -> "re.Pattern[str]":
    """Return the expression of a number that is no part of a longer one, but for zeros before it.

    The digits come first: that makes the search fast.
    """
    return re.compile(rf"{number}(?![0-9A-Za-z])(?<![1-9A-Za-z]{number})")
