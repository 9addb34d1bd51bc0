"""What squeue and sacct print becomes jobs and queues; stand-ins print it as Slurm 22.05 does."""

import calendar
import json
import os
import sys
import time
from types import SimpleNamespace

import pytest

from afcollect import slurm
from afcollect.collect import Collector, Settings
from afcollect.failures import PartFailed
from afcollect.jobs import Job, Queue
from afcollect.no_outbox import NoOutbox

# Print the rows that the test has put beside it: each field as wide as it was asked for, and cut.
SQUEUE = """
import json, pathlib, sys
here = pathlib.Path(__file__).parent
options = dict(one.partition("=")[::2] for one in sys.argv[1:])
assert set(options) == {"--all", "--noheader", "--array", "--Format"}, sys.argv
for row in json.loads((here / "squeue.json").read_text()):
    for one in options["--Format"].split(","):
        name, _, form = one.partition(":")
        width = int(form.rstrip("|"))
        print(row[name].ljust(width)[:width], end=form.lstrip("0123456789"))
    print()
"""
# Print the jobs of the test that ended in the time and in a state that are asked for. Times of the
# day and "now" are those of the zone in $TZ, and as ambiguous.
SACCT = """
import json, pathlib, sys, time
here = pathlib.Path(__file__).parent
FORM = "%Y-%m-%dT%H:%M:%S"
options = dict(one.partition("=")[::2] for one in sys.argv[1:])
assert {"--allusers", "--allocations", "--noheader", "--parsable2"} <= set(options), sys.argv
known = json.loads((here / "sacct.json").read_text())
def seconds(text):
    if text.startswith("uts"):
        return int(text[3:])
    local = time.localtime(known["now"] + int(text[3:] or 0)) if text.startswith("now") else None
    return time.mktime((*(local or time.strptime(text, FORM))[:8], -1))
start, end = seconds(options["--starttime"]), seconds(options["--endtime"])
if start > end:
    print("sacct: error: Start time requested is after end time.", file=sys.stderr)
    sys.exit(1)
states = options["--state"].split(",")
for job in known["jobs"]:
    if job["short"] in states and start <= job["ended"] <= end:
        job["End"] = time.strftime(FORM, time.localtime(job["ended"]))
        print("|".join(str(job[name]) for name in options["--format"].split(",")))
"""
RUNNING = {
    "JobArrayID": "17", "UserName": "ann", "State": "RUNNING", "Reason": "None",
    "TimeUsed": "3:07", "Partition": "long", "tres-alloc": "cpu=4,mem=8G,node=1,billing=4",
}  # fmt: skip
PENDING = {
    **RUNNING, "JobArrayID": "18", "State": "PENDING", "Reason": "Priority", "TimeUsed": "0:00",
}  # fmt: skip
ENDED_AT = 1_800_000_000


class SlurmSite:
    """The stand-ins, first on PATH, and what they know."""

    def __init__(self, directory):
        self.directory = directory
        self.install("squeue", f"#!{sys.executable}{SQUEUE}")
        self.install("sacct", f"#!{sys.executable}{SACCT}")
        self.queue_holds()
        self.ended()

    def install(self, name, text):
        """Make a program."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)

    def queue_holds(self, *rows):
        """Let squeue know some jobs."""
        (self.directory / "squeue.json").write_text(json.dumps(rows))

    def ended(self, *jobs, now=ENDED_AT):
        """Let sacct know some jobs, and what time it is."""
        (self.directory / "sacct.json").write_text(json.dumps({"jobs": jobs, "now": now}))


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A SlurmSite without jobs."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
    return SlurmSite(directory)


@pytest.fixture
def at(monkeypatch):
    """A function that sets the clock of the collector."""

    def set_clock(now):
        monkeypatch.setattr(slurm, "time", SimpleNamespace(time=lambda: now))

    set_clock(ENDED_AT)
    return set_clock


def job(number="17", state="COMPLETED", ended=ENDED_AT, user="ann", elapsed=61, short="CD"):
    """Return a job as the stand-in of sacct knows it."""
    return {
        "JobID": number, "User": user, "ElapsedRaw": elapsed, "State": state, "short": short,
        "ended": ended,
    }  # fmt: skip


def queued():
    """Return the Jobs that are in the queue."""
    return slurm.queued_jobs(slurm.queue_rows().found)


# The queue --------------------------------------------------------------


def test_a_running_job_has_its_user_number_time_and_state(site):
    site.queue_holds(RUNNING)
    assert queued() == [Job("ann", "17", 187, "running")]


def test_an_empty_queue_has_no_jobs(site):
    assert slurm.queue_rows() == ([], "")
    assert slurm.queues([], {}) == []


def test_each_task_of_an_array_is_a_job(site):
    numbers = ("20_1", "20_2", "20_10")
    site.queue_holds(*({**PENDING, "JobArrayID": number} for number in numbers))
    assert [one.job_id for one in queued()] == list(numbers)


@pytest.mark.parametrize(
    "reason",
    [
        "JobHeldUser",
        "JobHeldAdmin",
        "JobHoldMaxRequeue",
        "job requeued in held state",
        "launch failed requeued held",
    ],
)
def test_a_held_job_is_no_idle_one(site, reason):
    site.queue_holds({**PENDING, "Reason": reason})
    assert queued() == [Job("ann", "18", 0, "held")]


@pytest.mark.parametrize(
    "reason",
    [
        "None",
        "Priority",
        "Resources",
        "BeginTime",
        "JobArrayTaskLimit",
        "QOSUsageThreshold",
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority part",
    ],
)
def test_a_job_that_waits_is_idle_whatever_for(site, reason):
    site.queue_holds({**PENDING, "Reason": reason})
    assert queued() == [Job("ann", "18", 0, "idle")]


STATES = {
    "idle": ("PENDING", "REQUEUED", "REQUEUE_FED"),
    "running": (
        "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT",
        "RESIZING",
    ),
    "held": ("REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"),
    "removed": ("CANCELLED", "CANCELLED by 1000", "REVOKED"),
    "finished": (
        "COMPLETED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "PREEMPTED",
    ),
    "submission_err": ("BOOT_FAIL", "LAUNCH_FAILED"),
    "unknown": ("EXPEDITED_BY_MAGIC", ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "shown"), [(state, shown) for shown, some in STATES.items() for state in some]
)
def test_each_state_of_slurm_is_one_of_the_documents(state, shown):
    assert slurm.state_of(state) == shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00", 0),
        ("3:07", 187),
        ("59:59", 3599),
        ("1:00:00", 3600),
        ("23:59:59", 86399),
        ("1-00:00:00", 86400),
        ("20-01:02:03", 1731723),
        ("INVALID", 0),
        ("UNLIMITED", 0),
        ("N/A", 0),
        ("", 0),
    ],
)
def test_a_run_time_is_in_seconds(text, seconds):
    assert slurm.seconds_of(text) == seconds


# Queues -----------------------------------------------------------------


def queues_of(site, *rows, **wanted):
    """Return the Queues of a site whose squeue knows some jobs."""
    site.queue_holds(*rows)
    return slurm.queues(slurm.queue_rows().found, wanted)


def test_each_partition_with_jobs_is_a_queue(site):
    held = {**PENDING, "Reason": "JobHeldUser", "Partition": "short"}
    assert queues_of(site, RUNNING, PENDING, held, {**held, "Reason": "None"}) == [
        Queue("long", 1, 1, 0, 4, 8192),
        Queue("short", 1, 0, 1, 0, 0),
    ]


def test_a_job_that_waits_for_several_partitions_waits_in_each_of_them(site):
    several = {**PENDING, "Partition": "long,short"}
    assert queues_of(site, several, RUNNING) == [
        Queue("long", 1, 1, 0, 4, 8192),
        Queue("short", 1, 0, 0, 0, 0),
    ]


def test_a_job_counts_once_in_a_queue_of_several_partitions(site):
    several = {**PENDING, "Partition": "long,short,gpu"}
    assert queues_of(site, several, RUNNING, batch={"long", "short"}, rest={"old"}) == [
        Queue("batch", 1, 1, 0, 4, 8192),
        Queue("rest", 0, 0, 0, 0, 0),
    ]


def test_a_partition_may_be_in_several_queues_and_in_none(site):
    other = {**RUNNING, "Partition": "gpu"}
    assert queues_of(site, RUNNING, other, all={"long", "short"}, fast={"long"}) == [
        Queue("all", 0, 1, 0, 4, 8192),
        Queue("fast", 0, 1, 0, 4, 8192),
    ]


def test_a_job_of_many_partitions_waits_in_the_last_of_them(site):
    names = [f"partition{number:02}" for number in range(40)]
    found = queues_of(site, {**PENDING, "Partition": ",".join(names)})
    assert [queue.name for queue in found] == names


@pytest.mark.parametrize(
    ("resources", "cores", "megabytes"),
    [
        ("cpu=4,mem=8G,node=1,billing=4", 4, 8192),
        ("cpu=1,mem=1.50G,node=1,billing=1", 1, 1536),
        ("cpu=2,mem=200M,node=1,billing=2,gres/gpu:a100=1", 2, 200),
        ("cpu=256,mem=1.25T,node=4,billing=256", 256, 1310720),
        ("cpu=1,mem=512K,node=1", 1, 0),
        ("cpu=1,mem=700,node=1", 1, 700),
        ("cpu=1,node=1,billing=1", 1, 0),
        ("N/A", 0, 0),
        ("", 0, 0),
    ],
)
def test_what_is_allocated_is_in_cores_and_megabytes(site, resources, cores, megabytes):
    (found,) = queues_of(site, {**RUNNING, "tres-alloc": resources})
    assert found == Queue("long", 0, 1, 0, cores, megabytes)


def test_what_waiting_jobs_ask_for_is_not_allocated(site):
    held = {**PENDING, "Reason": "JobHeldAdmin"}
    assert queues_of(site, PENDING, held) == [Queue("long", 1, 0, 1, 0, 0)]


def test_small_allocations_add_up(site):
    small = {**RUNNING, "tres-alloc": "cpu=1,mem=512K,node=1,billing=1"}
    assert queues_of(site, *[small] * 4) == [Queue("long", 0, 4, 0, 4, 2)]


# Programs that do not do what they should -------------------------------


@pytest.mark.parametrize("text", ["slurm is being upgraded", "17|ann|RUNNING", "a|b|c|d|e|f"])
@pytest.mark.parametrize(
    ("program", "good", "ask"),
    [
        ("squeue", "17|ann|RUNNING|None|1:00|batch|cpu=1|", slurm.queue_rows),
        ("sacct", "17|ann|60|COMPLETED", lambda: slurm.finished_jobs(ENDED_AT - 60)),
    ],
)
def test_a_line_that_is_no_job_is_said_and_the_others_count(site, program, good, ask, text):
    site.install(program, f"#!/bin/sh\nprintf '%s\\n' '{good}' '{text}' '{good}'\n")
    found, problem = ask()
    assert len(found) == 2
    assert problem == f"{program} printed what is no job: {text!r}"


FAILURES = {
    "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; echo more >&2; exit 1": (
        "ended with 1: slurm_load_jobs error: Unable to contact slurm controller"
    ),
    "exit 3": "ended with 3: it did not say why",
    "exec sleep 60": "did not end within 0.2 s",
    "kill -9 $$": "ended with -9: it did not say why",
}


@pytest.mark.parametrize(("script", "reason"), FAILURES.items())
@pytest.mark.parametrize(
    ("program", "ask"),
    [("squeue", slurm.queue_rows), ("sacct", lambda: slurm.finished_jobs(ENDED_AT - 60))],
)
def test_a_program_that_fails_is_a_failure_of_one_line(
    site, monkeypatch, program, ask, script, reason
):
    if "sleep" in script:
        monkeypatch.setattr(slurm, "TIMEOUT_SECONDS", 0.2)
    site.install(program, f"#!/bin/sh\n{script}\n")
    with pytest.raises(PartFailed) as caught:
        ask()
    assert str(caught.value) == f"{program} {reason}"


def test_a_program_that_is_missing_is_a_failure(site, monkeypatch):
    monkeypatch.setenv("PATH", str(site.directory / "nothing"))
    with pytest.raises(PartFailed, match="^cannot run squeue: it is not on PATH$"):
        slurm.queue_rows()


# Jobs that ended --------------------------------------------------------


def test_jobs_that_ended_have_their_run_time_and_state(site, at):
    site.ended(
        job(),
        job("18_3", "CANCELLED by 1000", short="CA", elapsed=0),
        job("18_[4-10%2]", "CANCELLED by 1000", short="CA", elapsed=0),
        job("19", "OUT_OF_MEMORY", short="OOM", user="bob"),
        job("20+1", "TIMEOUT", short="TO", elapsed=172800),
        job("21", "BOOT_FAIL", short="BF"),
    )
    assert slurm.finished_jobs(ENDED_AT - 60).found == [
        Job("ann", "17", 61, "finished"),
        Job("ann", "18_3", 0, "removed"),
        Job("ann", "18_[4-10%2]", 0, "removed"),
        Job("bob", "19", 61, "finished"),
        Job("ann", "20+1", 172800, "finished"),
        Job("ann", "21", 61, "submission_err"),
    ]


def test_jobs_that_ended_before_are_left_out(site, at):
    site.ended(job("1", ended=ENDED_AT - 61), job("2", ended=ENDED_AT - 60))
    assert [one.job_id for one in slurm.finished_jobs(ENDED_AT - 60).found] == ["2"]


def test_no_part_of_a_second_is_left_out(site, at):
    at(ENDED_AT + 0.9)
    site.ended(job(ended=ENDED_AT - 59))
    assert len(slurm.finished_jobs(ENDED_AT - 59.05).found) == 1


def test_jobs_that_were_requeued_or_run_have_not_ended(site, at):
    site.ended(job("1", "REQUEUED", short="RQ"), job("2", "RUNNING", short="R"))
    assert slurm.finished_jobs(ENDED_AT - 60).found == []


def test_a_job_of_an_account_without_a_name_is_left_out(site, at):
    site.ended(job(user=""), job("18"))
    assert [one.job_id for one in slurm.finished_jobs(ENDED_AT - 60).found] == ["18"]


def test_a_clock_that_was_ahead_at_the_last_run_is_no_failure(site, at):
    site.ended(job(ended=ENDED_AT))
    assert len(slurm.finished_jobs(ENDED_AT + 86400).found) == 1


def test_the_way_in_which_sacct_writes_times_does_not_matter(site, at, monkeypatch):
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    site.install("sacct", f"#!{sys.executable}{SACCT}".replace("%Y-%m-%dT%H:%M:%S", "%d %b %H:%M"))
    site.ended(job())
    assert len(slurm.finished_jobs(ENDED_AT - 60).found) == 1


# Summer time of New York ended at this time: 1:59:59 is followed by 1:00:00.
TURNED_BACK_AT = calendar.timegm((2026, 11, 1, 6, 0, 0))
TURNED_FORWARD_AT = calendar.timegm((2026, 3, 8, 7, 0, 0))


@pytest.fixture
def new_york(monkeypatch):
    """The time zone of New York, here and in programs."""
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("turned_at", [TURNED_BACK_AT, TURNED_FORWARD_AT])
def test_no_job_is_lost_or_found_twice_when_the_clock_is_turned(site, at, new_york, turned_at):
    step, times = 300, [turned_at + minutes * 60 for minutes in range(-90, 91)]
    found = []
    for now in range(turned_at - 7200, turned_at + 7201, step):
        at(now)
        site.ended(*(job(str(ended), ended=ended) for ended in times), now=now)
        found += [int(one.job_id) for one in slurm.finished_jobs(now - step + 1).found]
    assert found == times


# Runs of the collector --------------------------------------------------


class Runs:
    """Runs of the collector, each with what the one before has left."""

    def __init__(self, site, at):
        self.site, self.at = site, at
        self.state, self.known = {}, set()

    def reported(self, _system, ids):
        """Return which of some finished jobs were reported."""
        return self.known & set(ids)

    def run(self, now, *jobs):
        """Run when sacct knows some jobs; return the numbers of the finished jobs and failures."""
        self.at(now)
        self.site.ended(*jobs, now=now)
        settings = Settings("here", batch=True, batch_system="slurm")
        clock = "boot", now
        collected = Collector(settings, now, self.state, self.reported, clock).run()
        self.state.update(collected.state)
        self.known |= {number for system, number in collected.found_jobs if system == "slurm"}
        documents = [document for _part, document in collected.documents]
        ended = [one for one in documents if one.get("state") == "finished"]
        return [one["Id"] for one in ended], collected.failures


@pytest.fixture
def runs(site, at):
    """Runs, before the first of them."""
    return Runs(site, at)


def test_a_job_is_reported_once_though_queries_overlap(runs):
    first, second = job("1", ended=ENDED_AT - 10), job("2", ended=ENDED_AT + 10)
    assert runs.run(ENDED_AT, first) == (["1"], [])
    assert runs.run(ENDED_AT + 300, first, second) == (["2"], [])
    assert runs.run(ENDED_AT + 600, first, second) == ([], [])


def test_a_job_that_ended_between_two_runs_is_reported_however_late_the_second_is(runs):
    assert runs.run(ENDED_AT) == ([], [])
    late = ENDED_AT + 7 * 86400
    jobs = [job(str(number), ended=ENDED_AT + number * 43200) for number in range(1, 14)]
    assert runs.run(late, *jobs) == ([one["JobID"] for one in jobs], [])
    assert runs.run(late + 1, *jobs) == ([], [])


def test_a_job_whose_end_is_written_late_is_reported(runs):
    runs.run(ENDED_AT)
    assert runs.run(ENDED_AT + 300, job(ended=ENDED_AT - 200)) == (["17"], [])


def test_jobs_of_a_run_without_sacct_are_reported_by_a_later_one(runs):
    runs.run(ENDED_AT)
    runs.site.install("sacct", "#!/bin/sh\necho 'sacct: error: Problem talking' >&2\nexit 1\n")
    for minutes in range(5, 65, 5):
        found, failures = runs.run(ENDED_AT + 60 * minutes, job(ended=ENDED_AT + 60))
        assert found == []
        assert failures == [
            "slurm, finished jobs: sacct ended with 1: sacct: error: Problem talking"
        ]
    runs.site.install("sacct", f"#!{sys.executable}{SACCT}")
    assert runs.run(ENDED_AT + 3900, job(ended=ENDED_AT + 60)) == (["17"], [])


def test_without_squeue_finished_jobs_are_reported_and_the_failure_is_told(runs):
    runs.site.install("squeue", "#!/bin/sh\nexit 1\n")
    assert runs.run(ENDED_AT, job()) == (
        ["17"],
        ["slurm: squeue ended with 1: it did not say why"],
    )


def test_documents_have_the_documented_keys(site, at):
    site.queue_holds(RUNNING)
    site.ended(job("16", user="bob"))
    settings = Settings("here", batch=True, batch_system="slurm", queues=(("batch", "long,old"),))
    collected = Collector(settings, ENDED_AT, {}, NoOutbox().reported).run()
    assert collected.documents == [
        ("slurm", {"kind": "slurmjob", "cluster": "here", "users": "ann", "Id": "17",
                   "Runtime": 187, "state": "running"}),
        ("slurm", {"kind": "slurmqueue", "cluster": "here", "queue": "batch", "idle": 0,
                   "running": 1, "held": 0, "allocated_cores": 4, "allocated_mem": 8192}),
        ("slurm", {"kind": "slurmjob", "cluster": "here", "users": "bob", "Id": "16",
                   "Runtime": 61, "state": "finished"}),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["1.5.50G", ".", "..", "1" * 5000, "\u0661M", ""])
def test_numbers_that_no_program_prints_are_none(text):
    assert slurm.megabytes_of(text) == 0.0
    assert slurm.seconds_of(f"{text}-00:00:01" if text == "1" * 5000 else text) == 0
