"""Which jobs a node ran, as bars in lanes by user: a Plotly figure."""

from django.utils.translation import gettext

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
    lanes = sorted({one.labels.get("user", "?") for one in jobs})[:MOST_LANES]
    data = [states_trace(states, window.step)] if states else []
    bars = [
        (one, start, end)
        for one in jobs
        if one.labels.get("user", "?") in lanes
        for start, end in spans(one, window.step)
    ][:MOST_BARS]
    if bars:
        data.append(jobs_trace(bars, whole, unit))
    rows = len(lanes) + bool(states)
    layout = {
        "barmode": "overlay",
        "height": MARGIN_PIXELS + LANE_PIXELS * max(rows, 2),
        "xaxis": {"type": "date", "range": [moment_text(window.start), moment_text(window.end)]},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed"},
        "showlegend": False,
    }
    return {"data": data, "layout": layout, "config": JOB_CONFIG}


def jobs_trace(bars, whole, unit):
    """Return the trace of all bars of jobs."""
    parts = [round((one.maximum() or 0) / whole, 3) if whole else 1 for one, _start, _end in bars]
    return {
        "type": "bar",
        "orientation": "h",
        "base": [moment_text(start) for _one, start, _end in bars],
        "x": [(end - start) * MILLISECONDS for _one, start, end in bars],
        "y": [shown(one.labels.get("user", "?")) for one, _start, _end in bars],
        "customdata": [
            [shown(one.labels.get("user", "?")), shown(one.labels.get("slurmjobid", ""))]
            for one, _start, _end in bars
        ],
        "hovertext": [hover_text(one, unit) for one, _start, _end in bars],
        "hoverinfo": "text",
        "marker": {"color": parts, "colorscale": SCALE, "cmin": -0.3, "cmax": 1,
                   "line": {"width": 1}},
    }  # fmt: skip


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
        "base": [moment_text(start) for _one, start, _end in bars],
        "x": [(end - start) * MILLISECONDS for _one, start, end in bars],
        "y": [gettext("State")] * len(bars),
        "hovertext": [shown(one.labels.get("state", "?")) for one, _start, _end in bars],
        "hoverinfo": "text",
        "marker": {"color": STATE_COLOUR},
    }
