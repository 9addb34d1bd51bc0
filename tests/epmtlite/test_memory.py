"""A job of any size is submitted, and shown, in bounded memory."""

import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, Site
from tests.epmtlite.made_jobs import FIELDS, line_of, made_job, record, write_job
from usagedb.config import DatabaseConfig

PROCESSES = 75_000
HOSTS = 8
MOST_KILOBYTES = {"submit": 120_000, "list": 60_000}

# Runs a command with its output to a file; prints its status and the most memory that it had.
MEASURE = """
import resource, subprocess, sys
with open(sys.argv[1], "w") as output:
    done = subprocess.run(sys.argv[2:], stdout=output)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(site, command, *words):
    """Run a command of epmt; return (kilobytes that it needed, size of its output in bytes)."""
    output = site.directory / "output"
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, output, sys.executable, CHECKOUT / "bin" / "epmt", command,
         "--confFn", site.conf_path, *words],
        capture_output=True, text=True,
    )  # fmt: skip
    status, kilobytes = done.stdout.split()
    assert status == "0", done.stderr
    return int(kilobytes), output.stat().st_size


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """(a Site on SQLite with a job of many processes, the kilobytes that submit needed)."""
    directory = tmp_path_factory.mktemp("memory")
    site = Site(DatabaseConfig("sqlite", str(directory / "usage.db"), "test"), directory)
    job = write_job(made_job(), directory / "100")
    names = tuple(f"metric{number}" for number in range(24))
    header = "\t".join(("{" + ",".join(names) + "}", *FIELDS))
    (job / "n1-papiex-header.tsv").write_text(header + "\n")
    with (job / "n1-papiex.tsv").open("w") as file:
        for number in range(PROCESSES):
            values = tuple(range(number, number + 24))
            one = record(
                pid=number + 2, ppid=(number - HOSTS) // 2 + 2, start=number * 10, names=names,
                args="-c x.c " * 30, threads=[values], hostname=f"n{number % HOSTS}",
                tags=f"op:{number % 50}",
            )  # fmt: skip
            file.write(line_of(one))
    kilobytes, _size = measured(site, "submit", job)
    (job / "n1-papiex.tsv").unlink()
    return site, kilobytes


def test_a_job_of_many_processes_needs_little_memory(filled):
    site, kilobytes = filled
    assert kilobytes < MOST_KILOBYTES["submit"]
    stored = site.rows("SELECT COUNT(*), COUNT(DISTINCT host_id) FROM epmt_process")
    assert stored == [(PROCESSES, HOSTS)]


@pytest.mark.parametrize("form", ["csv", "json", "python"])
def test_its_processes_are_shown_in_little_memory(filled, form):
    site, _kilobytes = filled
    kilobytes, size = measured(site, "list", "--format", form, "procs", "100")
    assert kilobytes < MOST_KILOBYTES["list"] and size > PROCESSES * 400


@pytest.mark.parametrize("method", ["sum", "sum-minus-overlap"])
def test_its_operations_are_added_up_in_little_memory(filled, method):
    site, _kilobytes = filled
    words = ("op_metrics", "100", "tags=op", f"op_duration_method={method}")
    kilobytes, size = measured(site, "list", *words)
    assert kilobytes < MOST_KILOBYTES["list"] and size > 0
