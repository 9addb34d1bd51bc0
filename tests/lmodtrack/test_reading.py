"""A log is read in parts; each tells its place, and the end tells what is left."""

import dataclasses
import re

import pytest

from lmodtrack import reading, tally
from lmodtrack.reading import End, LogReader, Part
from lmodtrack.start import find_start
from tests.lmodtrack.logs import log_of, make_loads
from tests.lmodtrack.test_record import rules
from usagedb import source
from usagedb.source import LogSource

LOADS = make_loads(300)
LOG = log_of(LOADS)


@pytest.fixture
def read(database, tmp_path, monkeypatch):
    """A function that reads a log with this content; it returns its Parts and its End."""
    monkeypatch.setattr(source, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(reading, "PART_ROWS", 40)

    def read(content, name="moduleUsage.log", **changes):
        (tmp_path / name).write_bytes(content)
        log = LogSource(tmp_path / name)
        reader = LogReader(rules(**changes), log, find_start(database, log))
        *parts, end = reader.parts()
        log.close()
        assert all(isinstance(part, Part) for part in parts) and isinstance(end, End)
        return parts, end

    return read


def test_the_parts_are_the_whole_log(read):
    parts, end = read(LOG)
    assert len(parts) > 3 and end.rest_bytes == 0 and not end.change
    assert sum(part.counts.totals.loads for part in parts) == len(LOADS)
    assert sum(part.read_bytes for part in parts) == len(LOG)
    places = [part.place["position"] for part in parts]
    assert places == sorted(places) and places[-1] == len(LOG)
    assert all(LOG[place - 1 : place] == b"\n" for place in places)
    assert parts[-1].place["line_count"] == len(LOADS)


def test_a_part_ends_at_many_names_though_no_load_is_counted(read, monkeypatch):
    monkeypatch.setattr(tally, "MAX_REMEMBERED", 60)
    loads = [
        dataclasses.replace(load, user=f"u{number}", module="tool/1")
        for number, load in enumerate(LOADS)
    ]
    parts, _end = read(log_of(loads), ignore=(re.compile("tool"),))
    assert len(parts) > 2 and not any(part.counts.counts for part in parts)
    assert max(len(part.counts.users) for part in parts) < 80


@pytest.mark.parametrize("rest", [b"unfinished", b"x" * 200_000])
def test_an_unfinished_last_line_is_left_for_later(read, rest):
    parts, end = read(LOG + rest)
    assert end.rest_bytes >= len(rest)
    assert all(part.place["position"] <= len(LOG) for part in parts)


def test_an_overlong_line_is_one_rejected_line(read):
    parts, end = read(LOG + b"x" * 200_000 + b"\n" + LOG)
    assert end.rest_bytes == 0
    assert sum(part.counts.totals.rejected for part in parts) == 1
    assert sum(part.counts.totals.loads for part in parts) == 2 * len(LOADS)
    assert parts[-1].place["line_count"] == 2 * len(LOADS) + 1
