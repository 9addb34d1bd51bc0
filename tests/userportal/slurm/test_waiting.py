"""Submit lines that wait for a job are found among very many, however long they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.slurm import dependencies, waiting
from userportal.slurm.waiting import Waiting


@pytest.mark.parametrize(
    ("line", "waits"),
    [
        ("sbatch -d afterok:12 x", True), ("sbatch -dafterok:1:12,after:3 x", True),
        ("sbatch -d afterok:012 x", True), ("sbatch -d after:12+5 x", True),
        ("sbatch -d afterok:20 x", True), ("sbatch -d afterok:20_3 x", True),
        ("sbatch -d afterok:20_4 x", False), ("sbatch -d afterok:120 x", False),
        ("sbatch -d afterok:112 x", False), ("sbatch job12.sh", False), ("sbatch x 12", False),
        (b"sbatch -d afterok:12 x", True), ("", False), (None, False),
    ],
)  # fmt: skip
def test_a_line_waits_for_a_job_or_does_not(line, waits):
    assert Waiting(12, 20, 3).says(line) is waits


@given(st.text(alphabet="-d =afterok:102_,+?x", max_size=30))
def test_any_line_waits_if_it_is_so_parsed(value):
    line = f"sbatch -d afterok:{value} x"
    parsed = any(one.concerns(12, 20, 1) for one in dependencies.parse(line))
    assert Waiting(12, 20, 1).says(line) is parsed


def long_line(number):
    """Return a line of its own that waits for job 12 and is as long as one may be."""
    return f"sbatch -d afterok:12 {number} ".ljust(waiting.LONGEST_LINE, "x")


def test_no_more_than_some_lines_are_parsed_and_equal_ones_once():
    most, asked = waiting.MOST_CHARACTERS // waiting.LONGEST_LINE, Waiting(12)
    answers = [asked.says(long_line(number)) for number in range(2 * most)]
    assert answers == [True] * most + [False] * most
    assert all(asked.says(long_line(0)) for _time in range(2000))


def test_lines_without_the_number_do_not_count():
    asked = Waiting(12)
    for number in range(1000, 1000 + 2 * waiting.MOST_CHARACTERS // waiting.LONGEST_LINE):
        assert not asked.says(f"sbatch -d afterok:{number} 112 ".ljust(waiting.LONGEST_LINE, "x"))
    assert asked.says(long_line(0))


def test_what_follows_the_longest_line_is_not_looked_at():
    blanks = " " * waiting.LONGEST_LINE
    assert not Waiting(12).says(f"sbatch {blanks}-d afterok:12 x")
    assert Waiting(12).says(f"sbatch -d afterok:12 {blanks} -d afterok:13")
