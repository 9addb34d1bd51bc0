"""Draw charts for reports out of characters, for a terminal."""

import math
import unicodedata
from decimal import Decimal
from fractions import Fraction

from usagedb.terminal import visible

MINIMUM_WIDTH = 40
NO_DATA = "(no data)"

# Eighths of a character cell: from the left for bars, from the bottom for columns.
BAR_EIGHTHS = " ▏▎▍▌▋▊▉█"
COLUMN_EIGHTHS = " ▁▂▃▄▅▆▇█"
# In ASCII a cell is empty or full; eight steps keep the same arithmetic.
ASCII_EIGHTHS = "    #####"
EIGHTHS = 8

LONGEST_PLAIN_NUMBER = len("999,999,999,999")
WIDEST_COLUMN = 6
LONGEST_TIME_LABEL = 16


def bar_chart(labels, values, width, title="", ascii_only=False):
    """Return horizontal bars: a line per label with its value and a bar, at most `width` wide.

    labels are texts from anywhere, values numbers of any size (None counts as 0; a bar never
    goes below 0); width is that of the terminal, at least 40 is used. Long labels are shortened
    in the middle. No data gives the title and "(no data)". There is no newline at the end.
    """
    width = max(width, MINIMUM_WIDTH)
    lines = heading(title, width, ascii_only)
    labels = [plain(label, ascii_only) for label in labels]
    values = [value or 0 for value in values]
    if not values:
        return "\n".join([*lines, NO_DATA])
    numbers = [number_text(value) for value in values]
    number_width = max(map(len, numbers))
    label_width = min(max(map(text_width, labels)), width - number_width - 3 - width // 4)
    bar_width = width - label_width - number_width - 3
    largest = max(map(positive, values))
    for label, value, number in zip(labels, values, numbers):
        label = shortened(label, label_width, ascii_only)
        label += " " * (label_width - text_width(label))
        bar = bar_of(positive(value), largest, bar_width, ascii_only)
        lines.append(f"{label}  {number.rjust(number_width)} {bar}".rstrip())
    return "\n".join(lines)


def bar_of(value, largest, width, ascii_only):
    """Return a bar whose full width stands for the largest value; what is not 0 can be seen."""
    eighths = eighths_of(value, largest, width)
    if ascii_only:
        return "#" * max(round(eighths / EIGHTHS), 1 if eighths else 0)
    full, rest = divmod(eighths, EIGHTHS)
    return BAR_EIGHTHS[-1] * full + BAR_EIGHTHS[rest].strip()


def time_chart(labels, series, width, height=12, title="", ascii_only=False):
    """Return columns over time, at most `width` wide, one panel under the other for each series.

    labels are the points' texts (days, weeks …) in order; series a dict of one or two names, each
    with a value for every label (None: no column). The series share the x axis and have scales of
    their own; height is the number of lines of all columns together. More points than columns are
    joined by maximum, and the chart says so. There is no newline at the end.
    """
    width = max(width, MINIMUM_WIDTH)
    lines = heading(title, width, ascii_only)
    if not labels or not series:
        return "\n".join([*lines, NO_DATA])
    tops = {name: scale_top(values) for name, values in series.items()}
    axis_width = max(len(text) for top in tops.values() for text in axis_texts(top))
    column_count = width - axis_width - 2
    step = -(-len(labels) // column_count)
    shown = [shortened(label, LONGEST_TIME_LABEL, ascii_only) for label in labels[::step]]
    column_width = width_of_columns(shown, column_count)
    panel_height = max(3, height // len(series))
    axis, below = x_axis(shown, column_width, axis_width, column_count, ascii_only)
    for name, values in series.items():
        columns = joined(values, step)
        lines.append(shortened(name, width, ascii_only))
        lines += panel(columns, tops[name], panel_height, axis_width, column_width, ascii_only)
        lines.append(axis)
    lines.append(below)
    if step > 1:
        lines.append(f"(each column: maximum of {step} points)")
    return "\n".join(lines)


def width_of_columns(labels, column_count):
    """Return how wide each column is: as wide as all the labels need, or else what there is."""
    width = column_count // len(labels)
    label_width = max(map(len, labels)) + 2
    return label_width if width >= label_width else max(1, min(WIDEST_COLUMN, width))


def joined(values, step):
    """Return the maximum of every `step` values; None where all are None."""
    groups = [values[start : start + step] for start in range(0, len(values), step)]
    return [max((value for value in group if value is not None), default=None) for group in groups]


def panel(columns, top, height, axis_width, column_width, ascii_only):
    """Return the lines of one series: the y axis and the columns, from the top down."""
    eighths = [eighths_of(positive(value or 0), top, height) for value in columns]
    labels = y_labels(top, height)
    glyphs = ASCII_EIGHTHS if ascii_only else COLUMN_EIGHTHS
    lines = []
    for row in range(height):
        below = (height - 1 - row) * EIGHTHS
        cells = [glyphs[min(max(filled - below, 0), EIGHTHS)] for filled in eighths]
        if ascii_only and not below:
            cells = ["#" if filled else " " for filled in eighths]
        text = "".join(spread(cell, column_width) for cell in cells)
        tick = ("+" if ascii_only else "┤") if row in labels else ("|" if ascii_only else "│")
        lines.append(f"{labels.get(row, '').rjust(axis_width)} {tick}{text}".rstrip())
    return lines


def spread(cell, column_width):
    """Return a cell over the width of a column; wide columns get a gap."""
    return cell if column_width == 1 else cell * (column_width - 1) + " "


def y_labels(top, height):
    """Return the labels of the y axis by row: the top, and half of it where a row ends there."""
    texts = axis_texts(top)
    labels = {0: texts[0]}
    if height % 2 == 0 and len(texts) > 1:
        labels[height // 2] = texts[1]
    return labels


def axis_texts(top):
    """Return the texts of the top of a scale and, unless it is 1, of its half."""
    return [number_text(top)] + ([number_text(top / 2)] if top > 1 else [])


def x_axis(labels, column_width, axis_width, width, ascii_only):
    """Return the axis line with its ticks, and below it the labels that have room."""
    rule, tick, corner = ("-", "+", "+") if ascii_only else ("─", "┬", "└")
    line, below = [rule] * (len(labels) * column_width), [" "] * width
    for number, start in placed(labels, column_width, width).items():
        line[number * column_width] = tick
        below[start : start + len(labels[number])] = labels[number]
    axis = f"{'0'.rjust(axis_width)} {corner}{''.join(line)}"
    return [axis, (" " * (axis_width + 2) + "".join(below)).rstrip()]


def placed(labels, column_width, width):
    """Return where labels start, by their number: as many as fit at even distances."""
    places: dict = {}
    for level in levels(len(labels)):
        trial = dict(places)
        for number in level:
            trial[number] = max(0, min(number * column_width, width - len(labels[number])))
        ends = [(start, start + len(labels[number]) + 2) for number, start in trial.items()]
        ends.sort()
        if any(start < end for (_, end), (start, _) in zip(ends, ends[1:])):
            break
        places = trial
    return places


def levels(count):
    """Yield numbers below `count`, the most wanted first: both ends, the middle, quarters …"""
    yield [0]
    parts = 1
    while parts < count:
        yield sorted({(count - 1) * part // parts for part in range(parts + 1)})
        parts *= 2


def heading(title, width, ascii_only):
    """Return the lines of a title: one or none."""
    return [shortened(title, width, ascii_only)] if title else []


def scale_top(values):
    """Return the end of a scale for these values: a round number with a round half."""
    largest = max((positive(value or 0) for value in values), default=0)
    if not largest:
        return Fraction(1)
    power = Fraction(10 ** (len(str(int(largest))) - 1))
    while power > largest:
        power /= 10
    steps = (1, 2, 3, 4, 5, 6, 8, 10) if power >= 10 else (1, 2, 4, 6, 8, 10)
    return next(power * step for step in steps if power * step >= largest)


def positive(value):
    """Return a number as a fraction, exact at any size; 0 for what has no length to draw."""
    if isinstance(value, float) and not math.isfinite(value):
        return Fraction(0)
    return max(Fraction(value), Fraction(0))


def eighths_of(value, top, cells):
    """Return how many eighths of `cells` cells a value fills; at least one if it is not 0."""
    if not value or not top:
        return 0
    return min(max(int(value / top * cells * EIGHTHS + Fraction(1, 2)), 1), cells * EIGHTHS)


def number_text(value):
    """Return a number for people: thousands separators, and 1.23e+45 where that is too long."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value == int(value):
        text = f"{int(value):,}"
        return text if len(text) <= LONGEST_PLAIN_NUMBER else f"{Decimal(int(value)):.2e}"
    return f"{float(value):,.2f}" if abs(value) >= 0.01 else f"{float(value):.2g}"


def plain(text, ascii_only):
    """Return a text without what disturbs a terminal, and in ASCII if asked."""
    text = visible(text)
    return text.encode("ascii", "replace").decode() if ascii_only else text


def shortened(text, width, ascii_only=False):
    """Return a plain text cut in the middle to a width; the end, with the version, keeps more."""
    text = plain(text, ascii_only)
    if text_width(text) <= width:
        return text
    mark = "..." if ascii_only else "…"
    head_width = (width - len(mark)) // 3
    head, tail = text[:head_width], text[-width:]
    while text_width(head) > head_width:
        head = head[:-1]
    tail_width = width - len(mark) - head_width
    while text_width(tail) > tail_width or (tail and not character_width(tail[0])):
        tail = tail[1:]
    return head + mark + tail


def text_width(text):
    """Return how many cells of a terminal a text takes: wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(map(character_width, text))


def character_width(character):
    """Return the cells of one character: 0, 1 or 2."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
