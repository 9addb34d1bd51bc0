"""The protocol of DataTables: what a table in a page asks for, and how it is answered."""

import re
from typing import NamedTuple

from rest_framework.exceptions import ParseError

from userportal.api.job_rows import FIELDS
from userportal.slurm.page_queries import LARGEST_OFFSET, MOST_ON_PAGE

# What a column may be called, and what is sorted by for it; "" cannot be sorted by.
ORDERS = {
    **{name: name for name in FIELDS},
    "get_state_display": "state", "state": "state", "nodes": "", "username": "id_user",
    "elapsed_seconds": "", "used": "", "": "", "null": "",
}  # fmt: skip
USUAL_ORDER = "-time_start"
DEFAULT_LENGTH = 10
LARGEST_DRAW = 2**53 - 1  # of JavaScript's integers
LONGEST_SEARCH = 200
MOST_COLUMNS = 50
NUMBER = re.compile(r"-?[0-9]{1,16}", re.ASCII)
PARAMETER = re.compile(
    r"draw|start|length|_|search\[(value|regex|fixed)\]"
    r"|(order|columns)\[[0-9]{1,2}\]\[\w{1,20}\](\[\w{1,20}\])?",
    re.ASCII,
)


class TableRequest(NamedTuple):
    """What a table asks for."""

    draw: int
    start: int
    length: int
    text: str  # that is searched for
    order: str  # a column with - before it for descending


def is_parameter(name):
    """Tell whether a parameter is one of the protocol."""
    return bool(PARAMETER.fullmatch(name))


def table_request(parameters):
    """Return the TableRequest of a query. Raises ParseError."""
    length = number_in(parameters, "length", DEFAULT_LENGTH, -1, LARGEST_DRAW)
    return TableRequest(
        number_in(parameters, "draw", 0, 0, LARGEST_DRAW),
        number_in(parameters, "start", 0, 0, LARGEST_OFFSET),
        MOST_ON_PAGE if length == -1 else min(length, MOST_ON_PAGE),
        searched(parameters),
        order_in(parameters),
    )


def number_in(parameters, name, default, lowest, highest):
    """Return a whole number of a query. Raises ParseError."""
    text = parameters.get(name, "").strip()
    if not text:
        return default
    if not NUMBER.fullmatch(text) or not lowest <= int(text) <= highest:
        raise ParseError(f"{name}: a whole number from {lowest} to {highest}")
    return int(text)


def searched(parameters):
    """Return the text that is searched for. Raises ParseError."""
    text = parameters.get("search[value]", "").strip()
    if len(text) > LONGEST_SEARCH:
        raise ParseError(f"search[value]: at most {LONGEST_SEARCH} characters")
    return text


def order_in(parameters):
    """Return what a table is sorted by: the first of its orders. Raises ParseError."""
    for name, value in parameters.items():
        if re.fullmatch(r"columns\[[0-9]{1,2}\]\[data\]", name) and value not in ORDERS:
            raise ParseError(f"{name}: one of {', '.join(FIELDS)}")
    if "order[0][column]" not in parameters:
        return USUAL_ORDER
    number = number_in(parameters, "order[0][column]", 0, 0, MOST_COLUMNS)
    column = parameters.get(f"columns[{number}][data]", "")
    order = ORDERS.get(column, "")
    direction = parameters.get("order[0][dir]", "asc")
    if not order:
        raise ParseError(f"order[0][column]: jobs cannot be sorted by {column[:40]!r}")
    if direction not in ("asc", "desc"):
        raise ParseError("order[0][dir]: asc or desc")
    return f"-{order}" if direction == "desc" else order


def table_answer(asked, total, filtered, rows):
    """Return what a table is answered with."""
    return {"draw": asked.draw, "recordsTotal": total, "recordsFiltered": filtered, "data": rows}
