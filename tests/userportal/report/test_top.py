"""The lists of the largest users, as rows."""

import io

from usagedb.output import write_rows
from userportal.analysis.waste import Use
from userportal.report import top
from userportal.sections import Limits

GIB = 2**30
LIMITS = Limits()
USES = [
    Use("bob", "def-bob", None, 10.0, 9.5, 20 * GIB, 5 * GIB, 1.0, 0.05, 1.0),
    Use("ann", "def-ann", None, 100.0, 50.0, 500 * GIB, 5 * GIB, 4.0, 3.5, 4.0),
    Use("eve", "def-eve"),
]


def test_the_largest_user_of_cores_comes_first_and_the_unknown_last():
    table = top.compute_table(USES, LIMITS)
    assert table.keys[:4] == ["user", "account", "cores_allocated", "cores_used"]
    assert table.rows == [
        ["ann", "def-ann", 100, 50, "critical", 500, 5, "critical"],
        ["bob", "def-bob", 10, 9.5, "", 20, 5, ""],
        ["eve", "def-eve", None, None, "", None, None, ""],
    ]


def test_the_largest_user_of_gpus_comes_first():
    table = top.gpu_table(USES, LIMITS)
    assert [row[:6] for row in table.rows] == [
        ["ann", "def-ann", 4, 3.5, 4, ""],
        ["bob", "def-bob", 1, 0.05, 1, "critical"],
        ["eve", "def-eve", None, None, None, ""],
    ]
    assert len(table.headings) == len(table.keys) == len(table.rows[0]) == 12


def test_jobs_with_large_memory_begin_with_the_least_used():
    uses = [
        Use("ann", "a", 1, 10, 9, 100, 60),
        Use("bob", "b", 2, 10, 9, 100, 5),
        Use("eve", "e", 3),
        Use("joe", "j", 4, 10, 1, 100, 50),
    ]
    table = top.memory_table(uses)
    assert [(row[0], row[5], row[8]) for row in table.rows] == [
        (2, "", "critical"), (4, "critical", ""), (1, "", ""), (3, "", ""),
    ]  # fmt: skip


def test_rows_are_written_in_every_format():
    table = top.compute_table(USES, LIMITS)
    stream = io.StringIO()
    write_rows(table.headings, table.rows, "csv", table.keys, stream)
    assert stream.getvalue().splitlines()[2].startswith("bob,def-bob,10,9.5,,20")
