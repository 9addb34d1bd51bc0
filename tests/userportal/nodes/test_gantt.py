"""The bars of a node's jobs: where they begin and end, in which lane, where they lead."""

import pytest

from userportal.metrics.series import Series
from userportal.metrics.window import Window
from userportal.nodes import gantt

STEP = 60
START = 1_700_000_040  # a multiple of 60: 2023-11-14 22:14:00
WINDOW = Window(START, START + 100 * STEP, STEP)


def job(user, number, first, last, cores=4, account="def-ann", gap=()):
    """Return the series of a job that was seen from one step to another, both included."""
    times = [START + step * STEP for step in range(first, last + 1) if step not in gap]
    labels = {"user": user, "slurmjobid": str(number), "account": account}
    return Series(labels, times, [cores] * len(times))


def figure(jobs, states=(), whole=8):
    """Return the figure of some series."""
    return gantt.figure(list(jobs), list(states), WINDOW, whole, "cores")


@pytest.mark.parametrize(
    ("steps", "found"),
    [([], []), ([0], [(0, 1)]), ([0, 1, 2], [(0, 3)]), ([0, 1, 3, 4], [(0, 2), (3, 5)])],
)
def test_a_gap_of_more_than_a_step_ends_a_bar(steps, found):
    series = Series({}, [START + step * STEP for step in steps], [1] * len(steps))
    assert list(gantt.spans(series, STEP)) == [
        (START + first * STEP, START + last * STEP) for first, last in found
    ]


def test_a_bar_has_its_time_colour_page_and_words():
    (trace,) = figure([job("ann", 7, 0, 9)])["data"]
    assert trace["base"] == ["2023-11-14 22:14:00"]
    assert trace["x"] == [10 * STEP * 1000]
    assert trace["y"] == ["ann"]
    assert trace["customdata"] == [["ann", "7"]]
    assert trace["marker"]["color"] == [0.5]
    assert trace["hovertext"] == ["7 ann def-ann: 4 cores"]


def test_jobs_of_a_user_at_the_same_time_lie_in_lanes_of_their_own():
    found = figure([job("bob", 1, 0, 9), job("ann", 2, 0, 4), job("ann", 3, 2, 9),
                    job("ann", 4, 5, 6), job("ann", 5, 8, 9)])  # fmt: skip
    (trace,) = found["data"]
    lanes = dict(zip((page[1] for page in trace["customdata"]), trace["y"]))
    assert lanes == {"1": "bob", "2": "ann", "3": "ann (2)", "4": "ann", "5": "ann"}
    assert found["layout"]["yaxis"]["categoryarray"] == ["ann", "ann (2)", "bob"]


def test_a_job_that_stopped_for_a_while_has_two_bars():
    (trace,) = figure([job("ann", 7, 0, 9, gap=(4, 5))])["data"]
    assert [length // STEP // 1000 for length in trace["x"]] == [4, 4]
    assert trace["y"] == ["ann", "ann"]


def test_states_lie_in_the_first_lane_and_say_their_name():
    states = [Series({"state": "down"}, [START, START + STEP], [1, 1])]
    found = figure([job("ann", 7, 0, 9)], states)
    trace, jobs = found["data"]
    assert (trace["y"], trace["x"], trace["hovertext"]) == (["State"], [2 * STEP * 1000], ["down"])
    assert jobs["y"] == ["ann"]
    assert found["layout"]["yaxis"]["categoryarray"] == ["State", "ann"]
    assert found["layout"]["meta"]["height"] == gantt.MARGIN_PIXELS + 2 * gantt.LANE_PIXELS


def test_names_are_shown_as_text_and_lead_nowhere_if_they_are_none():
    hostile = [job("<b>x", 7, 0, 1), job("ann", "8/../9", 0, 1), job("a/b", 9, 0, 1)]
    (trace,) = figure(hostile)["data"]
    assert trace["customdata"] == [["", ""]] * 3
    assert sorted(trace["y"]) == ["&lt;b&gt;x", "a/b", "ann"]
    assert "7 &lt;b&gt;x def-ann: 4 cores" in trace["hovertext"]


def test_a_node_of_unknown_size_is_taken_as_whole():
    (trace,) = figure([job("ann", 7, 0, 9)], whole=None)["data"]
    assert trace["marker"]["color"] == [1]


def axis_of(found):
    """Return (names of lanes, labels, title) of a figure."""
    axis = found["layout"]["yaxis"]
    return axis["categoryarray"], axis["ticktext"], axis["title"]["text"]


def test_many_lanes_get_narrower_and_keep_their_names():
    found = figure([job(f"u{number:03}", number + 1, 0, 9) for number in range(60)])
    lanes, labels, title = axis_of(found)
    assert lanes == labels == [f"u{number:03}" for number in range(60)]
    assert title == ""
    assert found["layout"]["meta"]["height"] == gantt.MARGIN_PIXELS + 60 * 15
    assert found["layout"]["yaxis"]["tickfont"]["size"] == 10


def test_of_too_many_users_all_jobs_are_shown_in_shared_lanes():
    states = [Series({"state": "down"}, [START, START + STEP], [1, 1])]
    # Three jobs at any time, each of another user.
    jobs = [job(f"u{number:03}", number + 1, number // 3 * 10 % 90, number // 3 * 10 % 90 + 8)
            for number in range(300)]  # fmt: skip
    found = figure(jobs, states)
    lanes, labels, title = axis_of(found)
    assert (lanes, labels) == (["State", *map(str, range(1, len(lanes)))], ["State"])
    assert title == "Jobs"
    assert len(found["data"][1]["x"]) == 300
    assert {text.split()[1] for text in found["data"][1]["hovertext"]} == {
        f"u{number:03}" for number in range(300)
    }
    assert found["layout"]["meta"]["height"] <= gantt.MARGIN_PIXELS + gantt.MOST_PIXELS


def test_no_two_bars_of_a_lane_lie_upon_one_another():
    jobs = [job(f"u{number % 90}", number, number % 37, number % 37 + number % 11)
            for number in range(1, 301)]  # fmt: skip
    ends: dict = {}
    for _one, start, end, lane in sorted(gantt.laid(jobs, STEP).bars, key=lambda bar: bar[1]):
        assert start >= ends.get(lane, 0)
        ends[lane] = end


def test_what_has_no_room_is_left_out_and_that_is_told():
    found = figure([job(f"u{number:03}", number + 1, 0, 9) for number in range(200)])
    lanes, labels, title = axis_of(found)
    assert (len(lanes), labels, title) == (gantt.MOST_SHARED, [], "Jobs (128 / 200)")
    assert len(found["data"][0]["x"]) == gantt.MOST_SHARED
    assert found["layout"]["meta"]["height"] < gantt.MARGIN_PIXELS + 1000


def test_a_long_name_leaves_room_for_the_bars_and_stays_a_lane_of_its_own():
    names = ["x" * 63 + "a", "x" * 63 + "b"]
    found = figure([job(name, 7, 0, 9) for name in names for _twice in range(2)])
    lanes, labels, _title = axis_of(found)
    assert lanes == [names[0], f"{names[0]} (2)", names[1], f"{names[1]} (2)"]
    assert labels == ["x" * 19 + "…", "x" * 19 + "… (2)"] * 2


def test_without_jobs_and_states_there_is_nothing():
    assert figure([])["data"] == []
