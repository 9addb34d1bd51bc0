"""States have Slurm's names, and every spelling of a filter finds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.errors import UsageError
from userportal.slurm import states


def test_the_numbers_mean_what_slurm_means():
    assert [states.name(number) for number in range(12)] == [
        "PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT",
        "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
    ]  # fmt: skip


@pytest.mark.parametrize("number", states.NAMES)
def test_every_name_label_and_badge_finds_its_state(number):
    spellings = [states.name(number), states.label(number), states.badge(number).text]
    for spelling in spellings:
        assert states.code(spelling) == number
        assert states.code(f" {spelling.lower()} ") == number


@pytest.mark.parametrize(
    ("spelling", "number"),
    [
        ("OOM", 11), ("Oom", 11), ("out of memory", 11), ("Canceled", 4), ("Cancelled", 4),
        ("CD", 3), ("Complete", 3), ("Completed", 3), ("End", 10), ("node-fail", 7),
    ],
)  # fmt: skip
def test_a_filter_may_be_spelled_in_several_ways(spelling, number):
    assert states.code(spelling) == number


def test_a_list_of_states_is_read():
    assert states.codes("Running,Failed, running") == (1, 5)
    assert states.codes("") == ()


@pytest.mark.parametrize("text", ["Runing", "Running,xyz", "1;drop"])
def test_an_unknown_state_is_refused(text):
    with pytest.raises(UsageError):
        states.codes(text)


@given(st.integers(1, 11), st.sets(st.sampled_from(sorted(states.FLAGS))))
def test_flags_do_not_change_the_state(number, flags):
    stored = number | sum(flags)
    assert states.base(stored) == number
    assert states.flags(stored) == [states.FLAGS[flag] for flag in sorted(flags)]


def test_a_row_that_went_back_to_the_queue_is_no_pending_job():
    assert states.name(0x400) == "REQUEUED"
    assert states.name(0x2000) == "RESIZING"
    assert states.name(0x4000) == "PENDING"


@given(st.integers(0, 2**32 - 1))
def test_any_number_has_a_name_a_label_and_a_badge(stored):
    assert states.name(stored)
    assert states.label(stored)
    assert states.badge(stored).colour in ("info", "primary", "warning", "success", "danger")


def test_the_badges_have_these_colours():
    colours = {states.name(number): badge.colour for number, badge in states.BADGES.items()}
    assert colours["PENDING"] == "info"
    assert colours["RUNNING"] == "primary"
    assert colours["SUSPENDED"] == colours["PREEMPTED"] == "warning"
    assert colours["COMPLETED"] == "success"
    assert {colours[name] for name in ("FAILED", "TIMEOUT", "OUT_OF_MEMORY")} == {"danger"}


def test_the_states_of_nodes_have_names():
    assert states.node_names(0x202) == ["IDLE", "DRAIN"]
    assert states.node_names(1) == ["DOWN"]
    assert states.node_names(0x2000) == ["FAIL"]
    assert states.node_names(15) == ["UNKNOWN_15"]
