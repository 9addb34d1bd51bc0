"""The job numbers of an address, and the tasks of an array, are read within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.errors import UsageError
from userportal.slurm import arrays, jobset


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", [5]),
        ("100-105,107", [100, 101, 102, 103, 104, 105, 107]),
        ("7,5-6,6", [7, 5, 6]),
        ("4294967293", [4294967293]),
        ("1-1000", list(range(1, 1001))),
    ],
)
def test_a_set_is_read_in_its_order(text, numbers):
    assert jobset.parse(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "0", "5-", "-5", "5-3", "1,,2", "1;2", "1.5", "٣", "99999999999", "4294967294",
        "1-1001", "0-999999999", "1-600,1001-1600", ",".join(map(str, range(1, 1002))), "5_3",
    ],
)  # fmt: skip
def test_another_text_is_refused(text):
    with pytest.raises(UsageError):
        jobset.parse(text)


@given(st.sets(st.integers(1, 3000), min_size=1, max_size=200))
def test_a_folded_set_is_read_back(numbers):
    assert jobset.parse(jobset.fold(numbers)) == sorted(numbers)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        assert 0 < len(jobset.parse(text)) <= jobset.MOST_JOBS
    except UsageError as error:
        assert len(str(error)) < 300


@pytest.mark.parametrize(
    ("text", "count", "others"),
    [
        ("7,5-6,6", 3, ""),
        ("1-1000", 1000, ""),
        ("1-1001", 1000, "1001"),
        ("1-4294967293", 1000, "1001-4294967293"),
        ("1-1000,5,3000,2000-2999,1005-1010", 1000, "1005-1010,2000-3000"),
        ("1-600,1001-1600,590-610", 1000, "601-610,1401-1600"),
        ("1-600,1001-1600,500-2000", 1000, "601-1000,1401-2000"),
    ],
)
def test_what_is_beyond_the_limit_is_named_without_being_written_out(text, count, others):
    first, rest = jobset.first_of(text)
    assert (len(first), rest) == (count, others)


SETS = st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 900)), min_size=1, max_size=8)


@given(SETS)
def test_no_number_of_a_set_is_lost(parts):
    text = ",".join(f"{first}-{first + more}" for first, more in parts)
    asked = {number for first, more in parts for number in range(first, first + more + 1)}
    first, rest = jobset.first_of(text)
    ends = [list(map(int, part.split("-"))) for part in rest.split(",") if part]
    others = {number for one in ends for number in range(one[0], one[-1] + 1)}
    assert set(first) | others == asked and not set(first) & others
    assert len(first) == min(len(asked), jobset.MOST_JOBS)


@pytest.mark.parametrize("text", ["", "x", "5-3", "1,,2", "1-1000,0", "1-1000,5_3"])
def test_no_part_of_another_text_is_taken(text):
    with pytest.raises(UsageError):
        jobset.first_of(text)


def test_a_task_is_an_array_and_a_number():
    assert jobset.tasks("123_4") == (123, [4])
    assert jobset.tasks("123") is jobset.tasks("1_2_3") is jobset.tasks("a_1") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4_[1-3]", [1, 2, 3]), ("4_[1,3-5]", [1, 3, 4, 5]), (" 4_[7]\n", [7]), ("4_[0]", [0]),
        ("4_[1-10%2]", list(range(1, 11))), ("4_[0-10:5,7,5]", [0, 5, 10, 7]),
        ("4_[0-999]", list(range(1000))),
    ],
)  # fmt: skip
def test_the_tasks_of_an_array_are_read_as_squeue_writes_them(text, found):
    assert jobset.tasks(text) == (4, found)


@pytest.mark.parametrize(
    "text",
    [
        "4_[3-1]", "4_[1,]", "4_[-]", "4_[1-2-3]", "4_[0-1000]", "4_[0-9999999999]",
        "4_[0-500,501-1000]", f"4_[{','.join(map(str, range(1001)))}]", "4_[12345678901]",
    ],
)  # fmt: skip
def test_another_list_of_tasks_and_too_many_are_refused(text):
    with pytest.raises(UsageError) as refused:
        jobset.tasks(text)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "text", ["4_[]", "4_[1", "4_1]", "4_[a]", "4_[1]%2", "4_[1%]", "4_[1%2%3]", "[1]", "4_[٣]"]
)
def test_what_is_no_list_of_tasks_is_none(text):
    assert jobset.tasks(text) is None


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        (None, []), ("", []), ("(null)", []), ("0xC", [2, 3]), ("0xC%1", [2, 3]), ("5", [5]),
        ("0-10:5,12", [0, 5, 10, 12]), ("1-3%2", [1, 2, 3]), ("3-1", []), ("1-2:0", [1, 2]),
    ],
)  # fmt: skip
def test_the_tasks_that_wait_are_read(text, tasks):
    assert arrays.pending_tasks(text) == tasks


@given(st.sets(st.integers(0, 2000), max_size=50))
def test_a_mask_has_a_bit_for_each_task(tasks):
    assert arrays.pending_tasks(hex(sum(1 << task for task in tasks))) == sorted(tasks)


@pytest.mark.parametrize("text", ["0-9999999999", "0x" + "f" * 65000, "0-4000000000," * 100])
def test_a_hostile_array_is_cut(text):
    assert len(arrays.pending_tasks(text)) == arrays.MOST_TASKS
