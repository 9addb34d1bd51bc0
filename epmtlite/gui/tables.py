"""Tables, which are shown as HTML, and written as CSV or JSON."""

import csv
import io
import itertools
import json
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple, Optional

from epmtlite import forms
from epmtlite.gui.markup import tag
from epmtlite.plot import texts
from usagedb.terminal import visible

LONGEST = 160  # characters of a text in a cell
# With one of these a text would be a formula of a spreadsheet: it is written with a ' before it.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class Column(NamedTuple):
    """A column of a table."""

    key: str  # of the dictionaries of rows
    title: str
    show: Optional[Callable] = None  # makes of a value, or with of_row of a row, what is shown
    is_number: bool = False
    of_row: bool = False
    sort: Optional[str] = None  # address of the page sorted by it
    sorted: Optional[str] = None  # ascending or descending, where it is by this column
    is_wide: bool = False
    is_hidden: bool = False  # its title, except for who does not see the page

    def shown(self, row):
        """Return what stands in the cell of a row."""
        value = row.get(self.key)
        if self.show:
            return self.show(row if self.of_row else value)
        return "" if value is None else texts.shown(value, LONGEST)


class Table(NamedTuple):
    """A table. Its rows are dictionaries of plain values."""

    name: str  # in addresses, and of the file
    title: str
    columns: tuple
    rows: Iterable
    note: Any = None  # shown above it
    empty: str = "There is nothing to show."
    form: str = ""  # "cards": on narrow screens a row is a block of its own
    download: str = ""  # address of it as CSV
    below: Optional[Callable] = None  # makes of a row what stands below it, over all columns
    written: tuple = ()  # keys in files, by default those of the columns

    def keys(self):
        """Return the keys of its columns in files."""
        return self.written or tuple(dict.fromkeys(column.key for column in self.columns))


def element(table):
    """Return a table as HTML."""
    rows = list(table.rows)
    if not rows:
        return tag("p", table.empty, class_="muted")
    head = tag("tr", [heading(column) for column in table.columns])
    body = [rows_of(table, row) for row in rows]
    caption = tag("caption", table.title, class_="hidden")
    whole = tag("table", caption, tag("thead", head), tag("tbody", body), class_=table.form)
    return tag(
        "div", whole, class_="scroll", tabindex="0", role="region", aria_label=table.title
    )  # so that keys can scroll it


def rows_of(table, row):
    """Return the row of a table, and the one below it with what needs more room."""
    cells = [cell(column, row) for column in table.columns]
    more = table.below and table.below(row)
    if not more:
        return tag("tr", cells)
    wide = tag("td", more, colspan=len(cells) - 1)
    return [tag("tr", cells, class_="above"), tag("tr", tag("td"), wide, class_="below")]


def heading(column):
    """Return the cell at the head of a column."""
    shown = column.title
    if column.sort:
        arrow = {"ascending": " \u25b2", "descending": " \u25bc"}.get(column.sorted or "", "")
        shown = tag("a", column.title, tag("span", arrow, aria_hidden="true"), href=column.sort)
    if column.is_hidden:
        shown = tag("span", column.title, class_="hidden")
    return tag("th", shown, scope="col", class_=class_of(column), aria_sort=column.sorted)


def cell(column, row):
    """Return a cell."""
    return tag("td", column.shown(row), class_=class_of(column), data_label=column.title)


def class_of(column):
    """Return the class of the cells of a column."""
    return "number" if column.is_number else "wide" if column.is_wide else None


def csv_chunks(table):
    """Yield a table as CSV, UTF-8, a line at a time."""
    keys, rows = table.keys(), iter(table.rows)
    first = list(itertools.islice(rows, 1))  # what is wrong is known before anything is sent
    yield csv_line(keys)
    for row in itertools.chain(first, rows):
        yield csv_line(csv_cell(row.get(key)) for key in keys)


def csv_line(cells):
    """Return a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def csv_cell(value):
    """Return a value as it stands in a file that a spreadsheet may open."""
    value = forms.plain(value)
    if isinstance(value, (dict, list)):
        value = json.dumps(value, sort_keys=True, default=str)
    if not isinstance(value, str):
        return value
    return visible(f"'{value}" if value.startswith(FORMULAS) else value)


def json_rows(table):
    """Return the rows of a table as plain data."""
    keys = table.keys()
    return [{key: forms.plain(row.get(key)) for key in keys} for row in table.rows]
