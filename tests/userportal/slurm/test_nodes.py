"""What happened to the nodes of a job is found."""

import pytest

from tests.userportal.slurm.made import NOON, add, job_row, running
from userportal.slurm import stored
from userportal.slurm.model import NodeEvent

HOUR = 3600


def event(node, start, end, **values):
    return {
        "node_name": node, "time_start": NOON + start, "time_end": NOON + end if end else 0,
        "reason": "fan", "reason_uid": 0, "state": 0x202, **values,
    }  # fmt: skip


@pytest.fixture
def filled(store):
    add(
        store,
        event("vc01", -9 * HOUR, -8 * HOUR),
        event("vc01", 10, 20),
        event("vc02", 30, None, reason_uid=4294967294, state=1, reason="not responding"),
        event("vc03", 30, None),
        event("", 30, None),
        event("VC02", 5, 50),
        event("vc02", 9 * HOUR, None),
        table="event_table",
    )
    return store


def test_events_of_the_nodes_that_touch_the_time_are_found(filled):
    assert filled.events(["vc01", "vc02"], NOON, NOON + HOUR) == [
        NodeEvent("vc01", NOON + 10, NOON + 20, "fan", 0, ["IDLE", "DRAIN"]),
        NodeEvent("vc02", NOON + 30, None, "not responding", None, ["DOWN"]),
    ]


def test_no_nodes_have_no_events(filled):
    assert filled.events([], NOON, NOON + HOUR) == []
    assert filled.events(["nosuch", "'", ""], NOON - 20 * HOUR, NOON + 1)[1:] == []


def test_a_running_job_has_the_events_until_now(filled):
    add(filled, job_row(1, **running()))
    job = filled.job(1)
    assert [one.start - NOON for one in filled.job_events(job, NOON + 60)] == [10, 30]
    assert [one.start - NOON for one in filled.job_events(job, NOON + 9 * HOUR)] == [
        10, 30, 9 * HOUR,
    ]  # fmt: skip


def test_an_ended_job_has_the_events_of_an_hour_more(filled):
    add(filled, job_row(1, time_start=NOON + 21, time_end=NOON + 8 * HOUR))
    assert [one.start - NOON for one in filled.job_events(filled.job(1), NOON)] == [
        10, 30, 9 * HOUR,
    ]  # fmt: skip


def test_the_newest_events_are_kept_within_the_limit(filled):
    found = filled.events(["vc01", "vc02"], NOON - 20 * HOUR, NOON + 20 * HOUR, limit=2)
    assert [one.start - NOON for one in found] == [30, 9 * HOUR]


def test_control_characters_of_a_reason_are_shown(store):
    reason = stored.as_stored("fan\u202e\x1b[31m\x07")
    add(store, event("vc01", 10, 20, reason=reason), table="event_table")
    assert [one.reason for one in store.events(["vc01"], NOON, NOON + 60)] == [
        r"fan\u202e\x1b[31m\x07"
    ]
