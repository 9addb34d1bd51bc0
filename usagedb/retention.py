"""What a tool needs to know to delete its old rows, and what it answers."""

import dataclasses
import datetime
from typing import Any

from usagedb.dates import date_of

ENTRY_POINT_GROUP = "hpcusage.retention"


@dataclasses.dataclass(frozen=True)
class PurgeOptions:
    """Which rows are old: local days from first to last (YYYYMMDD, inclusive)."""

    first: int
    last: int
    clusters: tuple = ()  # names; none: all clusters
    dry_run: bool = False
    anonymize: bool = False  # replace names of people instead of deleting rows


def moments_of(options):
    """Return the first moment of the days of PurgeOptions, and the first after them.

    In seconds since the epoch; the days are local ones of this machine.
    """
    first, last = date_of(options.first), date_of(options.last) + datetime.timedelta(days=1)
    return [datetime.datetime.combine(day, datetime.time()).timestamp() for day in (first, last)]


@dataclasses.dataclass
class Purged:
    """What was deleted, or would be: (table, rows) pairs."""

    tables: list = dataclasses.field(default_factory=list)

    def describe(self):
        """Return one line for a person."""
        return ", ".join(f"{rows} rows of {table}" for table, rows in self.tables) or "nothing"


@dataclasses.dataclass(frozen=True)
class Keeper:
    """Data that are in no table of a Schema, registered under `hpcusage.retention`."""

    name: str
    opened: Any  # opened(usagedb.person.Places) -> context manager of the store, or of None
    purge: Any  # purge(store, options, report) -> Purged
