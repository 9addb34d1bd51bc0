"""The tests that a document names, and whether they are there: what FAULTS.md and SECURITY.md
promise is what tests show."""

import re

from tests.conftest import CHECKOUT

NAMED = re.compile(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`")


def named_tests(text):
    """Return (path, name of a test, or '' for all of it) of all that a text names, in order."""
    return sorted(set(NAMED.findall(text)))


def is_there(path, name):
    """Tell whether there is such a test; without a name, such a file or directory of tests."""
    place = CHECKOUT / path
    if not name:
        return place.exists()
    return bool(re.search(rf"^ *def {name}\(", place.read_text(), re.MULTILINE))


def rows_of(text):
    """Return the rows of the tables of a Markdown text, without headings and rules, as tuples."""
    lines = text.splitlines()
    rows = [
        line
        for line, following in zip(lines, [*lines[1:], ""])
        if line.startswith("|") and not following.startswith("|---") and line[:4] != "|---"
    ]
    return [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in rows]
