"""Which jobs a node ran, as bars in lanes by user: a Plotly figure."""

import dataclasses

from django.utils.translation import gettext

from userportal.access.names import is_number, is_username
from userportal.metrics.figure import JOB_CONFIG, moment_text, shown

LANE_PIXELS, MARGIN_PIXELS = 26, 110
MOST_PIXELS = 900  # of all lanes: a screen or little more; they get narrower before there are more
# Lanes with names need room for these; where these are too many, users share lanes without names.
NAMED_PIXELS, MOST_NAMED = 14, 60
SHARED_PIXELS, MOST_SHARED = 7, 128
LONGEST_LABEL = 20  # characters
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


@dataclasses.dataclass(frozen=True)
class Bars:
    """Which bars lie in which lanes."""

    lanes: dict  # name of a lane, by which a bar is in it -> its label
    bars: list  # (series of a job, start, end, name of its lane)
    is_shared: bool  # by users: the lanes have no labels

    def cut(self, most):
        """Return the first lanes alone."""
        kept = dict(list(self.lanes.items())[:most])
        return Bars(kept, [bar for bar in self.bars if bar[3] in kept], self.is_shared)

    def job_count(self):
        """Return the number of jobs that have a bar."""
        return len({id(bar[0]) for bar in self.bars})

    def lane_pixels(self, rows):
        """Return the height of one of some rows."""
        least = SHARED_PIXELS if self.is_shared else NAMED_PIXELS
        return max(least, min(LANE_PIXELS, MOST_PIXELS // max(rows, 1)))


def figure(jobs, states, window, whole, unit):
    """Return {"data", "layout", "config"} of the series of jobs and of states of a node.

    A bar is coloured by its part of the `whole` node, in cores or GPUs. A click on one leads to its
    job: customdata has user and job. The title of the axis tells if not all jobs are shown.
    """
    laid_out = laid(jobs, window.step)
    data = [states_trace(states, window.step)] if states else []
    if laid_out.bars:
        data.append(jobs_trace(laid_out.bars, whole, unit))
    first = {gettext("State"): gettext("State")} if states else {}
    rows = max(len(laid_out.lanes) + len(first), 2)
    labels = first if laid_out.is_shared else {**first, **laid_out.lanes}
    pixels = laid_out.lane_pixels(rows)
    layout = {
        "barmode": "overlay",
        "hovermode": "closest",
        "meta": {"height": MARGIN_PIXELS + pixels * rows},  # see nodes.js
        "xaxis": {"type": "date", "range": [moment_text(window.start), moment_text(window.end)]},
        "yaxis": {
            "type": "category", "automargin": True, "autorange": "reversed",
            "categoryorder": "array", "categoryarray": [*first, *laid_out.lanes],
            "tickvals": list(labels), "ticktext": list(labels.values()),
            "tickfont": {"size": 12 if pixels > NAMED_PIXELS + 2 else 10},
            "title": {"text": title_of(laid_out, len(jobs))},
        },
        "showlegend": False,
    }  # fmt: skip
    return {"data": data, "layout": layout, "config": JOB_CONFIG}


def title_of(laid_out, job_count):
    """Return the title of the axis of Bars: what is not said by the labels of the lanes."""
    drawn = laid_out.job_count()
    if drawn < job_count:
        return f"{gettext('Jobs')} ({drawn} / {job_count})"
    return gettext("Jobs") if laid_out.is_shared else ""


def laid(jobs, step):
    """Return the Bars of the series of jobs: at most MOST_BARS, the latest.

    The lanes of a user stand together; jobs that ran at the same time lie in several. If these are
    more than MOST_NAMED, the jobs of all users lie in the same lanes, at most MOST_SHARED.
    """
    bars = [(one, start, end) for one in jobs for start, end in spans(one, step)]
    bars = sorted(bars, key=lambda bar: bar[1:])[-MOST_BARS:]
    by_user: dict = {}
    for bar in bars:
        by_user.setdefault(bar[0].labels.get("user", "?"), []).append(bar)
    lanes: dict = {}
    found: list = []
    for user, own in sorted(by_user.items()):
        for bar, place in placed(own):
            name = lane_name(user, place)
            lanes[name] = lane_name(shortened(user), place)
            found.append((*bar, name))
    if len(lanes) <= MOST_NAMED:
        return Bars(lanes, found, False)
    shared = [(*bar, str(place + 1)) for bar, place in placed(bars)]
    numbers = sorted({int(bar[3]) for bar in shared})
    return Bars({str(one): "" for one in numbers}, shared, True).cut(MOST_SHARED)


def placed(bars):
    """Yield each of some (series, start, end), in order, with the first lane that is free then."""
    ends: list = []  # of the last bar in each lane
    for bar in bars:
        _one, start, end = bar
        place = next((n for n, last in enumerate(ends) if last <= start), len(ends))
        ends[place : place + 1] = [end]
        yield bar, place


def shortened(user):
    """Return a user's name as far as there is room for it."""
    return user if len(user) <= LONGEST_LABEL else user[: LONGEST_LABEL - 1] + "…"


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
