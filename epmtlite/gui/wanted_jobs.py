"""Which jobs a page asks for, and in which order."""

import datetime
from typing import NamedTuple, Optional

from epmtlite import filters, moments, selection
from epmtlite.analysis.errors import BadArgument
from epmtlite.query.arguments import value_errors

# What jobs can be sorted by, and the key of that.
ORDERS = {
    "start": "start", "end": "end", "job": "jobid", "user": "user", "cluster": "cluster",
    "duration": "duration", "cpu_time": "cpu_time", "num_procs": "num_procs",
    "peak_rss": "peak_rss", "exitcode": "exitcode",
}  # fmt: skip
USUAL_ORDER = "-start"


class Wanted(NamedTuple):
    """Conditions that all have to be met, and the order."""

    fltr: Optional[filters.Filter] = None
    tags: tuple = ()  # dictionaries; a job has all of them
    user: str = ""
    host: str = ""
    cluster: Optional[str] = None
    day: Optional[int] = None  # of the start, YYYYMMDD
    after: Optional[int] = None  # began since then, microseconds since the epoch
    before: Optional[int] = None  # ended until then
    order: str = USUAL_ORDER

    def is_scanned(self):
        """Tell whether each job has to be looked at, for what no database can be asked."""
        return bool(self.fltr or self.tags)


def wanted_of(asked):
    """Return the Wanted of a query. Raises BadArgument."""
    with value_errors():
        return Wanted(
            fltr=filters.parsed(asked.one("filter")) if asked.one("filter") else None,
            tags=tuple(selection.wanted_tags(text) for text in asked.all("tag")),
            user=asked.one("user"),
            host=asked.one("host"),
            cluster=next((value for key, value in asked.pairs if key == "cluster"), None),
            day=day_of(asked.one("day")),
            after=moments.microseconds_of(asked.one("after")) if asked.one("after") else None,
            before=moments.microseconds_of(asked.one("before")) if asked.one("before") else None,
            order=checked_order(asked.one("order", USUAL_ORDER)),
        )


def day_of(text):
    """Return YYYY-MM-DD as a number YYYYMMDD, None for ''. Raises BadArgument."""
    if not text:
        return None
    try:
        return int(datetime.datetime.strptime(text, "%Y-%m-%d").strftime("%Y%m%d"))
    except ValueError:
        raise BadArgument(f"day={text}: write YYYY-MM-DD") from None


def checked_order(order):
    """Return an order if it is one of ORDERS, with a - before it or not. Raises BadArgument."""
    if order.removeprefix("-") not in ORDERS:
        raise BadArgument(f"order={order}: one of {', '.join(ORDERS)}, or -start and so on")
    return order
