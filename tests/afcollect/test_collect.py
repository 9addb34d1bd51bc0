"""No part keeps another from being sent, whatever happens in it; a signal ends all of them."""

import pytest

from afcollect import commands, condor, host, jupyter, logins
from afcollect.collect import Collector, Settings
from afcollect.failures import PartFailed
from afcollect.no_outbox import NoOutbox
from tests.afcollect.stand_ins import put
from usagedb import errors

# They run where no other program is on PATH.
CONDOR_Q = """case "$*" in
*-totals*) echo '[{"Idle": 2, "Running": 1, "Held": 0}]';; *-run*) ;;
*) echo 'otter 1.0 5 2 ';;
esac"""
SQUEUE = """echo '17|stoat|RUNNING|None|1:00|long|cpu=4,mem=8G|'
echo '18|stoat|PENDING|Priority|0:00|short,long|cpu=1,mem=1G|'
"""


@pytest.mark.parametrize(
    "error, shown",
    [
        (ZeroDivisionError("division by zero"), "CPU: ZeroDivisionError('division by zero')"),
        (OSError(5, "Input/output error"), "CPU: [Errno 5] Input/output error"),
        (PartFailed("it is away"), "CPU: it is away"),
    ],
)
def test_whatever_one_part_raises_the_others_are_collected(monkeypatch, tmp_path, error, shown):
    def load():
        raise error

    monkeypatch.setattr(host, "load", load)
    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    settings = Settings("X", ssh=True, host=True, mounts=(str(tmp_path),))
    found = Collector(settings, 1.0, {}, NoOutbox().reported).run()
    assert [one["kind"] for _part, one in found.documents] == ["ssh", "MEM", "DISK"]
    assert found.failures == [shown]


def test_who_is_logged_in_is_sent_though_last_fails(monkeypatch):
    def failing(_now, _ask):
        raise PartFailed("last ended with 1")

    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    monkeypatch.setattr(logins, "recent", failing)
    found = Collector(Settings("X", ssh=True, ssh_history=True), 1.0, {}, NoOutbox().reported).run()
    assert [one["users"] for _part, one in found.documents] == [["otter"]]
    assert found.failures == ["ssh: last ended with 1"]
    found = Collector(Settings("X", ssh_history=True), 1.0, {}, NoOutbox().reported).run()
    assert found.documents == [] and found.failures == ["ssh: last ended with 1"]


def test_a_signal_is_the_failure_of_no_part(monkeypatch):
    def interrupted(*_arguments):
        raise errors.RunInterrupted(15)

    monkeypatch.setattr(host, "load", interrupted)
    with pytest.raises(errors.RunInterrupted):
        Collector(Settings("X", host=True), 1.0, {}, NoOutbox().reported).run()
    with pytest.raises(errors.RunInterrupted), jupyter.failing_as("Kubernetes"):
        interrupted()


def test_logins_now_and_of_the_last_minutes_make_one_document(monkeypatch):
    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    monkeypatch.setattr(logins, "recent", lambda now, _ask: ["otter", "stoat"])
    both = ["otter", "stoat"]
    for ssh, history, users in ((True, False, ["otter"]), (False, True, both), (True, True, both)):
        found = Collector(
            Settings("X", ssh=ssh, ssh_history=history), 1.0, {}, NoOutbox().reported
        ).run()
        ((part, document),) = found.documents
        assert (part, document["users"]) == ("ssh", users)
        assert document["ssh_user_count"] == len(users)


# Which batch systems there are --------------------------------------------


@pytest.fixture
def only_path(monkeypatch, tmp_path):
    """The one directory of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put_condor(directory):
    """Install HTCondor."""
    put(directory, "condor_q", CONDOR_Q)
    put(directory, "condor_history", "echo 'otter 2.0 5 4 '")


def put_slurm(directory):
    """Install Slurm."""
    put(directory, "squeue", SQUEUE)
    put(directory, "sacct", "echo '16|stoat|60|COMPLETED'")


def collected(*queues, batch_system="auto"):
    """Return ((kind, job or queue) of all documents, failures)."""
    settings = Settings("X", batch=True, batch_system=batch_system, queues=queues)
    found = Collector(settings, 1_769_000_000.0, {}, NoOutbox().reported).run()
    shown = [(one["kind"], one.get("Id", one.get("queue"))) for _part, one in found.documents]
    return shown, found.failures


CONDOR_JOBS = [("condorjob", "1.0"), ("condorjob", "2.0")]
SLURM_JOBS = [("slurmjob", "17"), ("slurmjob", "18")]


def test_where_both_batch_systems_are_there_constraints_are_those_of_condor(only_path):
    put_condor(only_path)
    put_slurm(only_path)
    queues = [("slurmqueue", "long"), ("slurmqueue", "short")]  # one for each partition
    assert collected(("mine", "short"), ("all", "true")) == (
        [*CONDOR_JOBS, ("condorqueue", "mine"), ("condorqueue", "all"),
         *SLURM_JOBS, *queues, ("slurmjob", "16")],
        [],
    )  # fmt: skip


@pytest.mark.parametrize("batch_system", ["auto", "slurm"])
def test_where_only_slurm_is_asked_queues_are_made_of_partitions(only_path, batch_system):
    put_slurm(only_path)
    if batch_system == "slurm":
        put_condor(only_path)
    assert collected(("mine", "short"), ("none", "x,y"), batch_system=batch_system) == (
        [*SLURM_JOBS, ("slurmqueue", "mine"), ("slurmqueue", "none"), ("slurmjob", "16")], []
    )  # fmt: skip


@pytest.mark.parametrize("batch_system", ["auto", "condor"])
def test_where_only_condor_is_asked_nothing_is_said_of_slurm(only_path, batch_system):
    put_condor(only_path)
    if batch_system == "condor":
        put_slurm(only_path)
    assert collected(("mine", "x"), batch_system=batch_system) == (
        [*CONDOR_JOBS, ("condorqueue", "mine")], []
    )  # fmt: skip


def test_where_neither_is_there_that_is_one_failure(only_path):
    wanted = ([], ["batch: there is neither condor_q nor squeue here"])
    assert collected(("mine", "x")) == wanted
    put_condor(only_path)
    (only_path / "condor_q").chmod(0o644)
    assert collected(("mine", "x")) == wanted


def test_a_named_batch_system_is_asked_though_it_is_not_there(only_path):
    assert collected(batch_system="slurm") == (
        [], ["slurm: cannot run squeue: it is not on PATH",
             "slurm, finished jobs: cannot run sacct: it is not on PATH"],
    )  # fmt: skip


def test_a_path_that_hangs_is_one_failure_and_the_host_is_collected(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "LAUNCH", "while :; do :; done")  # as the shell does then
    monkeypatch.setattr(commands, "LOOK_UP_SECONDS", 0.2)
    settings = Settings("X", host=True, batch=True, mounts=(str(tmp_path),), queues=(("a", "b"),))
    found = Collector(settings, 1.0, {}, NoOutbox().reported).run()
    assert [one["kind"] for _part, one in found.documents] == ["CPU", "MEM", "DISK"]
    assert len(found.failures) == 1 and "did not end within 0.2 s" in found.failures[0]


# Programs that hang -------------------------------------------------------


HANGS = "while :; do :; done"


def test_many_queues_of_a_hung_program_cost_one_timeout(only_path, monkeypatch):
    put_condor(only_path)
    put(only_path, "condor_q", HANGS)
    put_slurm(only_path)
    settings = Settings("X", batch=True, queues=[(f"q{number}", "true") for number in range(4)])
    monkeypatch.setattr(condor, "TIMEOUT_SECONDS", 0.5)
    documents, failures = [], []
    for piece in Collector(settings, 1.0, {}, NoOutbox().reported).pieces():
        documents += piece.documents
        failures += piece.failures
        if failures:  # only the one that hangs is waited for in vain
            monkeypatch.setattr(condor, "TIMEOUT_SECONDS", 600.0)
    again = "condor_q was too slow before, and is not asked again"
    assert failures == [
        "condor: condor_q did not end within 0.5 s",
        *(f"condor, queue q{number}: {again}" for number in range(4)),
    ]
    jobs = [one["Id"] for _part, one in documents if "Id" in one]
    assert jobs == ["2.0", "17", "18", "16"]


def test_when_the_time_of_all_programs_is_up_the_rest_is_left_out(only_path):
    put_condor(only_path)
    put(only_path, "condor_q", HANGS)
    put_slurm(only_path)
    settings = Settings("X", batch=True, jupyter=True)
    collector = Collector(settings, 1.0, {}, NoOutbox().reported)
    pieces = collector.pieces()
    assert next(pieces).failures == []  # it is known what is to be asked
    collector.programs = commands.Programs(seconds=0.5)
    rest = list(pieces)
    failures = [failure for piece in rest for failure in piece.failures]
    assert not any(piece.documents for piece in rest)
    late = "it is left out: collecting took too long already"
    assert failures[0].startswith("condor: condor_q did not end within 0")
    assert failures[1:] == [
        f"{part}: {late}"
        for part in ("condor, finished jobs", "slurm", "slurm, finished jobs", "jupyter")
    ]
