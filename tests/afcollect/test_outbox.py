"""What is put into the outbox stays there, in order, until it is taken."""

import os
import stat

import pytest

from afcollect import outbox as module
from afcollect import state_dir
from afcollect.no_outbox import NoOutbox
from afcollect.outbox import Outbox
from usagedb import errors


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
    assert outbox.reported("condor") == {"1.0"} == outbox.reported("slurm")


def test_a_finished_job_is_remembered_until_no_query_has_found_it_for_long(outbox):
    outbox.add([], 1.0, {}, {("condor", "1.0"), ("condor", "2.0"), ("slurm", "1.0")}, 1)
    outbox.add([], 1.0, {}, {("condor", "2.0")}, module.REPORTED_RUNS)
    outbox.add([], 1.0, {}, {("condor", "3.0")}, module.REPORTED_RUNS + 1)
    assert outbox.reported("condor") == {"1.0", "2.0", "3.0"}
    outbox.add([], 1.0, {}, {("condor", "3.0")}, module.REPORTED_RUNS + 2)
    assert outbox.reported("condor") == {"2.0", "3.0"} and outbox.reported("slurm") == {"1.0"}


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


def test_a_link_a_pipe_and_a_place_open_to_all_are_refused(tmp_path):
    for name in ("link", "pipe", "open"):
        (tmp_path / name).mkdir()
    (tmp_path / "target").write_text("")
    (tmp_path / "link" / module.FILE_NAME).symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe" / module.FILE_NAME)
    (tmp_path / "open").chmod(0o777)
    for name in ("link", "pipe", "open"):
        with pytest.raises((errors.RefusedError, errors.WriteError)):
            Outbox(tmp_path / name)
    assert (tmp_path / "target").read_text() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_account_is_refused(tmp_path):
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / module.FILE_NAME
    path.write_text("")
    os.chown(path, 12345, 12345)
    with pytest.raises(errors.RefusedError, match="own"):
        Outbox(tmp_path / "state")


def test_places_are_tried_in_the_documented_order(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert [str(place) for place in state_dir.places()] == ["/var/lib/afmetrics"]
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/otter/.local/state")
    assert [str(place) for place in state_dir.places()] == [
        "/var/lib/afmetrics", "/home/otter/.local/state/afmetrics", "/var/log/afmetrics",
    ]  # fmt: skip
    assert state_dir.places(tmp_path) == [tmp_path]


def test_the_first_place_that_can_be_written_is_taken(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    found = [tmp_path / "file" / "below", tmp_path / "second", tmp_path / "third"]
    monkeypatch.setattr(state_dir, "places", lambda _named: found)
    one = state_dir.open_outbox()
    assert one.path == tmp_path / "second" / module.FILE_NAME
    one.close()
    monkeypatch.setattr(state_dir, "places", lambda _named: found[:1])
    assert isinstance(state_dir.open_outbox(), NoOutbox)
    assert state_dir.existing_outbox() is None


def test_a_damaged_outbox_is_no_outbox(tmp_path):
    (tmp_path / module.FILE_NAME).write_text("this is no database, whatever it was before" * 50)
    assert isinstance(state_dir.open_outbox(tmp_path), NoOutbox)
