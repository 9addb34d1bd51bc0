"""A history in a file keeps what was added, appears whole, and is found quickly."""

import math
import os
import sqlite3
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.errors import ConfigurationError, UnavailableError, WriteError
from userportal.metrics import chunks
from userportal.metrics.expression import any_of, metric, node_names, not_equal, total
from userportal.metrics.history import History, HistoryWriter

START = 1_750_000_200


@given(
    st.lists(st.integers(-(2**40), 2**40), min_size=1, unique=True).map(sorted),
    st.data(),
)
def test_samples_are_unpacked_as_they_were_packed(times, data):
    values = data.draw(st.lists(st.floats(), min_size=len(times), max_size=len(times)))
    found_times, found_values = chunks.unpacked(chunks.packed(times, values))
    assert list(found_times) == times
    assert list(map(repr, found_values)) == list(map(repr, values))


@given(st.binary())
def test_damaged_samples_are_noticed(data):
    with pytest.raises(ValueError):
        chunks.unpacked(data)


def write(path, **labels):
    with HistoryWriter(path) as writer:
        writer.add("up", labels, [START + 300 * n for n in range(5000)], list(range(5000)))


def test_what_was_added_is_found(tmp_path):
    path = tmp_path / "history.db"
    write(path, user="ann", empty="", number=7)
    (series,) = History(path).range(metric("up"), START, START + 300 * 4999, 300)
    assert series.labels == {"__name__": "up", "user": "ann", "number": "7"}
    assert series.times == [START + 300 * n for n in range(5000)]
    assert series.values == list(range(5000))
    assert path.stat().st_size < 60_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.db"]


def test_a_series_is_added_to(tmp_path):
    with HistoryWriter(tmp_path / "h") as writer:
        writer.add("up", {"a": "1"}, [START], [1])
        writer.add("down", {"a": "1"}, [START], [9])
        writer.add("up", {"a": "1"}, [START + 60], [2])
        writer.add("up", {"a": "2"}, [], [])
        with pytest.raises(ValueError, match="not later"):
            writer.add("up", {"a": "1"}, [START + 60], [3])
    (series,) = History(tmp_path / "h").range(metric("up"), START, START + 60, 60)
    assert series.values == [1, 2]


@pytest.mark.parametrize(
    ("name", "labels", "times"),
    [
        ("a b", {}, [1, 2]),
        ("a", {"b c": 1}, [1, 2]),
        ("a", {"__name__": "x"}, [1, 2]),
        ("a", {}, [2, 1]),
        ("a", {}, [1, 1]),
        ("a", {}, [1, 2, 3]),
    ],
)
def test_what_is_no_series_is_refused(tmp_path, name, labels, times):
    with pytest.raises(ValueError), HistoryWriter(tmp_path / "h") as writer:
        writer.add(name, labels, times, [1, 2])
    assert list(tmp_path.iterdir()) == []


def test_an_older_history_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "h"
    write(path, user="ann")
    history = History(path)
    users = [history.label_values("user")]
    with pytest.raises(RuntimeError), HistoryWriter(path) as writer:
        writer.add("up", {"user": "bob"}, [START], [1])
        raise RuntimeError
    users.append(history.label_values("user"))
    with HistoryWriter(path) as writer:
        writer.add("up", {"user": "eve"}, [START], [1])
        users.append(history.label_values("user"))
    users.append(history.label_values("user"))
    assert users == [["ann"], ["ann"], ["ann"], ["eve"]]


def test_reading_changes_nothing(tmp_path):
    path = tmp_path / "h"
    write(path)
    before = path.read_bytes()
    assert History(path).instant(metric("up"), START)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_file_is_unavailable(tmp_path):
    history = History(tmp_path / "no#such?file")
    for ask in (history.check, lambda: history.instant(metric("up"), 0)):
        with pytest.raises(UnavailableError, match="cannot read the history"):
            ask()


def test_another_file_is_no_history(tmp_path):
    (tmp_path / "text").write_text("this is no database" * 100)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE x (y)").connection.close()
    for name in ("text", "other"):
        with pytest.raises(ConfigurationError, match="is no history"):
            History(tmp_path / name).check()


def test_a_damaged_history_says_so(tmp_path):
    path = tmp_path / "h"
    write(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE chunk SET data = x'00'")
    connection.close()
    with pytest.raises(ConfigurationError, match="damaged"):
        History(path).instant(metric("up"), START)


def test_a_directory_that_is_missing_is_a_write_error(tmp_path):
    with pytest.raises(WriteError, match="cannot write the history"):
        HistoryWriter(tmp_path / "missing" / "h")


def test_threads_and_children_read_at_once(tmp_path):
    write(tmp_path / "h")
    history, found = History(tmp_path / "h"), []

    def ask():
        found.append(history.instant(total(metric("up")), START + 600)[0].values)

    threads = [threading.Thread(target=ask) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask()
    assert found == [[2.0]] * 5
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ask()
            status = 0 if found[-1] == [2.0] else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A history of 3,000 jobs with two series each."""
    path = tmp_path_factory.mktemp("many") / "h"
    with HistoryWriter(path) as writer:
        for job in range(3000):
            for core in range(2):
                labels = {"slurmjobid": job, "user": f"u{job % 40}", "core": core}
                labels["instance"] = f"n{job % 7}.d:9100"
                times = [START + 60 * job, START + 60 * job + 300]
                writer.add("usage", labels, times, [job, job])
    return path


@pytest.mark.parametrize(
    ("labels", "series"),
    [
        ({"slurmjobid": "17"}, 2),
        ({"slurmjobid": any_of(range(1200, 2600))}, 2800),
        ({"slurmjobid": any_of(range(1200)), "core": "1"}, 1200),
        ({"user": "u3", "slurmjobid": not_equal("3")}, 148),
        ({"instance": node_names(["n1", "n2"], ".d"), "core": "0"}, 858),
        ({"instance": node_names(["n1"])}, 0),
        ({"user": any_of([])}, 0),
        ({"account": ""}, 6000),
        ({"user": any_of(["", "u1"])}, 150),
    ],
)
def test_a_selection_is_what_the_matchers_say(many, labels, series):
    found = History(many).samples(metric("usage", **labels), 0, 1 << 60)
    assert len(found) == series


def rows_read(many, selector, first, last):
    """Return how many rows of the file a selection brings."""
    history, rows = History(many), []
    plain = history._rows
    history._rows = lambda *asked: rows.extend(got := plain(*asked)) or got
    history.samples(selector, first, last)
    return len(rows)


def test_a_job_is_found_without_looking_at_all(many):
    assert rows_read(many, metric("usage", slurmjobid="17"), 0, 1 << 60) <= 6
    assert rows_read(many, metric("usage", user="u3"), 0, 1 << 60) <= 350
    at = (START + 60 * 1000) * 1000
    assert rows_read(many, metric("usage"), at - 300_000, at) <= 100


def test_values_that_are_no_numbers_are_left_out(tmp_path):
    with HistoryWriter(tmp_path / "h") as writer:
        writer.add("odd", {}, [START, START + 60], [math.nan, 2])
    (series,) = History(tmp_path / "h").range(metric("odd"), START, START + 60, 60)
    assert (series.times, series.values) == ([START + 60], [2])
