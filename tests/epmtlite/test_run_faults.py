"""epmt run, whose disk becomes full or whose collector is killed: the job goes on, and what was
recorded before is staged, stored, and not a row less."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, run_command
from tests.epmtlite.collect.jobs import members_of
from tests.epmtlite.collect.test_hard_places import tracer_of
from tests.epmtlite.made_jobs import FIELDS
from tests.fault_points import some_kills
from tests.private_mounts import in_namespace, require_mounts
from tests.services import wait_until

COLUMNS = ("metrics", *FIELDS)
EPMT = (sys.executable, CHECKOUT / "bin" / "epmt")
# A job of many processes with long arguments, which ends with 7.
COUNT, PADDING = 120, "x" * 1500
JOB = f"""
i=0; while [ $i -lt {COUNT} ]; do /bin/true $i {PADDING}; i=$((i+1)); done
echo done; exit 7
"""
# Room for what a collector keeps for the end, the metadata, and some dozen of those processes.
ROOM_BYTES, DISK_BYTES = 160 << 10, 1 << 20
# The place of the jobs is a file system of its own, full but for some room, which is copied out at
# the end.
ON_SMALL_DISK = """
directory=$1; size=$2; filled=$3; shift 3
mount -t tmpfs -o size=$size none "$directory" || exit 99
head -c $filled /dev/zero > "$directory/others" || exit 99
"$@"
status=$?
cp -a "$directory" "$directory.after" || exit 99
exit $status
"""
# A job that waits in the middle, and one that is at work all the time.
WAITS = """
i=0; while [ $i -lt 20 ]; do /bin/true $i; i=$((i+1)); done
echo ready; read line
i=0; while [ $i -lt 20 ]; do /bin/true late; i=$((i+1)); done
exit 9
"""
WORKS = "i=0; while [ $i -lt 2000 ]; do /bin/true $i; i=$((i+1)); done; exit 9"


class Node:
    """A machine with settings of epmt."""

    def __init__(self, directory):
        self.output, self.inbox = directory / "jobs", directory / "inbox"
        for path in (self.output, self.inbox):
            path.mkdir()
        self.settings = directory / "epmt.ini"
        self.configure(self.output)

    def configure(self, output):
        """Let the jobs be in a directory."""
        self.settings.write_text(
            f"[EPMT]\nepmt_output_prefix = {output}\nstage_command_dest = {self.inbox}\n"
        )

    def environment(self):
        """Return the variables of a command."""
        return {**os.environ, "EPMT_SETTINGS": str(self.settings)}

    def epmt(self, *words, status=0):
        """Run epmt, and make sure that it says nothing on stderr."""
        done = run_command("epmt", *words, env=self.environment())
        assert (done.returncode, done.stderr) == (status, "")
        return done

    def on_small_disk(self, free_bytes, *words):
        """Run epmt with the jobs on a disk with so much room, which is copied to another place."""
        done = in_namespace(
            ON_SMALL_DISK, self.output, DISK_BYTES, DISK_BYTES - free_bytes, *EPMT, *words,
            env=self.environment(),
        )  # fmt: skip
        self.configure(f"{self.output}.after")
        return done

    def begin(self, *words):
        """Begin a command with pipes; return the process, which has become that command."""
        return subprocess.Popen(
            [*EPMT, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=self.environment(),
        )  # fmt: skip

    def recorded(self):
        """Return the bytes of the data file of the only job, none if there is none."""
        found = list(self.output.glob("*/5/*-papiex.tsv"))
        return found[0].read_bytes() if found else b""

    def staged(self):
        """Stage the job; return the archive, and make sure that it has taken all of the job."""
        (directory,) = Path(f"{self.settings.parent}").glob("jobs*/*/5")
        assert self.epmt("stage", directory).stdout == f"{self.inbox}/5.tgz\n"
        assert not directory.exists()
        return self.inbox / "5.tgz"


@pytest.fixture
def node(tmp_path):
    """A Node."""
    return Node(tmp_path)


def data_in(archive):
    """Return the bytes of the data file in an archive."""
    (found,) = [raw for name, raw in members_of(archive).items() if name.endswith("-papiex.tsv")]
    return found


def arguments_in(data, name="true"):
    """Return the first argument of each process of a name in the bytes of a data file, all of whose
    lines are whole."""
    assert data.endswith(b"\n")
    rows = [line.split("\t") for line in data.decode().splitlines()]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    records = [dict(zip(COLUMNS, row)) for row in rows]
    return [one["args"].partition(" ")[0] for one in records if one["exename"] == name]


def submitted(site, node, archive):
    """Submit an archive; return (number of processes, annotations) of the job in the database."""
    node.epmt("submit", "-q", "--confFn", site.create("epmt").conf_path, archive)
    ((count, annotations),) = site.rows("SELECT num_procs, annotations FROM epmt_job")
    assert site.rows("SELECT COUNT(*) FROM epmt_process") == [(count,)]
    return count, json.loads(annotations)


def test_a_job_whose_disk_becomes_full_runs_on_and_tells_how_many_records_it_lost(
    node, sqlite_site
):
    require_mounts()
    done = node.on_small_disk(ROOM_BYTES, "run", "-a", "--jobid", "5", "sh", "-c", JOB)
    assert (done.returncode, done.stdout, done.stderr) == (7, "done\n", "")
    archive = node.staged()
    data = data_in(archive)
    found = arguments_in(data)
    assert found == [str(number) for number in range(len(found))]
    assert 20 < len(found) < COUNT - 20 and data.count(b"\n") == len(found)
    count, annotations = submitted(sqlite_site, node, archive)
    assert count == len(found)
    lost = COUNT + 1 - count  # with the shell
    assert annotations["epmt_collect_error"] == f"{lost} records could not be written"


@pytest.mark.parametrize(
    "free_bytes, told",
    [
        (0, "sh runs, and nothing of it is recorded: cannot write "),
        (4096, "the processes of sh are not recorded: "),  # there is room for the metadata
    ],
)
def test_a_job_whose_disk_is_full_from_the_beginning_runs_and_it_is_told(node, free_bytes, told):
    require_mounts()
    words = ("run", "-a", "--jobid", "5", "sh", "-c", "echo done; exit 7")
    done = node.on_small_disk(free_bytes, *words)
    assert (done.returncode, done.stdout) == (7, "done\n")
    assert done.stderr.startswith(f"Warning: {told}") and "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("by_prolog", [False, True], ids=["whole job", "begun by a prolog"])
def test_what_a_killed_collector_had_written_is_staged_and_submitted(node, sqlite_site, by_prolog):
    if by_prolog:
        node.epmt("start", "--jobid", "5")
    auto = () if by_prolog else ("-a",)
    with node.begin("run", *auto, "--jobid", "5", "sh", "-c", WAITS) as job:
        assert job.stdout.readline() == "ready\n"
        before = node.recorded()
        kill_collector(job)
        job.communicate("\n")
    assert job.returncode == 9
    assert node.recorded() == before and len(arguments_in(before)) == 20
    assert_all_is_stored(node, sqlite_site, before)


def kill_collector(job):
    """Kill -9 the collector of a job, and wait until no process follows the job."""
    collector = tracer_of(job.pid)
    assert collector, "the job ended before its collector"  # 0 would be all processes of the test
    os.kill(collector, signal.SIGKILL)
    wait_until(lambda: not tracer_of(job.pid), "the end of the collector")


def assert_all_is_stored(node, site, data):
    """Complete and stage a job, and make sure that nothing of its data is missing anywhere."""
    node.epmt("stop", "--jobid", "5")
    archive = node.staged()
    assert data_in(archive) == data
    count, _annotations = submitted(site, node, archive)
    assert count == data.count(b"\n")


@pytest.mark.parametrize("lines", [1 + 37 * number for number in range(some_kills(8))])
def test_a_collector_that_is_killed_at_work_leaves_whole_records(node, sqlite_site, lines):
    with node.begin("run", "-a", "--jobid", "5", "sh", "-c", WORKS) as job:
        wait_until(lambda: node.recorded().count(b"\n") >= lines, "some records")
        before = node.recorded()
        kill_collector(job)
    assert job.returncode == 9
    data = node.recorded()
    assert data.startswith(before) and lines <= data.count(b"\n") < 2000
    found = arguments_in(data)
    assert found == [str(number) for number in range(len(found))]
    assert_all_is_stored(node, sqlite_site, data)
