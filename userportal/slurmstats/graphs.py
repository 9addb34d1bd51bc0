"""How many jobs waited and ran how long: bars, a colour for each partition, as Plotly figures."""

from django.utils.translation import gettext, gettext_lazy

from userportal.metrics.figure import shown
from userportal.slurm.statistics_queries import BINS

MOST_PARTITIONS = 12  # with a colour of their own
MOST_LABELS = 12  # below the bars
TITLES = {
    "run": gettext_lazy("Jobs by run time"),
    "wait": gettext_lazy("Jobs by time in the queue"),
    "limit": gettext_lazy("Completed jobs by the used part of their time limit"),
}


def length_names():
    """Return what the lengths of userportal.slurm.length_queries are called."""
    return [
        gettext("below 1 min"), gettext("1–5 min"), gettext("5–15 min"), gettext("15–60 min"),
        gettext("1–3 h"), gettext("3–6 h"), gettext("6–12 h"), gettext("12–24 h"),
        gettext("1–3 d"), gettext("3–7 d"), gettext("7 d and more"),
    ]  # fmt: skip


def share_names():
    """Return what the parts of the limit are called."""
    width = 100 // BINS
    shares = [f"{low}–{low + width}\N{NO-BREAK SPACE}%" for low in range(0, 100, width)]
    return [*shares, gettext("all of it")]


def graph_of(name, slurm, start, end, account):
    """Return the figure of one of TITLES over a window, of an account or of all (None)."""
    if name == "limit":
        rows = slurm.partition_statistics(start, end, account)
        return bars(share_names(), [(one.partition, one.histogram) for one in rows])
    rows = slurm.partition_lengths(start, end, account)
    counts = [(one.partition, one.ran if name == "run" else one.waited) for one in rows]
    return bars(length_names(), counts)


def bars(names, rows):
    """Return the figure of [(partition, numbers of jobs)], one number for each name.

    What is beyond the partitions with most jobs stands together; none without jobs.
    """
    known = [(partition, counts) for partition, counts in rows if any(counts)]
    known.sort(key=lambda row: (-sum(row[1]), row[0]))
    if len(known) > MOST_PARTITIONS:
        rest = [counts for _partition, counts in known[MOST_PARTITIONS - 1 :]]
        others = (gettext("All others"), [sum(column) for column in zip(*rest)])
        known = [*known[: MOST_PARTITIONS - 1], others]
    unit = gettext("jobs")
    traces = [
        {
            "type": "bar", "name": shown(partition), "x": names, "y": counts,
            "hovertemplate": f"%{{y}} {unit}",
        }
        for partition, counts in known
    ]  # fmt: skip
    layout = {
        "barmode": "stack",
        "xaxis": {
            "type": "category", "categoryorder": "array", "categoryarray": names,
            # Slanted, and of very many each fourth: so they have room on a telephone, too.
            "tickangle": -40, "tickvals": names[:: 4 if len(names) > MOST_LABELS else 1],
        },
        "yaxis": {"title": {"text": gettext("Jobs")}, "tickformat": "~s", "rangemode": "tozero"},
    }  # fmt: skip
    return {"data": traces, "layout": layout}
