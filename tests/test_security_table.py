"""SECURITY.md names tests that are there, and answers what bandit finds."""

import re

import pytest

from tests.bandit_counts import answered, differences
from tests.conftest import CHECKOUT
from tests.named_tests import is_there, named_tests, rows_of

TEXT = (CHECKOUT / "SECURITY.md").read_text()
THREATS = TEXT.partition("## Threat by threat\n")[2].partition("\n## ")[0]
FINDINGS = TEXT.partition("## What was looked for by programs\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path, name", named_tests(TEXT))
def test_every_test_that_is_named_is_there(path, name):
    assert is_there(path, name)


def test_every_threat_names_a_test_and_each_with_its_directory():
    rows = rows_of(THREATS)
    assert len(rows) >= 15
    assert [row for row in rows if not named_tests(row[-1])] == []
    assert re.findall(r"`(?!tests/)[^`]*test_\w+\.py[^`]*`", TEXT) == []


def test_every_answer_to_bandit_says_in_how_many_places():
    rows = rows_of(FINDINGS)
    assert len(rows) > 5
    assert [row for row in rows if not answered(row[0])] == []


def test_a_place_that_nobody_has_looked_at_is_told():
    found = [
        {"test_id": name, "filename": "a.py", "line_number": number}
        for name, number in [("B301", 1), ("B301", 7), ("B602", 9)]
    ]
    assert differences(found, "| B301 (2), B602 (1) | fine |") == []
    assert differences(found, "| B301 (1), B311 (1) | fine |") == [
        "B301: SECURITY.md answers 1 places, bandit finds 2: a.py:1, a.py:7",
        "B311: SECURITY.md answers 1 places, bandit finds 0: none",
        "B602: SECURITY.md answers 0 places, bandit finds 1: a.py:9",
    ]
