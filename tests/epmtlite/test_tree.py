"""The process tree, by an independent and slow way to find it."""

import tracemalloc
from array import array

from hypothesis import given
from hypothesis import strategies as st

from epmtlite import tree

PID = st.integers(0, 8) | st.sampled_from((-1, -(1 << 31), (1 << 31) - 1))
PROCESS = st.tuples(
    st.integers(0, 1),  # host
    PID,
    PID,  # of its parent
    st.integers(0, 30),  # start
    st.integers(0, 40),  # how long it lasts
    st.integers(0, 100),  # CPU time
)


def processes_of(rows):
    """Return tree.Processes of (host, pid, ppid, start, lasts, cpu) rows."""
    hosts, pids, ppids, starts, lasts, cpu = zip(*rows) if rows else ((),) * 6
    ends = [start + one for start, one in zip(starts, lasts)]
    kinds = (("i", hosts), ("i", pids), ("i", ppids), ("q", starts), ("q", ends), ("q", cpu))
    return tree.Processes(*(array(kind, column) for kind, column in kinds))


def build(*rows):
    """Return the Tree of rows."""
    return tree.build(processes_of(rows))


def test_a_child_hangs_on_the_process_of_its_ppid():
    found = build((0, 10, 1, 0, 100, 1), (0, 11, 10, 5, 10, 2), (0, 12, 11, 6, 1, 4))
    assert list(found.parents) == [-1, 0, 1]
    assert list(found.depths) == [0, 1, 2]
    assert list(found.inclusive_cpu_times) == [7, 6, 4]
    assert list(found.numbers) == [1, 2, 3]
    assert list(found.descendants) == [2, 1, 0]


def test_equal_pids_on_two_hosts_are_two_processes():
    found = build((0, 10, 1, 0, 100, 1), (1, 10, 1, 0, 100, 1), (1, 11, 10, 5, 10, 2))
    assert list(found.parents) == [-1, -1, 1]


def test_a_program_that_was_executed_takes_the_children_from_then_on():
    first, second = (0, 10, 1, 0, 20, 1), (0, 10, 1, 20, 80, 1)
    found = build(first, second, (0, 11, 10, 5, 50, 0), (0, 12, 10, 20, 50, 0))
    assert list(found.parents) == [-1, -1, 0, 1]


def test_a_pid_that_was_used_again_takes_no_older_children():
    found = build((0, 10, 1, 0, 5, 1), (0, 11, 10, 3, 50, 0), (0, 10, 1, 30, 5, 1))
    assert list(found.parents) == [-1, 0, -1]


def test_a_child_of_an_image_that_was_not_recorded_hangs_on_the_next_one():
    assert list(build((0, 11, 10, 3, 5, 0), (0, 10, 1, 9, 90, 1)).parents) == [1, -1]


def test_processes_that_name_each_other_make_no_circle():
    found = build((0, 10, 11, 0, 9, 1), (0, 11, 10, 1, 9, 1))
    assert list(found.parents) == [-1, 0]


def test_a_parent_and_its_child_may_begin_in_the_same_microsecond():
    assert list(build((0, 11, 10, 5, 1, 0), (0, 10, 1, 5, 9, 1)).parents) == [1, -1]


def test_a_job_without_processes_has_a_tree():
    assert [list(part) for part in build()] == [[]] * 5


def test_a_chain_of_many_thousand_is_no_deeper_than_memory():
    found = build(*((0, number, number - 1, number, 10**6, 1) for number in range(1, 30_001)))
    assert found.depths[-1] == 29_999 and found.inclusive_cpu_times[0] == 30_000


def test_many_processes_of_several_hosts_need_little_memory():
    numbers = range(100_000)
    rows = processes_of([(n % 8, n // 8 + 2, n // 16 + 1, n, 10**9, 5) for n in numbers])
    tracemalloc.start()
    found = tree.build(rows)
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(parent < 0 for parent in found.parents) == 16
    assert most_bytes < 200 * len(numbers)


@given(st.lists(PROCESS, max_size=25))
def test_the_tree_is_one_whatever_the_processes_say(rows):
    found = tree.build(processes_of(rows))
    above = [ancestors(found.parents, place) for place in range(len(rows))]
    for place, row in enumerate(rows):
        parent = found.parents[place]
        if parent >= 0:
            assert rows[parent][:2] == (row[0], row[2])
        below = [other for other in range(len(rows)) if place in above[other]]
        assert found.depths[place] == len(above[place])
        assert found.descendants[place] == len(below)
        assert found.inclusive_cpu_times[place] == row[5] + sum(rows[other][5] for other in below)
        first = found.numbers[place]
        assert {found.numbers[other] for other in below} == set(
            range(first + 1, first + 1 + len(below))
        )
    assert sorted(found.numbers) == list(range(1, len(rows) + 1))


@given(st.lists(PROCESS, max_size=25))
def test_a_parent_that_had_begun_is_the_one_that_began_last(rows):
    found = tree.build(processes_of(rows))
    for place, row in enumerate(rows):
        begun = [
            other[3]
            for index, other in enumerate(rows)
            if other[:2] == (row[0], row[2]) and other[3] < row[3] and index != place
        ]
        if begun:
            assert rows[found.parents[place]][3] >= max(begun)


def ancestors(parents, place):
    """Return the places above one; fails if they are a circle."""
    found = set()
    while parents[place] >= 0:
        place = parents[place]
        assert place not in found
        found.add(place)
    return found
