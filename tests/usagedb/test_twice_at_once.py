"""What makes tables, deletes and erases, several times at once: the end is that of one run."""

import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, new_site
from tests.usagedb import person_site

HOW_MANY = 3


def at_once(site, command, *words):
    """Start a command some times at once; return [(status, messages)]."""
    line = [sys.executable, CHECKOUT / "bin" / command, "--confFn", site.conf_path, *words]
    processes = [
        subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for _number in range(HOW_MANY)
    ]  # fmt: skip
    return [(one.communicate()[1], one.returncode)[::-1] for one in processes]


def assert_one_or_later(ends):
    """Make sure that each run did the work or said that another one does, and one did it."""
    statuses = [status for status, _messages in ends]
    assert set(statuses) <= {0, 75} and 0 in statuses, ends
    assert not any("Traceback" in messages for _status, messages in ends), ends


def test_tables_are_made_once(site):
    assert_one_or_later(at_once(site, "createDB", "-q"))
    done = site.run("createDB", "--dry-run")
    assert done.returncode == 0 and "nothing to do" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "command, words",
    [
        ("delete_old_records", ("--end", "2026-01-02", "--yes", "-q")),
        ("usage_person", ("erase", "otter", "--yes", "-q", *person_site.ACTIONS)),
    ],
)
def test_what_deletes_leaves_what_one_run_leaves(request, site, tmp_path, command, words):
    (tmp_path / "single").mkdir()
    single = new_site(request, "sqlite", tmp_path / "single")
    for one in (site, single):
        person_site.fill(one, one.directory / "inputs")
    assert single.run(command, *words).returncode == 0
    assert_one_or_later(at_once(site, command, *words))
    assert rows_of(site) == rows_of(single)


def rows_of(site):
    """Return how many rows the tables have, but for those about runs."""
    found = person_site.counts(site)
    return {table: count for table, count in found.items() if table != "usage_run"}
