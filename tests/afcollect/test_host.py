"""What a machine does is told in sensible numbers, whatever happened to its counters."""

import fcntl
import json
import os
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afcollect import children, disks, host
from afcollect.collect import Collector, Settings
from afcollect.failures import PartFailed
from afcollect.no_outbox import NoOutbox
from tests import services
from usagedb.mounts import Mount

LONG_SECONDS = 600.0


def counters(seconds, boot="a", **interfaces):
    """Return what one run knows of the network."""
    return {
        "boot": boot,
        "seconds": seconds,
        "interfaces": {name: list(both) for name, both in interfaces.items()},
    }


def test_the_first_run_sends_no_network_document():
    assert host.network(None, counters(100.0, eth0=(5, 6))) is None
    assert host.network({}, counters(100.0, eth0=(5, 6))) is None


def test_two_runs_tell_the_difference():
    found = host.network(counters(100.0, eth0=(5, 6), lo=(1, 1)),
                         counters(400.064, eth0=(105, 206), lo=(2, 2)))  # fmt: skip
    assert found == {"network": {"interval": 300.064, "sent": 101, "received": 201}}


def test_after_a_boot_the_counters_and_the_interval_begin_with_it():
    found = host.network(counters(9e6, boot="a", eth0=(10**12, 10**12)),
                         counters(120.0, boot="b", eth0=(7, 8)))  # fmt: skip
    assert found == {"network": {"interval": 120.0, "sent": 7, "received": 8}}


def test_an_interface_that_was_set_back_or_is_new_counts_from_zero():
    found = host.network(
        counters(100.0, eth0=(10**9, 5)), counters(200.0, eth0=(3, 6), eth1=(4, 4))
    )
    assert found == {"network": {"interval": 100.0, "sent": 7, "received": 5}}


SIDES = st.dictionaries(
    st.sampled_from(("lo", "eth0", "ib0")), st.tuples(st.integers(0, 2**63), st.integers(0, 2**63))
)


@given(SIDES, SIDES, st.booleans(), st.floats(0, 1e9), st.floats(0, 1e9))
def test_no_number_is_negative_or_larger_than_the_counters(before, after, same, first, second):
    now = counters(second, boot="a" if same else "b", **after)
    found = host.network(counters(first, **before), now)
    if found:
        network = found["network"]
        assert network["interval"] >= 0
        assert 0 <= network["sent"] <= sum(sent for sent, _received in after.values())
        assert 0 <= network["received"] <= sum(received for _sent, received in after.values())


def test_a_machine_that_shares_the_state_counts_for_itself(monkeypatch):
    state, told = {}, []
    for name, seconds, sent in (("n1", 100.0, 5), ("n2", 9e5, 10**9), ("n1", 160.0, 8),
                                ("n2", 9e5 + 60, 10**9 + 1)):  # fmt: skip
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        now = counters(seconds, boot=f"of {name}", eth0=(sent, 0))
        told.append(host.network(host.counters_before(state, now), now))
        state[host.network_key()] = now
    assert told[:2] == [None, None] and len(state) == 2
    assert [one["network"] for one in told[2:]] == [
        {"interval": 60.0, "sent": 3, "received": 0}, {"interval": 60.0, "sent": 1, "received": 0},
    ]  # fmt: skip
    assert "n1" not in "".join(state)


def test_what_an_older_release_kept_counts_on_the_machine_that_it_is_of(monkeypatch, tmp_path):
    old, now = counters(100.0, eth0=(5, 5)), counters(160.0, eth0=(8, 8))
    assert host.counters_before({"network": old}, now) == old
    assert host.counters_before({"network": {**old, "boot": "of another"}}, now) is None
    monkeypatch.setattr(host, "MACHINE_ID", tmp_path / "none")
    newer = {"network": old, host.network_key(): now}
    assert host.counters_before(newer, now) == now


def test_a_run_after_one_of_another_machine_tells_nothing_of_the_network(monkeypatch):
    settings, state = Settings(cluster="a", host=True, mounts=("/",)), {}
    for name, has_network in (("a1", False), ("b1", False), ("a1", True), ("b1", True)):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        found = Collector(settings, time.time(), state, NoOutbox().reported).run()
        kinds = [document["kind"] for _part, document in found.documents]
        assert ("NETWORK" in kinds) == has_network, name
        state.update(found.state)


def test_the_real_counters_can_be_kept_as_json():
    first = json.loads(json.dumps(host.network_counters()))
    second = host.network_counters()
    assert host.network(first, {**second, "seconds": second["seconds"] + 1})["network"]["sent"] >= 0
    assert set(second["interfaces"]) == set(psutil.net_io_counters(pernic=True))


def test_load_and_memory_are_those_of_the_machine():
    assert 0 <= host.load()["load"] < 1e5
    found = host.memory()
    assert 0 < found["available"] <= found["total"] == psutil.virtual_memory().total


def test_a_disk_is_told_in_bytes(tmp_path):
    documents, failures, hanging = host.disk_documents([str(tmp_path)])
    wanted = psutil.disk_usage(str(tmp_path))
    document = documents[0]
    assert (failures, hanging) == ([], {})
    assert (document["mount"], document["total"]) == (str(tmp_path), wanted.total)
    assert document["utilization"] == document["used"] / document["total"]
    assert document["used"] + document["free"] <= document["total"]


def test_the_file_server_of_a_hidden_machine_is_not_named(monkeypatch, tmp_path):
    monkeypatch.setattr(disks, "mount_of", lambda _path: Mount("/", "nfs4", "server:/export"))
    shown = []
    for hosts in ("", "example.org"):
        settings = Settings("X", host=True, mounts=(str(tmp_path),), obfuscate_hosts=hosts)
        found = Collector(settings, 1.0, {}, NoOutbox().reported).run()
        shown += [one.get("device") for _part, one in found.documents if one["kind"] == "DISK"]
    assert shown == ["server:/export", None]


def test_a_named_disk_that_is_missing_is_a_failure_and_a_usual_one_is_not(tmp_path, monkeypatch):
    documents, failures, _hanging = host.disk_documents([str(tmp_path / "none"), str(tmp_path)])
    assert len(documents) == 1 and "no such directory" in str(failures[0])
    monkeypatch.setattr(disks, "DEFAULT_MOUNTS", (str(tmp_path / "none"), str(tmp_path)))
    documents, failures, _hanging = host.disk_documents()
    assert len(documents) == 1 and failures == []


@pytest.fixture
def hanging_disk(tmp_path, monkeypatch):
    """A path that does not answer, while all others do; SIGKILL does not help, as with NFS."""
    real, real_answer, killed = disks.measured, disks.answer_of, set()

    def measured(mount):
        while mount.endswith("hangs"):
            time.sleep(0.01)
        return real(mount)

    def answer_of(mount, question, seconds):
        return real_answer(mount, question, seconds if mount.endswith("hangs") else LONG_SECONDS)

    monkeypatch.setattr(disks, "measured", measured)
    monkeypatch.setattr(disks, "answer_of", answer_of)
    monkeypatch.setattr(disks, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(disks.usage_of, "__defaults__", (None, 0.3))
    for name in ("kill", "killpg"):
        monkeypatch.setattr(os, name, lambda number, _signal: killed.add(number))
    yield str(tmp_path / "hangs")
    monkeypatch.undo()
    for number in killed:
        os.kill(number, 9)
        os.waitpid(number, 0)


def test_a_disk_that_hangs_holds_up_no_other_and_is_not_asked_again(hanging_disk, tmp_path):
    documents, failures, hanging = host.disk_documents([hanging_disk, str(tmp_path)])
    assert [one["mount"] for one in documents] == [str(tmp_path)]
    assert len(failures) == 1 and "did not answer in time" in str(failures[0])
    process = hanging[hanging_disk]
    assert children.is_alive(process)
    _documents, failures, again = host.disk_documents(
        [hanging_disk], json.loads(json.dumps(hanging))
    )
    assert again == hanging and isinstance(failures[0], PartFailed)
    assert not children.is_alive([process[0], process[1] + 1]) and not children.is_alive(None)


def opened_by(process):
    """Return what a process has open; nothing while that changes."""
    try:
        opened = [str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir()]
    except OSError:
        return []
    return sorted(one.partition(":")[0] for one in opened)


def test_a_process_that_hangs_holds_no_lock_and_no_pipe_of_the_run(hanging_disk, tmp_path):
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    _documents, _failures, hanging = host.disk_documents([hanging_disk])
    process = hanging[hanging_disk][0]
    wanted = ["/dev/null"] * 3 + ["pipe"]
    services.wait_until(lambda: opened_by(process) == wanted, "the rest to be closed")
    os.close(lock)
    other = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
