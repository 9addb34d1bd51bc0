"""The invented build is a job of the promised size and shape, which is stored as it is."""

import json
import sqlite3
import subprocess

import pytest

from tests.bench.epmt_builds import write_build
from tests.bench.epmt_environment import epmt_environment
from tests.bench.setting import command_environment, tool


def fields_of(directory):
    """Return the fields of all its lines."""
    paths = sorted(directory.glob("n[0-9]-papiex.tsv"))
    return [line.split("\t") for path in paths for line in path.read_text().splitlines()]


@pytest.mark.parametrize("processes", [4, 5, 123, 2000])
def test_it_has_the_number_of_processes_that_was_asked_for(tmp_path, processes):
    assert len(fields_of(write_build(tmp_path / "7", processes))) == processes


def test_it_is_the_same_on_every_run(tmp_path):
    first, second = (write_build(tmp_path / name / "7", 500) for name in ("a", "b"))
    assert fields_of(first) == fields_of(second)


def test_a_process_lies_in_the_time_of_its_parent_and_ends_before_it(tmp_path):
    ended: set[tuple[str, int]] = set()
    waiting: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for fields in fields_of(write_build(tmp_path / "7", 2000)):
        host, pid, ppid, start, end = fields[2], *(int(fields[at]) for at in (7, 9, 13, 14))
        for child_start, child_end in waiting.pop((host, pid), ()):
            assert start <= child_start < child_end <= end
        assert (host, ppid) not in ended and (host, pid) not in ended
        ended.add((host, pid))
        waiting.setdefault((host, ppid), []).append((start, end))
    assert sorted(waiting) == [("n1", 1), ("n2", 1), ("n3", 1), ("n4", 1)]  # those of make


def test_it_is_stored_with_its_whole_tree(tmp_path):
    directory = write_build(tmp_path / "7", 2000)
    database = tmp_path / "stored.db"
    environment = epmt_environment(
        command_environment(tmp_path), tmp_path, EPMT_DB_URL=f"sqlite:///{database}"
    )
    done = subprocess.run(
        tool("epmt", "submit", str(directory)), env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    connection = sqlite3.connect(database)
    ((count, depth),) = connection.execute("select count(*), max(depth) from epmt_process")
    roots = connection.execute("select descendants from epmt_process where parent_id is null")
    assert (count, depth, [row[0] for row in roots]) == (2000, 3, [499] * 4)
    ((tags,),) = connection.execute("select tags from epmt_process_tags where tags <> '{}'")
    assert json.loads(tags) == {"op": "build", "op_instance": "0"}
    connection.close()
