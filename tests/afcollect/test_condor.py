"""What HTCondor's programs print becomes jobs and queues, and each finished job is sent once."""

import json

import pytest

from afcollect import condor
from afcollect import outbox as outbox_module
from afcollect.collect import Collector, Settings
from afcollect.failures import PartFailed
from afcollect.interval import OVERLAP_SECONDS
from afcollect.jobs import Job, Queue
from afcollect.outbox import Outbox
from tests.afcollect.stand_ins import put

# As `condor_q -format` prints them: an idle job has no run time, and nothing stands in its place.
QUEUED = (
    "otter 174100.63 177 2 \nstoat 174101.0 1 \nmink 174102.0 0 5 \nmink 9.1 12 3 \n"
    "mink 9.2 1 4 \nmink 9.3 1 6 \nmink 9.4 1 0 \nmink 9.5 1 9 \n"
)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a function that puts a program, written in shell, first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return lambda name, text: put(tmp_path, name, text)


def printing(text):
    """Return the shell text of a program that prints a text, and keeps its arguments."""
    return f"printf '%s\\n' \"$@\" > \"$0.arguments\"\ncat <<'END'\n{text}END"


def test_jobs_of_every_state_are_read(programs):
    programs("condor_q", printing(QUEUED))
    found = condor.queued_jobs().found
    assert found[:2] == [
        Job("otter", "174100.63", 177, "running"),
        Job("stoat", "174101.0", 0, "idle"),
    ]
    states = ["running", "idle", "held", "removed", "finished", "submission_err", "unexpanded",
              "unknown"]  # fmt: skip
    assert [job.state for job in found] == states


def test_condor_q_is_asked_as_documented(programs, tmp_path):
    programs("condor_q", printing(QUEUED))
    condor.queued_jobs()
    words = (tmp_path / "condor_q.arguments").read_text().splitlines()
    assert words[:3] == ["-all", "-constraint", 'Owner =!= "atlas-coffea"']
    assert [word for word in words if word[:1].isalpha() and " " not in word] == [
        "Owner", "ClusterId", "ProcId", "RemoteWallClockTime", "JobStatus",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["what is this\n", "otter 12 3\n", "-- Failed to fetch ads\n"])
def test_a_line_that_is_no_job_is_said_and_the_others_count(programs, text):
    programs("condor_q", printing(f"otter 1.0 5 2 \n{text}{text}stoat 2.0 1 \n"))
    jobs, problem = condor.queued_jobs()
    assert [one.owner for one in jobs] == ["otter", "stoat"]
    assert problem == f"condor_q printed what is no job (2 times): {text.strip()!r}"


def test_an_empty_queue_is_no_failure(programs):
    programs("condor_q", "true")
    assert condor.queued_jobs() == ([], "")


def test_a_queue_is_summed_up_over_all_schedulers(programs):
    totals = [{"MyType": "Summary", "Idle": 2, "Running": 1, "Held": 0, "AllusersIdle": 90},
              {"MyType": "Summary", "Idle": 3, "Running": 2, "Held": 1}]  # fmt: skip
    running = [{"CpusProvisioned": 8, "MemoryProvisioned": 2048}, {"CpusProvisioned": 1},
               {"CpusProvisioned": True, "MemoryProvisioned": "undefined"}]  # fmt: skip
    text = f"*-totals*) echo '{json.dumps(totals)}';; *) echo '{json.dumps(running)}';;"
    programs("condor_q", f'case "$*" in {text} esac')
    assert condor.queue("short", "x == 1") == Queue("short", 5, 3, 1, 9, 2048)


def test_a_queue_of_an_older_condor_and_an_empty_one(programs):
    totals = [{"AllusersIdle": 2, "AllusersRunning": 1, "AllusersHeld": 4}]
    programs("condor_q", f"case \"$*\" in *-totals*) echo '{json.dumps(totals)}';; esac")
    assert condor.queue("all", "true") == Queue("all", 2, 1, 4, 0, 0)
    programs("condor_q", "echo no json")
    with pytest.raises(PartFailed, match="no JSON"):
        condor.queue("all", "true")


# A history from which jobs are printed as condor_history would: those that ended at T or later.
HISTORY = """
time=$(printf '%s' "$*" | sed 's/.*JobFinishedHookDone>=\\([0-9]*\\).*/\\1/')
while read ended line; do [ "$ended" -ge "$time" ] && echo "$line"; done < "$0.jobs"
true
"""


class Pool:
    """A history of finished jobs, and runs of the collector over it."""

    def __init__(self, directory, programs):
        self.path = directory / "condor_history.jobs"
        self.path.write_text("")
        programs("condor_q", "true")
        programs("condor_history", HISTORY)
        self.outbox = Outbox(directory / "state")
        self.runs = 0

    def finish(self, job_id, ended):
        """Add a job to the history."""
        self.show(ended, f"otter {job_id} 60 4")

    def show(self, ended, line):
        """Add a line to the history."""
        with self.path.open("a") as file:
            file.write(f"{int(ended)} {line}\n")

    def run(self, now, *failures, elapsed=None):
        """Collect at a time, as a run that commits, with these failures; return the Ids.

        elapsed are the seconds since a boot, by the clock that nobody sets.
        """
        self.runs += 1
        settings = Settings("X", batch=True, batch_system="condor")
        clock = "boot", now if elapsed is None else elapsed
        found = Collector(settings, now, self.outbox.state(), self.outbox.reported, clock).run()
        assert found.failures == list(failures)
        self.outbox.add([], now, found.state, found.found_jobs, self.runs)
        return [document["Id"] for _part, document in found.documents]


@pytest.fixture
def pool(programs, tmp_path):
    """A Pool without jobs."""
    one = Pool(tmp_path, programs)
    yield one
    one.outbox.close()


def test_each_finished_job_is_sent_once_however_late_cron_runs(pool):
    start, sent, ended = 1_769_000_000, [], []
    for number, now in enumerate((0, 300, 601, 5000, 5290, 5290, 5300, 90_000)):
        for second, back in enumerate((1, 150, 299)):
            if number:
                pool.finish(f"{number}.{second}", start + now - back)
                ended.append(f"{number}.{second}")
        sent += pool.run(start + now)
    assert sorted(sent) == sorted(ended) and len(set(sent)) == len(sent)


def test_a_job_whose_end_is_written_late_is_not_missed(pool):
    now = 1_769_000_000
    pool.run(now)
    pool.finish("1.0", now - OVERLAP_SECONDS + 10)
    assert pool.run(now + 300) == ["1.0"] and pool.run(now + 600) == []


DAY = 86_400
NOW = 1_769_000_000


def missed_and_repeated(sent, ended):
    """Return which jobs that ended were not sent, and which were more than once."""
    missed = [one for one in ended if one not in sent]
    return missed, [one for one in ended if sent.count(one) > 1]


@pytest.mark.parametrize("runs_ahead", [1, 2, 30])
@pytest.mark.parametrize("pool_is_ahead", [True, False], ids=["with the pool", "here only"])
def test_no_job_is_missed_or_sent_twice_when_a_clock_was_ahead(pool, runs_ahead, pool_is_ahead):
    ended, sent = [], []
    for number in range(runs_ahead + 10):
        is_ahead = 4 <= number < 4 + runs_ahead
        now = NOW + 300 * number
        for back in (1, 150, 299):
            ended.append(f"{number}.{back}")
            pool.finish(ended[-1], now - back + (DAY if is_ahead and pool_is_ahead else 0))
        sent += pool.run(now + (DAY if is_ahead else 0), elapsed=now)
    sent += pool.run(NOW + 2 * DAY)  # when the times that were ahead are past
    assert missed_and_repeated(sent, ended) == ([], [])


@pytest.mark.parametrize("runs_before", [3, 30])
@pytest.mark.parametrize("runs_behind", [1, 5])
@pytest.mark.parametrize("pool_is_behind", [True, False], ids=["with the pool", "here only"])
def test_no_job_is_missed_or_sent_twice_when_a_clock_was_behind(
    pool, runs_before, runs_behind, pool_is_behind
):
    ended, sent = [], []
    for number in range(runs_before + runs_behind + 5):
        is_behind = runs_before <= number < runs_before + runs_behind
        now = NOW + 300 * number
        for back in (1, 150, 299):
            ended.append(f"{number}.{back}")
            pool.finish(ended[-1], now - back - (DAY if is_behind and pool_is_behind else 0))
        sent += pool.run(now - (DAY if is_behind else 0), elapsed=now)
    assert missed_and_repeated(sent, ended) == ([], [])


def test_a_job_that_queries_still_find_is_remembered_however_many_runs_pass(pool, monkeypatch):
    monkeypatch.setattr(outbox_module, "REPORTED_RUNS", 3)
    monkeypatch.setattr(outbox_module, "REPORTED_JOBS", 1)
    pool.finish("1.0", NOW + DAY)  # by the clock of its own machine
    pool.finish("2.0", NOW - 1)
    sent = [pool.run(NOW + 10 * number) for number in range(12)]  # within the overlap
    assert sent == [["1.0", "2.0"]] + [[]] * 11
    pool.run(NOW + 2 * DAY)
    for number in range(5):
        pool.finish(f"3.{number}", NOW + 2 * DAY + 300 * number)
        pool.run(NOW + 2 * DAY + 300 * number)
    assert pool.outbox.reported("condor", ["1.0", "2.0"]) == set()


def test_an_odd_line_of_the_history_is_said_and_not_asked_for_for_ever(pool):
    pool.run(NOW)
    pool.show(NOW + 10, "what is this")
    pool.finish("1.0", NOW + 20)
    odd = "condor: condor_history printed what is no job: 'what is this'"
    assert pool.run(NOW + 300, odd) == ["1.0"]
    assert pool.outbox.state()["finished.condor"]["at"] == NOW + 300
    assert pool.run(NOW + 600, odd) == []  # queries overlap
    pool.finish("2.0", NOW + 800)
    assert pool.run(NOW + 900) == ["2.0"]


def test_the_first_run_sends_the_last_six_minutes(pool):
    now = 1_769_000_000
    pool.finish("1.0", now - 350)
    pool.finish("2.0", now - 370)
    assert pool.run(now) == ["1.0"]


def test_a_history_that_fails_keeps_the_queue_and_loses_no_job(programs, pool):
    now = 1_769_000_000
    pool.run(now)
    programs("condor_q", printing(QUEUED))
    programs("condor_history", "echo 'no schedd' >&2; exit 1")
    settings, clock = Settings("X", batch=True, batch_system="condor"), ("boot", now + 300)
    state, reported = pool.outbox.state(), pool.outbox.reported
    found = Collector(settings, now + 300, state, reported, clock).run()
    assert len(found.documents) == 8 and "finished.condor" not in found.state
    assert found.failures == ["condor, finished jobs: condor_history ended with 1: no schedd"]
    programs("condor_q", "true")
    programs("condor_history", HISTORY)
    pool.finish("1.0", now + 100)
    assert pool.run(now + 1500) == ["1.0"]


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "7", None, True])
def test_numbers_that_no_program_prints_are_none(value):
    assert condor.whole(value) == 0
    assert condor.job_of("ann 7.0 1" + "0" * 5000 + " 2") is None
