"""A job of any size is submitted in bounded memory."""

import subprocess
import sys

from tests.conftest import CHECKOUT
from tests.epmtlite.made_jobs import FIELDS, line_of, made_job, record, write_job

PROCESSES = 150_000
MOST_KILOBYTES = 150_000


def test_a_job_of_many_processes_needs_little_memory(sqlite_site, tmp_path):
    directory = write_job(made_job(), tmp_path / "100")
    names = tuple(f"metric{number}" for number in range(24))
    header = "\t".join(("{" + ",".join(names) + "}", *FIELDS))
    (directory / "n1-papiex-header.tsv").write_text(header + "\n")
    with (directory / "n1-papiex.tsv").open("w") as file:
        for number in range(PROCESSES):
            values = tuple(range(number, number + 24))
            one = record(
                pid=number + 2, ppid=(number + 1) // 2 + 1, start=number * 10, args="-c x.c " * 30,
                names=names, threads=[values],
            )  # fmt: skip
            file.write(line_of(one))
    command = [
        sys.executable, CHECKOUT / "bin" / "epmt", "submit", "--confFn", sqlite_site.conf_path,
        directory,
    ]  # fmt: skip
    program = f"""
import resource, subprocess
done = subprocess.run({list(map(str, command))!r}, capture_output=True, text=True)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(done.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    status, kilobytes = done.stdout.split()[:2]
    assert status == "0", done.stdout
    assert int(kilobytes) < MOST_KILOBYTES
    (stored,) = sqlite_site.rows("SELECT COUNT(*), MAX(descendants) FROM epmt_process")
    assert stored == (PROCESSES, PROCESSES - 1)
