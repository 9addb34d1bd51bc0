"""Both programs are measured when they have stored a job with its tree, and at nothing less."""

import pytest

from tests.bench import measure
from tests.bench.epmt_builds import write_build
from tests.bench.epmt_submit import Job, Stored, judge, our_program, peer_program, store
from tests.bench.results import Results
from tests.bench.setting import Setting
from tests.epmtlite.epmt_peer import Peer, PeerMissing, require_peer
from tests.epmtlite.made_jobs import sample


@pytest.fixture(name="ours")
def our_commands(tmp_path):
    return our_program(Setting(tmp_path), tmp_path)


def invented(place, processes, told=None):
    """Return an invented Job that tells another number of processes than it has."""
    path = write_build(place / "7", processes)
    return Job("invented", path, "7", told or processes, "US/Eastern")


def test_each_repeat_stores_the_job_anew(ours, tmp_path):
    job = invented(tmp_path, 50)
    for _ in range(2):
        stored = store(ours, job, tmp_path)
        assert stored.wall_seconds == sum(one.wall_seconds for one in stored)
        assert min(one.cpu_seconds for one in stored) > 0


def test_cant_measure_a_job_of_which_others_are_stored(ours, tmp_path):
    with pytest.raises(measure.CommandFailed, match="processes: 51 ' is not in .*: 50"):
        store(ours, invented(tmp_path, 50, told=51), tmp_path)


def test_both_store_a_real_job_and_show_its_tree(ours, tmp_path):
    job = Job("real", sample("collated-tsv-2220.tgz"), "2220", 2, "US/Eastern")
    peer = peer_program(Peer(require_peer(), tmp_path / "peer"))
    for program in (peer, ours):
        for _ in range(2):
            assert store(program, job, tmp_path).wall_seconds > 0


def stored(*wall_seconds):
    """Return a Stored that took so long, submitted and shown."""
    return Stored(*(measure.Measurement(seconds, 1, 10) for seconds in wall_seconds))


def test_medians_are_compared(tmp_path):
    results, job = Results(), invented(tmp_path, 4)
    peer = [stored(9, 9), stored(4, 11), stored(5, 10)]
    judge(results, job, [peer, [stored(1, 1), stored(2, 3), stored(1, 1)]], None)
    assert [(target[1], target[3]) for target in results.targets] == [
        ("5.0", "met"),
        ("7.5", "met"),
    ]


def test_without_epmt_the_targets_are_missed_and_the_reason_is_told(tmp_path, capsys):
    results = Results()
    judge(results, invented(tmp_path, 4), [[stored(1, 1)]], PeerMissing("no network"))
    assert results.missed_count == len(results.targets) == 2
    assert capsys.readouterr().out.count("could not be measured: no network") == 2
