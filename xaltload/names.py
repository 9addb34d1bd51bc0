"""What the name of a record's file says: <kind>.<syshost>.<date>.<user>.<…>.<uuid>.json."""

import re
from typing import NamedTuple

# The date is local time; its fraction has four digits, in pkg names fewer, in 2017 none.
NAME = re.compile(
    r"(?P<kind>link|run|pkg)\.(?P<syshost>.+?)"
    r"(?:\.(?P<date>\d{4}(?:_\d\d){5}(?:_\d{1,4})?)(?:\.(?P<user>.+?))??)?"
    r"(?:\.(?P<phase>aaa|zzz))?\.(?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"(?:\.(?P<serial>[0-9a-fA-F]{12}))?\.json"
)


class RecordName(NamedTuple):
    """The parts of a record's file name; '' for what it does not say."""

    kind: str  # link, run or pkg
    syshost: str
    date: str  # local time, YYYY_MM_DD_HH_MM_SS_ffff
    user: str
    phase: str  # of a run: aaa at its start, zzz at its end
    uuid: str


def parse_name(name):
    """Return the RecordName of a file name, or None if it is that of no record."""
    found = NAME.fullmatch(name)
    if not found:
        return None
    parts = found.groupdict(default="")
    return RecordName(
        parts["kind"], parts["syshost"], parts["date"], parts["user"], parts["phase"],
        parts["uuid"].lower(),
    )  # fmt: skip
