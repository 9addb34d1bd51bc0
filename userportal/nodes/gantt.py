"""Which jobs a node ran, as bars in lanes by user: a Plotly figure."""

from django.utils.translation import gettext

from userportal.access.names import is_number, is_username
from userportal.metrics.figure import JOB_CONFIG, moment_text, shown

LANE_PIXELS, MARGIN_PIXELS, MOST_LANES = 26, 110, 60
MOST_BARS = 2000
MILLISECONDS = 1000
STATE_COLOUR = "#b3261e"
SCALE = "Blues"


def spans(series, step):
    """Yield (start, end) of the runs of points without a gap of more than a step."""
    start = last = None
    for at in series.times:
        if last is not None and at - last > 1.5 * step:
            yield start, last + step
            start = None
        start = at if start is None else start
        last = at
    if start is not None:
        yield start, last + step


def figure(jobs, states, window, whole, unit):
    """Return {"data", "layout", "config"} of the series of jobs and of states of a node.

    A bar is coloured by its part of the `whole` node, in cores or GPUs. A click on one leads to its
    job: customdata has user and job.
    """
    lanes, bars = laid(jobs, window.step)
    data = [states_trace(states, window.step)] if states else []
    if bars:
        data.append(jobs_trace(bars, whole, unit))
    rows = len(lanes) + bool(states)
    layout = {
        "barmode": "overlay",
        "hovermode": "closest",
        "meta": {"height": MARGIN_PIXELS + LANE_PIXELS * max(rows, 2)},  # see nodes.js
        "xaxis": {"type": "date", "range": [moment_text(window.start), moment_text(window.end)]},
        "yaxis": {
            "type": "category", "automargin": True, "autorange": "reversed",
            "categoryorder": "array",
            "categoryarray": [gettext("State")] * bool(states) + lanes,
        },
        "showlegend": False,
    }  # fmt: skip
    return {"data": data, "layout": layout, "config": JOB_CONFIG}


def laid(jobs, step):
    """Return (names of lanes, bars): each bar is (series of a job, start, end, its lane's name).

    The lanes of a user stand together; jobs that ran at the same time lie in several. Above
    MOST_LANES the rest is left out, and a last lane says so.
    """
    by_user: dict = {}
    for one in jobs:
        bars = by_user.setdefault(one.labels.get("user", "?"), [])
        bars += [(start, end, one) for start, end in spans(one, step)]
    lanes: list = []
    found = []
    for user, bars in sorted(by_user.items()):
        ends: list = []  # of the last bar in each lane of the user
        for start, end, one in sorted(bars, key=lambda bar: bar[:2]):
            place = next((n for n, last in enumerate(ends) if last <= start), len(ends))
            ends[place : place + 1] = [end]
            found.append((one, start, end, lane_name(user, place)))
        lanes += [lane_name(user, place) for place in range(len(ends))]
    kept = set(lanes[:MOST_LANES])
    bars = [bar for bar in found if bar[3] in kept][:MOST_BARS]
    if len(lanes) > MOST_LANES or len(found) > len(bars):
        return [*lanes[:MOST_LANES], gettext("… and more")], bars
    return lanes, bars


def lane_name(user, place):
    """Return the name of a user's lane: of the first, the user's own."""
    return shown(user if not place else f"{user} ({place + 1})")


def jobs_trace(bars, whole, unit):
    """Return the trace of all bars of jobs."""
    parts = [round((bar[0].maximum() or 0) / whole, 3) if whole else 1 for bar in bars]
    return {
        "type": "bar",
        "orientation": "h",
        "name": gettext("Jobs"),
        "base": [moment_text(start) for _one, start, _end, _lane in bars],
        "x": [(end - start) * MILLISECONDS for _one, start, end, _lane in bars],
        "y": [lane for _one, _start, _end, lane in bars],
        "customdata": [page_of(one.labels) for one, _start, _end, _lane in bars],
        "hovertext": [hover_text(one, unit) for one, _start, _end, _lane in bars],
        "hoverinfo": "text",
        "marker": {"color": parts, "colorscale": SCALE, "cmin": -0.3, "cmax": 1,
                   "line": {"width": 1}},
    }  # fmt: skip


def page_of(labels):
    """Return [user, job] of the labels of a series, empty texts if these can have no page."""
    user, job = labels.get("user", ""), labels.get("slurmjobid", "")
    return [user, job] if is_username(user) and is_number(job) else ["", ""]


def hover_text(one, unit):
    """Return what is told of a bar."""
    labels = one.labels
    words = (labels.get("slurmjobid", ""), labels.get("user", ""), labels.get("account", ""))
    return shown(f"{' '.join(words)}: {one.maximum() or 0:.0f} {unit}")


def states_trace(states, step):
    """Return the trace of the times in which the node did not work."""
    bars = [(one, *span) for one in states for span in spans(one, step)][:MOST_BARS]
    return {
        "type": "bar",
        "orientation": "h",
        "name": gettext("State"),
        "base": [moment_text(start) for _one, start, _end in bars],
        "x": [(end - start) * MILLISECONDS for _one, start, end in bars],
        "y": [gettext("State")] * len(bars),
        "hovertext": [shown(one.labels.get("state", "?")) for one, _start, _end in bars],
        "hoverinfo": "text",
        "marker": {"color": STATE_COLOUR},
    }
