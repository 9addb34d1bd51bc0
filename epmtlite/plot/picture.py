"""Draw jobs as a PNG, with matplotlib (the extra `analysis`)."""

from pathlib import Path

from epmtlite.plot import files, formats, texts
from epmtlite.plot.palette import COLOURS, OTHERS, chosen_programs
from usagedb import plot
from usagedb.files import new_file_mode, whole_file

WIDTH = 12.0  # inches
LANE_HEIGHT, SMALLEST_TIMELINE, LARGEST_TIMELINE = 0.09, 1.0, 5.0  # inches
MOST_BARS = 12
NARROWEST = 1 / 1200  # of the timeline: what is shorter is merged with what is as near
LABEL_LENGTH = 40
# Of jobs beside each other: no colours that programs have.
JOB_COLOURS = ("#22324a", "#8fa3bd", "#56708f", "#c3cfdd")
NAME = Path("picture.png")  # what plot.drawing judges the form by


def require_library():
    """Raise ConfigurationError if matplotlib is not installed."""
    with plot.drawing(NAME):
        pass


def write(jobs, path, may_replace):
    """Write a picture of the data of one job, or of several on one scale, whole or not at all.

    jobs are what data.job_data returns: a timeline of each, then the time by program, and of one
    job by the first key of its tags. Raises WriteError or RefusedError.
    """
    files.check_target(path, may_replace)
    with plot.drawing(NAME) as figure_class:
        figure = drawn(figure_class, jobs)
        with whole_file(Path(path), new_file_mode()) as stream:
            figure.savefig(
                stream, format="png", dpi=plot.DOTS_PER_INCH, metadata=plot.METADATA["png"]
            )


def drawn(figure_class, jobs):
    """Return the figure of some jobs."""
    groups = bar_groups(jobs)
    heights = [timeline_height(job) for job in jobs]
    bar_height = 0.26 if len(jobs) == 1 else 0.1 + 0.13 * len(jobs)
    heights += [1.0 + bar_height * max(len(names), 1) for _title, names in groups]
    figure = figure_class(figsize=(WIDTH, sum(heights) + 0.9), layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    palette = dict(zip(chosen_programs(jobs), COLOURS))
    longest = max([job["facts"]["duration"] for job in jobs] + [1])
    for axes, job in zip(panels, jobs):
        draw_timeline(axes, job, palette, longest)
    add_legend(panels[0], palette)
    for axes, (title, names) in zip(panels[len(jobs) :], groups):
        draw_bars(axes, jobs, title, names, palette)
    figure.suptitle(heading(jobs), fontsize=12)
    return figure


def timeline_height(job):
    """Return the inches of the timeline of a job."""
    lanes = sum(lane_counts(job).values())
    return min(max(lanes * LANE_HEIGHT, SMALLEST_TIMELINE), LARGEST_TIMELINE)


def lane_counts(job):
    """Return how many lanes each host has, by its number."""
    found: dict = {}
    for host, lane in zip(job["columns"]["host"], job["columns"]["lane"]):
        found[host] = max(found.get(host, 0), lane + 1)
    return found


def heading(jobs):
    """Return the title of a picture."""
    if len(jobs) > 1:
        return f"{len(jobs)} jobs on one scale"
    facts = jobs[0]["facts"]
    times = [formats.time_text(facts[key]) for key in ("duration", "cpu")]
    return (
        f"job {facts['job']} of {facts['user']}, {facts['start']}: {times[0]}, CPU time {times[1]},"
        f" processes: {facts['processes']:,}"
    )


def draw_timeline(axes, job, palette, longest):
    """Draw the processes of a job as bars in lanes; longest is the end of the scale."""
    from matplotlib.collections import PolyCollection

    columns = job["columns"]
    first_lane, total = {}, 0
    for host, count in sorted(lane_counts(job).items()):
        first_lane[host] = total
        total += count
    colours = [palette.get(name, OTHERS) for name in job["programs"]]
    corners, shades = [], []
    for start, end, place in visible_bars(columns, longest * NARROWEST):
        lane = first_lane[columns["host"][place]] + columns["lane"][place]
        low, high = lane + 0.06, lane + 0.94
        corners.append(((start, low), (end, low), (end, high), (start, high)))
        shades.append(colours[columns["program"][place]])
    axes.add_collection(PolyCollection(corners, facecolors=shades, linewidths=0))
    finish_timeline(axes, job, longest, first_lane, total)


def visible_bars(columns, narrowest):
    """Return (start, end, place of the process) of what is drawn.

    Of processes shorter than `narrowest` that begin in the same piece of their lane, as long as
    that, only the longest is: first of all, and as wide as the piece.
    """
    short: dict = {}
    found = []
    for place, (start, duration) in enumerate(zip(columns["start"], columns["duration"])):
        if duration >= narrowest:
            found.append((start, start + duration, place))
            continue
        piece = (columns["host"][place], columns["lane"][place], start // narrowest)
        if piece not in short or columns["duration"][short[piece]] < duration:
            short[piece] = place
    merged = [
        (piece[2] * narrowest, (piece[2] + 1) * narrowest, place) for piece, place in short.items()
    ]
    return merged + found


def add_legend(axes, palette):
    """Say below a timeline which program has which colour."""
    from matplotlib.patches import Patch

    handles = [
        Patch(color=colour, label=texts.shown(name or "(empty)", LABEL_LENGTH))
        for name, colour in {**palette, "others": OTHERS}.items()
    ]
    axes.legend(
        handles=handles, ncols=len(handles), loc="lower right", bbox_to_anchor=(1, 1), fontsize=8,
        frameon=False, handlelength=1, columnspacing=1, borderaxespad=0.2,
    )  # fmt: skip


def finish_timeline(axes, job, longest, first_lane, total):
    """Give a timeline its axes, the names of hosts, and what it is about."""
    begin = min([0, *job["columns"]["start"][:1]])
    axes.set_xlim(begin, longest)
    axes.set_ylim(max(total, 1), 0)
    axes.xaxis.set_major_locator(locator(longest - begin))
    axes.xaxis.set_major_formatter(lambda value, _place: formats.clock_text(value))
    names = [job["hosts"][host] for host in first_lane]
    axes.set_yticks(list(first_lane.values()), names if len(names) < 40 else [""] * len(names))
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x", color=plot.GRID_COLOUR, linewidth=0.8)
    axes.set_axisbelow(True)
    count, wall, _cpu = job["left_out"]
    left_out = f" (without the {count:,} shortest, together {formats.time_text(wall)})"
    title = f"job {job['facts']['job']}{left_out if count else ''}"
    axes.set_title(title, loc="left", fontsize=10)


def locator(microseconds):
    """Return what places the marks of a time axis of that length."""
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(formats.step_for(microseconds / 1e6, 8) * 1e6)


def bar_groups(jobs):
    """Return (title, names) of the groups that are drawn as bars, those with the most CPU time."""
    count = 1 if len(jobs) > 1 else 2
    found = []
    for number, group in enumerate(jobs[0]["groups"][:count]):
        totals: dict = {}
        for job in jobs:
            for name, _processes, _wall, _elapsed, cpu, *_rest in job["groups"][number]["rows"]:
                if not isinstance(name, int):
                    totals[name] = totals.get(name, 0) + cpu
        names = sorted(totals, key=lambda name: (-totals[name], str(name)))  # noqa: B023
        found.append((group["title"], names[:MOST_BARS]))
    return found


def draw_bars(axes, jobs, title, names, palette):
    """Draw the CPU time by program or tag: one bar for a job."""
    number = next(n for n, group in enumerate(jobs[0]["groups"]) if group["title"] == title)
    width = 0.8 / len(jobs)
    for place, job in enumerate(jobs):
        values = {row[0]: row[4] for row in job["groups"][number]["rows"]}
        sizes = [values.get(name, 0) / 1e6 for name in names]
        colour = [JOB_COLOURS[place % len(JOB_COLOURS)]] * len(names)
        if len(jobs) == 1 and number == 0:
            colour = [palette.get(name, OTHERS) for name in names]
        at = [bar + (place - (len(jobs) - 1) / 2) * width for bar in range(len(names))]
        label = job["facts"]["job"] if len(jobs) > 1 else None
        bars = axes.barh(at, sizes, height=width * 0.9, color=colour, label=label)
        if len(jobs) <= 2:
            labels = [formats.time_text(size * 1e6) for size in sizes]
            axes.bar_label(bars, labels, padding=3, fontsize=9 if len(jobs) == 1 else 7)
    plot.prepared_axes(axes, "x", [0.5])
    shown = ["(without)" if name is None else name or "(empty)" for name in names]
    axes.set_yticks(range(len(names)), [texts.shown(name, LABEL_LENGTH) for name in shown])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.set_xlabel("seconds")
    axes.set_title(f"CPU time by {title}", loc="left", fontsize=10)
    if len(jobs) > 1:
        axes.legend(fontsize=8)
