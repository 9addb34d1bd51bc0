"""What is put into the outbox stays there, in order, until it is taken."""

import stat

import pytest

from afcollect import outbox as module
from afcollect.outbox import Outbox


def documents(count, kind="ssh"):
    """Return some documents that can be told apart."""
    return [{"kind": kind, "cluster": "X", "number": number} for number in range(count)]


@pytest.fixture
def outbox(tmp_path):
    """An empty Outbox."""
    one = Outbox(tmp_path / "state")
    yield one
    one.close()


def numbers(outbox):
    """Return which documents wait, in order."""
    return [one.body["number"] for one in outbox.waiting()]


def test_documents_wait_in_order_with_numbers_of_their_own(outbox, monkeypatch):
    monkeypatch.setattr(module, "PAGE_DOCUMENTS", 7)
    outbox.add(documents(30), 100.5, {})
    found = list(outbox.waiting())
    assert [one.body for one in found] == documents(30)
    assert {one.collected_at for one in found} == {100.5}
    assert len({one.document_id for one in found}) == 30


def test_what_is_removed_while_it_is_read_comes_once(outbox, monkeypatch):
    monkeypatch.setattr(module, "PAGE_DOCUMENTS", 4)
    outbox.add(documents(10), 1.0, {})
    seen = []
    for one in outbox.waiting():
        seen.append(one.body["number"])
        outbox.remove([one])
    assert seen == list(range(10)) and numbers(outbox) == []


def test_documents_and_state_are_stored_together_or_not_at_all(outbox):
    outbox.add(documents(1), 1.0, {"network": {"boot": "a"}}, {("condor", "1.0")})
    with pytest.raises(TypeError):
        outbox.add(documents(3), 2.0, {"network": {"boot": {1, 2}}})
    assert outbox.state() == {"network": {"boot": "a"}} and numbers(outbox) == [0]
    outbox.add([], 3.0, {"network": {"boot": "b"}}, {("condor", "1.0"), ("slurm", "1.0")})
    assert outbox.state() == {"network": {"boot": "b"}}
    for system in ("condor", "slurm"):
        assert outbox.reported(system, ["1.0", "2.0"]) == {"1.0"}


def test_a_finished_job_is_remembered_until_no_query_has_found_it_for_long(outbox, monkeypatch):
    monkeypatch.setattr(module, "REPORTED_JOBS", 2)
    jobs = ["1.0", "2.0", "3.0", "4.0"]
    last = module.REPORTED_RUNS
    outbox.add([], 1.0, {}, {("condor", "1.0"), ("condor", "2.0"), ("slurm", "1.0")}, 1)
    outbox.add([], 1.0, {}, {("condor", "2.0")}, last)
    outbox.add([], 1.0, {}, {("condor", "3.0")}, last + 1)
    assert outbox.reported("condor", jobs) == {"1.0", "2.0", "3.0"}
    outbox.add([], 1.0, {}, {("condor", "3.0")}, last + 2)
    assert outbox.reported("condor", jobs) == {"2.0", "3.0"}
    assert outbox.reported("slurm", jobs) == {"1.0"}
    outbox.add([], 1.0, {}, {("condor", "4.0")}, 3 * last)
    assert outbox.reported("condor", jobs) == {"3.0", "4.0"}


def test_the_oldest_are_dropped_and_counted(outbox):
    outbox.add(documents(10), 1.0, {})
    assert outbox.drop_oldest(10) == 0
    assert outbox.drop_oldest(4) == 6 and numbers(outbox) == [6, 7, 8, 9]


def test_what_is_set_aside_waits_no_more_until_it_is_taken_back(outbox):
    outbox.add(documents(3), 1.0, {})
    first = next(outbox.waiting())
    outbox.set_aside(first, "400 Bad Request " * 100)
    assert numbers(outbox) == [1, 2] and outbox.counts() == (2, 1)
    assert outbox.take_back() == 1 and numbers(outbox) == [0, 1, 2]
    assert outbox.clear() == 3 and outbox.counts() == (0, 0)


def test_only_this_account_can_read_it(outbox):
    for path in outbox.path.parent.glob(f"{module.FILE_NAME}*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(outbox.path.parent.stat().st_mode) == 0o700
