"""The ledger of logs: a place is recorded once, and by one loader only."""

import dataclasses

import pytest

from lmodtrack import ledger
from lmodtrack.identity import Chain, head_digest

LINES = [b"first\n", b"second\n", b"third\n"]
NEW = ledger.Entry(None, head_digest(LINES[0]), 0)


def place_after(count):
    """Return what a chain says of a log after some lines."""
    chain = Chain()
    for line in LINES[:count]:
        chain.add(line)
    return chain.place()


def record(database, entry, count, unsaved=0):
    with database.transaction():
        return ledger.place_of(entry, place_after(count), unsaved, "a.log").record(database)


def test_a_log_is_recorded_and_moved_on(database):
    first = record(database, NEW, 1)
    assert first.log_id and (first.position, first.line_count) == (6, 1)
    second = record(database, first, 3, unsaved=2)
    assert ledger.entries(database, NEW.head) == [second] == [ledger.current(database, NEW)]
    assert (second.position, second.unsaved, second.log_id) == (19, 2, first.log_id)
    assert ledger.entries(database, head_digest(b"other\n")) == []


def test_who_comes_second_must_look_again(database):
    first = record(database, NEW, 1)
    with pytest.raises(ledger.LedgerMoved):
        record(database, NEW, 2)
    record(database, first, 2)
    with pytest.raises(ledger.LedgerMoved):
        record(database, first, 3)
    assert ledger.current(database, NEW).position == 13


def test_a_place_tells_whether_its_commit_happened(database):
    place = ledger.place_of(NEW, place_after(2), 0, "a.log")
    assert place.recorded(database) is None
    with database.transaction():
        place.record(database)
    assert place.recorded(database).position == 13
    other = dataclasses.replace(place.after, digest=b"\1" * 32)
    assert ledger.LogPlace(NEW, other, "a.log").recorded(database) is None


def test_what_is_rolled_back_is_not_recorded(database):
    with pytest.raises(KeyError), database.transaction():
        ledger.place_of(NEW, place_after(2), 0, "a.log").record(database)
        raise KeyError
    assert ledger.entries(database, NEW.head) == []


def test_forks_of_one_beginning_stand_beside_each_other(database):
    one = record(database, NEW, 1)
    other = record(database, dataclasses.replace(NEW, fork=1), 2)
    assert ledger.entries(database, NEW.head) == [one, other]


def test_rejected_lines_can_be_marked_as_saved(database):
    entry = record(database, NEW, 2, unsaved=5)
    ledger.mark_saved(database, entry)
    assert ledger.current(database, entry).unsaved == 0


def test_a_log_that_is_loaded_anew_is_loaded_by_one_loader(database):
    before = record(database, NEW, 2, unsaved=2)
    place = ledger.place_of(before, place_after(2), 0, "a.log")
    assert place.recorded(database) is None  # though it is the place where the log was before
    with database.transaction():
        place.record(database)
    assert place.recorded(database) == dataclasses.replace(before, unsaved=0)
    with pytest.raises(ledger.LedgerMoved), database.transaction():
        place.record(database)


def test_a_long_name_of_any_characters_is_kept_by_its_end(database):
    name = "\U0001f600" * 2000 + "/moduleUsage.log"
    with database.transaction():
        ledger.place_of(NEW, place_after(1), 0, name).record(database)
    (found,) = database.rows("SELECT name FROM lmod_log")
    assert found[0].endswith("/moduleUsage.log") and len(found[0]) <= 1024
