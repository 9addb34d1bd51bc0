"""The outbox is where it was, in a place of this account's own, or in no place at all."""

import contextlib
import os
from pathlib import Path

import pytest

from afcollect import state_dir
from afcollect.no_outbox import NoOutbox
from afcollect.outbox import FILE_NAME, Outbox
from usagedb import errors

DAMAGED = "this is no database, whatever it was before" * 50
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def usual(monkeypatch, tmp_path):
    """The places that are tried."""
    found = [tmp_path / name for name in ("first", "second", "third")]
    monkeypatch.setattr(state_dir, "places", lambda _named=None: found)
    return found


def opened(named=None):
    """Return where the outbox is that a run opens; None if there is none."""
    with contextlib.closing(state_dir.open_outbox(named)) as outbox:
        return None if isinstance(outbox, NoOutbox) else outbox.path.parent


def existing():
    """Return where the outbox is that is there already; None if there is none."""
    found = state_dir.existing_outbox()
    if found:
        found.close()
    return found and found.path.parent


def make_outbox(place):
    """Make an outbox with a document in it."""
    with contextlib.closing(Outbox(place)) as outbox:
        outbox.add([{"kind": "ssh"}], 1.0, {})


def test_places_are_tried_in_the_documented_order(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_STATE_HOME", "/root/state")
    assert state_dir.places() == [Path("/var/lib/afmetrics")]
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/otter/.local/state")
    assert [str(place) for place in state_dir.places()] == [
        "/var/lib/afmetrics", "/home/otter/.local/state/afmetrics", "/var/log/afmetrics",
    ]  # fmt: skip
    assert state_dir.places(tmp_path) == [tmp_path]


@pytest.mark.parametrize("base", [None, "", "state", "./state"])
def test_no_place_depends_on_where_the_command_was_started(monkeypatch, base):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    if base is not None:
        monkeypatch.setenv("XDG_STATE_HOME", base)
    found = [str(place) for place in state_dir.places()]
    assert found == ["/var/lib/afmetrics", "/var/log/afmetrics"]


def test_the_first_place_that_can_be_written_is_taken(usual):
    usual[0].write_text("a file is no directory")
    assert opened() == usual[1] == existing()
    assert not usual[2].exists()


def test_where_no_place_can_be_written_there_is_no_outbox_and_all_reasons_are_said(usual, caplog):
    for place in usual:
        place.write_text("a file is no directory")
    assert opened() is None and existing() is None
    said = caplog.messages[-1]
    assert "what is not sent now is lost" in said and said.count("cannot write") == 3


def test_the_outbox_that_is_there_wins_over_an_earlier_place(usual):
    make_outbox(usual[1])
    assert opened() == usual[1] == existing()
    assert not usual[0].exists()


def test_of_two_that_are_there_the_first_is_taken(usual):
    make_outbox(usual[2])
    make_outbox(usual[1])
    assert opened() == usual[1] == existing()


@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_outbox_is_kept_and_a_new_one_begun_in_its_place(usual, caplog, place):
    usual[place].mkdir(mode=0o700)
    (usual[place] / FILE_NAME).write_text(DAMAGED)
    assert opened() == usual[place] and "the outbox is damaged, and kept as" in caplog.text
    assert [one.exists() for one in usual] == [number == place for number in range(3)]
    (kept,) = usual[place].glob(f"{FILE_NAME}.damaged-*")
    assert kept.read_text() == DAMAGED


def test_beside_an_outbox_in_a_place_that_was_opened_to_others_no_other_is_begun(usual, caplog):
    make_outbox(usual[1])
    usual[1].chmod(0o775)
    assert opened() is None and "chmod go-w" in caplog.text
    assert not usual[0].exists() and not usual[2].exists()
    with pytest.raises(errors.RefusedError, match="other accounts can write in"):
        existing()
    usual[1].chmod(0o755)
    assert opened() == usual[1]


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
def test_a_place_in_which_others_can_write_is_refused(tmp_path, usual, mode):
    usual[0].mkdir()
    usual[0].chmod(mode)
    with pytest.raises(errors.RefusedError, match="chmod go-w"):
        Outbox(usual[0])
    assert list(usual[0].iterdir()) == []
    assert opened() == usual[1]


def test_a_place_that_others_can_only_read_is_taken(usual):
    usual[0].mkdir()
    usual[0].chmod(0o755)
    assert opened() == usual[0]


@only_root
def test_a_place_of_another_account_is_refused(usual):
    usual[0].mkdir()
    os.chown(usual[0], 12345, 12345)
    with pytest.raises(errors.RefusedError, match="belongs to another account"):
        Outbox(usual[0])
    assert list(usual[0].iterdir()) == []
    assert opened() == usual[1]


@only_root
def test_a_file_of_another_account_is_refused(usual):
    usual[0].mkdir()
    (usual[0] / FILE_NAME).write_text("")
    os.chown(usual[0] / FILE_NAME, 12345, 12345)
    with pytest.raises(errors.RefusedError, match="own"):
        Outbox(usual[0])
    with pytest.raises(errors.RefusedError, match="own"):
        existing()
    assert opened() == usual[1] == existing()


def test_a_link_a_pipe_and_a_directory_are_no_outbox(tmp_path):
    for name in ("link", "pipe", "directory"):
        (tmp_path / name).mkdir()
    (tmp_path / "target").write_text("")
    (tmp_path / "link" / FILE_NAME).symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe" / FILE_NAME)
    (tmp_path / "directory" / FILE_NAME).mkdir()
    for name in ("link", "pipe", "directory"):
        with pytest.raises((errors.RefusedError, errors.WriteError)):
            Outbox(tmp_path / name)
        assert opened(tmp_path / name) is None
    assert (tmp_path / "target").read_text() == ""
