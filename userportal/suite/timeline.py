"""The figure of a job's processes as Plotly reads it from JSON: bars in lanes, by host and program.

The attributes: https://plotly.com/javascript/reference/bar/; a length on an axis of dates is in
milliseconds.
"""

from datetime import datetime, timezone

from epmtlite.plot import formats
from epmtlite.plot.palette import COLOURS, OTHERS, chosen_programs
from userportal.metrics.figure import JOB_CONFIG, shown

LANE_PIXELS, FEWEST_PIXELS, MOST_PIXELS = 14, 160, 1200
MARGIN_PIXELS = 110  # of the axis and the legend
MOST_NAMED_HOSTS = 40
BAR_WIDTH = 0.86  # of a lane
# What a figure says; a caller that knows the reader's language gives the same keys.
WORDS = {
    "others": "other programs", "cpu": "CPU", "exit": "exit", "signal": "signal", "mib": "MiB",
}  # fmt: skip


def figure(timeline, programs, words=None):
    """Return {"data", "layout", "config"} of a processes.Timeline, times in UTC.

    programs are the ProgramProcesses of its job: those that took most have colours of their own, as
    in the page of epmtlite. words are WORDS in another language. layout.meta has what is left out.
    """
    words = {**WORDS, **(words or {})}
    palette = palette_of(programs)
    first_rows, row_count = rows_of_hosts(timeline.processes)
    traces = {name: trace(name, colour) for name, colour in palette.items()}
    others = trace(words["others"], OTHERS)
    for one in timeline.processes:
        add_bar(traces.get(one.program, others), one, first_rows[one.host] + one.lane, words)
    return {
        "data": [one for one in (*traces.values(), others) if one["x"]],
        "layout": layout(first_rows, row_count, timeline),
        "config": JOB_CONFIG,
    }


def palette_of(programs):
    """Return {program: colour} of those that have one."""
    rows = [[one.name, one.processes, one.wall_seconds, None, one.cpu_seconds] for one in programs]
    return dict(zip(chosen_programs([{"groups": [{"rows": rows}]}]), COLOURS))


def rows_of_hosts(processes):
    """Return ({host: its first row}, number of rows): one below another, each with its lanes."""
    lanes: dict = {}
    for one in processes:
        lanes[one.host] = max(lanes.get(one.host, 0), one.lane + 1)
    first_rows, count = {}, 0
    for host in sorted(lanes):
        first_rows[host] = count
        count += lanes[host]
    return first_rows, count


def trace(name, colour):
    """Return the trace of a program, without bars yet."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": shown(name),
        "marker": {"color": colour},
        "width": BAR_WIDTH,
        "base": [],
        "x": [],
        "y": [],
        "hovertext": [],
        "hoverinfo": "text",
    }


def add_bar(one_trace, one, row, words):
    """Add a ShownProcess to a trace; what it is called is never a template of Plotly's."""
    start = datetime.fromtimestamp(one.start, timezone.utc).replace(tzinfo=None)
    one_trace["base"].append(start.isoformat(" ", "milliseconds"))
    one_trace["x"].append(round(one.seconds * 1000, 3))
    one_trace["y"].append(row)
    one_trace["hovertext"].append(hover_text(one, words))


def hover_text(one, words):
    """Return what stands beside the pointer, as Plotly's few marks of HTML."""
    times = [formats.time_text(seconds * 1e6) for seconds in (one.seconds, one.cpu_seconds)]
    lines = [
        f"<b>{shown(one.program)}</b> {shown(one.arguments[:80])}",
        f"{times[0]}, {words['cpu']} {times[1]}, {one.peak_bytes / 2**20:,.1f} {words['mib']}",
        f"{shown(one.host)}, pid {one.pid}",
    ]
    if one.exit_signal:
        lines.append(f"{words['signal']} {one.exit_signal}")
    elif one.exit_code:
        lines.append(f"{words['exit']} {one.exit_code}")
    return "<br>".join(lines)


def layout(first_rows, row_count, timeline):
    """Return the layout: one row for each lane, the first at the top."""
    hosts = first_rows if len(first_rows) <= MOST_NAMED_HOSTS else {}
    pixels = min(max(row_count * LANE_PIXELS, FEWEST_PIXELS), MOST_PIXELS)
    return {
        "barmode": "overlay",
        "height": pixels + MARGIN_PIXELS,
        "xaxis": {"type": "date"},
        "yaxis": {
            "range": [max(row_count, 1) - 0.5, -0.5],
            "tickvals": list(hosts.values()),
            "ticktext": [shown(host) for host in hosts],
            "zeroline": False,
        },
        "legend": {"orientation": "h"},
        "meta": {
            "shown": len(timeline.processes),
            "left_out": timeline.more,
            "longest_left_out_seconds": timeline.longest_left_out,
        },
    }
