"""epmt show and epmt help api."""

import inspect

import pytest

from epmtlite import api_help, query
from epmtlite.show_command import time_text
from tests.conftest import run_command
from tests.epmtlite.made_jobs import epmt


def test_a_job_is_told_on_a_page(esm_site):
    text = epmt(esm_site, "show", "ice-0").stdout
    facts = dict(line.split(None, 1) for line in text.splitlines()[:4])
    assert (facts["job"], facts["user"], facts["hosts"]) == ("ice-0", "ann", "n1")
    assert "duration          0:01:43.000" in text and "CPU time          0:01:35.000" in text
    programs, operations = text.split("operations by CPU time")
    assert programs.index("model") < programs.index("cp ")
    assert operations.index("op:compute") < operations.index("op:copy")


def test_several_jobs_are_told_one_after_the_other(esm_site):
    text = epmt(esm_site, "show", "ice-0", "ocean-1", "--limit", "1").stdout
    assert text.count("programs by CPU time, 1 of 2") == 2
    assert text.index("ice-0") < text.index("ocean-1")
    done = epmt(esm_site, "show", "ice-0", "none", status=66)
    assert "no job none is in the database" in done.stderr


@pytest.mark.parametrize(
    "microseconds, text",
    [(0, "0:00:00.000"), (61_500_000, "0:01:01.500"), (90_000_000_000, "25:00:00.000")],
)
def test_durations_are_hours_minutes_and_seconds(microseconds, text):
    assert time_text(microseconds) == text


def test_every_function_of_the_api_is_listed_and_explained():
    text = run_command("epmt", "help", "api").stdout
    listed = {line.split()[0] for line in text.splitlines() if "  " in line}
    assert listed == set(query.__all__)
    for functions in api_help.sections().values():
        for name, function in functions:
            assert len(inspect.getdoc(function) or "") > 20, name


def test_one_function_is_explained():
    done = run_command("epmt", "help", "api", "get_ops", "get_jobs")
    assert done.returncode == 0
    assert "from epmtlite.query import get_ops\n\nget_ops(jobs, tags=None" in done.stdout
    assert "fltr: a condition as in epmtlite/filters.py" in done.stdout
    done = run_command("epmt", "help", "api", "get_all")
    assert done.returncode == 66 and done.stdout == ""
    assert done.stderr == "Error: get_all is no function of epmtlite.query: epmt help api\n"
