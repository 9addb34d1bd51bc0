"""What HTCondor's programs print becomes jobs and queues, and each finished job is sent once."""

import json

import pytest

from afcollect import collect, condor
from afcollect.collect import Collector, Settings
from afcollect.failures import PartFailed
from afcollect.jobs import Job, Queue
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
        self.state, self.reported = {}, set()

    def finish(self, job_id, ended):
        """Add a job to the history."""
        with self.path.open("a") as file:
            file.write(f"{int(ended)} otter {job_id} 60 4\n")

    def run(self, now):
        """Collect at a time, as a run that commits; return the Ids that it sends."""
        settings = Settings("X", batch=True, batch_system="condor")
        known = {job_id for _system, job_id in self.reported}
        found = Collector(settings, now, self.state, lambda _system: known).run()
        assert found.failures == []
        self.state = json.loads(json.dumps({**self.state, **found.state}))
        self.reported |= found.found_jobs
        return [document["Id"] for _part, document in found.documents]


def test_each_finished_job_is_sent_once_however_late_cron_runs(programs, tmp_path):
    pool = Pool(tmp_path, programs)
    start, sent, ended = 1_769_000_000, [], []
    for number, now in enumerate((0, 300, 601, 5000, 5290, 5290, 5300, 90_000)):
        for second, back in enumerate((1, 150, 299)):
            if number:
                pool.finish(f"{number}.{second}", start + now - back)
                ended.append(f"{number}.{second}")
        sent += pool.run(start + now)
    assert sorted(sent) == sorted(ended) and len(set(sent)) == len(sent)


def test_a_job_whose_end_is_written_late_is_not_missed(programs, tmp_path):
    pool = Pool(tmp_path, programs)
    now = 1_769_000_000
    pool.run(now)
    pool.finish("1.0", now - collect.OVERLAP_SECONDS + 10)
    assert pool.run(now + 300) == ["1.0"] and pool.run(now + 600) == []


def test_no_job_is_missed_when_a_wrong_clock_is_set_back(programs, tmp_path):
    pool = Pool(tmp_path, programs)
    now = 1_769_000_000
    pool.run(now + 86_400)
    pool.finish("1.0", now + 100)
    assert pool.run(now + 300) == ["1.0"]
    pool.finish("2.0", now + 500)
    assert pool.run(now + 600) == ["2.0"]


def test_the_first_run_sends_the_last_six_minutes(programs, tmp_path):
    pool = Pool(tmp_path, programs)
    now = 1_769_000_000
    pool.finish("1.0", now - 350)
    pool.finish("2.0", now - 370)
    assert pool.run(now) == ["1.0"]


def test_a_history_that_fails_keeps_the_queue_and_loses_no_job(programs, tmp_path):
    pool = Pool(tmp_path, programs)
    now = 1_769_000_000
    pool.run(now)
    programs("condor_q", printing(QUEUED))
    programs("condor_history", "echo 'no schedd' >&2; exit 1")
    found = Collector(Settings("X", batch=True, batch_system="condor"), now + 300, pool.state,
                      lambda _system: set()).run()  # fmt: skip
    assert len(found.documents) == 8 and "finished.condor" not in found.state
    assert found.failures == ["condor, finished jobs: condor_history ended with 1: no schedd"]
    programs("condor_q", "true")
    programs("condor_history", HISTORY)
    pool.finish("1.0", now + 100)
    assert pool.run(now + 1500) == ["1.0"]
