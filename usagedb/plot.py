"""Write charts for reports into PNG and SVG files, with matplotlib (the extra `analysis`)."""

import contextlib
import logging
import warnings
from pathlib import Path

from usagedb import chart, errors
from usagedb.files import new_file_mode, whole_file

FORMATS = {".png": "png", ".svg": "svg"}
MOST_BARS = 150
MOST_TIME_LABELS = 8
LABEL_CHARACTERS = 64
DOTS_PER_INCH = 110
COLOURS = ("#1f5f99", "#b3541e")  # dark enough on white, and apart for the colour-blind
GRID_COLOUR = "#d9d9d9"
# Equal data give equal files: no random ids, no dates. A $ in a name is a $, not mathematics.
SETTINGS: dict = {
    "svg.hashsalt": "hpcusage",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,
    "figure.constrained_layout.w_pad": 0.12,  # inches
    "figure.constrained_layout.h_pad": 0.12,
}
METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def write_bar_plot(path, labels, values, title, value_label):
    """Write horizontal bars, the first on top, into a .png or .svg file, atomically.

    labels are texts from anywhere, values numbers; value_label says what they count. More than
    150 bars cannot be read: the first 150 are drawn and the title says so. Raises UsageError for
    another suffix, ConfigurationError without matplotlib, RefusedError or WriteError.
    """
    with drawing(path) as figure_class:
        shown = [chart.shortened(label, LABEL_CHARACTERS) for label in labels[:MOST_BARS]]
        heights = [float(value or 0) for value in values[:MOST_BARS]]
        if len(values) > MOST_BARS:
            title = f"{title} (the first {MOST_BARS} of {len(values):,})"
        figure = figure_class(figsize=(10, 1.6 + 0.26 * len(shown)), layout="constrained")
        axes = prepared_axes(figure.subplots(), "x", values[:MOST_BARS])
        bars = axes.barh(range(len(shown)), heights, height=0.7, color=COLOURS[0])
        axes.bar_label(bars, [chart.number_text(value) for value in heights], padding=3)
        axes.set_yticks(range(len(shown)), shown)
        axes.set_ylim(len(shown) - 0.4, -0.6)  # the first bar on top, no empty margin
        axes.set_xlabel(value_label)
        axes.set_xlim(0, scale_end(heights, 1.12))  # with room for the numbers
        finish(figure, path, title, shown)


def write_time_plot(path, labels, series, title):
    """Write columns over time into a .png or .svg file, atomically.

    labels are the points' texts in order, series a dict of one or two names, each with a value
    for every label (None: no column); each has a panel and a scale of its own. Raises UsageError
    for another suffix, ConfigurationError without matplotlib, RefusedError or WriteError.
    """
    with drawing(path) as figure_class:
        figure = figure_class(figsize=(10, 1.2 + 2.6 * len(series)), layout="constrained")
        panels = figure.subplots(len(series), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, values), colour in zip(panels, series.items(), COLOURS):
            prepared_axes(axes, "y", values)
            edges = [position - 0.5 for position in range(len(values) + 1)]
            heights = [float(value or 0) for value in values]
            axes.stairs(heights, edges, fill=True, color=colour)
            axes.set_ylabel(chart.shortened(name, LABEL_CHARACTERS))
            axes.set_ylim(0, scale_end(heights, 1.05))
        numbers = time_label_numbers(len(labels))
        shown = [chart.shortened(labels[number], chart.LONGEST_TIME_LABEL) for number in numbers]
        panels[-1].set_xticks(numbers, shown)
        figure.align_ylabels(panels)
        finish(figure, path, title, shown)


def write_scatter_plot(path, points, labels, axis_labels, title):
    """Write points into a .png or .svg file, atomically.

    points are (x, y), labels their texts or None, axis_labels what x and y are. Raises UsageError
    for another suffix, ConfigurationError without matplotlib, RefusedError or WriteError.
    """
    with drawing(path) as figure_class:
        figure = figure_class(figsize=(8, 6), layout="constrained")
        axes = figure.subplots()
        for direction, values in zip("xy", zip(*points) if points else ((), ())):
            prepared_axes(axes, direction, values)
        axes.grid(axis="both", color=GRID_COLOUR, linewidth=0.8)
        axes.scatter([x for x, _y in points], [y for _x, y in points], color=COLOURS[0], zorder=3)
        for (x, y), label in zip(points, labels or ()):
            text = chart.shortened(label, LABEL_CHARACTERS)
            axes.annotate(text, (x, y), xytext=(4, 4), textcoords="offset points", fontsize=8)
        axes.set_xlabel(axis_labels[0])
        axes.set_ylabel(axis_labels[1])
        finish(figure, path, title, points)


@contextlib.contextmanager
def drawing(path):
    """Give matplotlib's Figure class, with our settings and without its chatter on stderr.

    Raises UsageError or ConfigurationError before anything is drawn.
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise errors.UsageError(f"cannot plot to {path}: its name must end in .png or .svg")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise errors.ConfigurationError(
            "a plot needs matplotlib: install the extra: pip install 'hpcusage[analysis]'"
        ) from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of glyphs that the font lacks
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield Figure


def prepared_axes(axes, direction, values):
    """Return axes with a light grid, and whole numbers along x or y where the values are whole."""
    axes.grid(axis=direction, color=GRID_COLOUR, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axis = getattr(axes, f"{direction}axis")
    whole = all(value is None or value == int(value) for value in values)
    axis.get_major_locator().set_params(integer=whole)
    # Rounded, for a tick may be 0.30000000000000004.
    axis.set_major_formatter(lambda value, _: chart.number_text(round(value, 6)))
    return axes


def time_label_numbers(count):
    """Return the numbers of the labels below a time axis: at most eight, both ends included."""
    last = MOST_TIME_LABELS - 1
    return sorted({(count - 1) * part // last for part in range(last + 1)}) if count else []


def scale_end(heights, room):
    """Return the end of a scale from 0 that leaves some room beyond the largest value."""
    return room * max(heights, default=0) or 1


def finish(figure, path, title, shown):
    """Write a figure into a file, atomically. Raises RefusedError or WriteError."""
    path = Path(path)
    title = title if shown else f"{title} {chart.NO_DATA}"
    figure.suptitle(chart.shortened(title, LABEL_CHARACTERS + 16), fontsize=12)
    suffix = FORMATS[path.suffix.lower()]
    with whole_file(path, new_file_mode()) as file:
        figure.savefig(file, format=suffix, dpi=DOTS_PER_INCH, metadata=METADATA[suffix])
