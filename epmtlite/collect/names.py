"""The names of the files of a job, as EPMT and papiex have them."""

import fnmatch
import os

from epmtlite.collect import errors

METADATA = "job_metadata"
ROOM_PREFIX = ".epmt-room-"  # of files that a collector removes at its end
STARTED = "job_metadata.tmp"
DATA_PATTERN = "*-papiex*.[ct]sv"
KEY = "papiex"
HEADER_KEY = "papiex-header"
UNKNOWN_HOST = "unknown"


def host_of(name):
    """Return the host in the name of a data or header file, "unknown" without one.

    Raises MalformedError for a name that does not hold "papiex" exactly once.
    """
    base = os.path.basename(name)
    if base.count(KEY) != 1:
        raise errors.MalformedError(f"the name {name} should hold {KEY} once")
    host = base[: base.index(KEY)].replace("-collated-", "")
    return host.rstrip("-") or UNKNOWN_HOST


def is_header(base):
    """Tell whether a base name is that of a header of version 2."""
    return HEADER_KEY in base and base.endswith(".tsv") and not base.startswith(".")


def is_data(base, pattern=DATA_PATTERN):
    """Tell whether a base name is that of a data file; pattern as in the settings."""
    is_hidden = base.startswith(".")
    return fnmatch.fnmatchcase(base, pattern) and not is_hidden and HEADER_KEY not in base


def is_rest(base):
    """Tell whether a base name is that of a file that epmt leaves when it is killed."""
    is_header_to_be = f"{HEADER_KEY}.tsv." in base
    return base == STARTED or base.startswith((ROOM_PREFIX, f".{METADATA}.")) or is_header_to_be


def kind_of(base):
    """Return "v1" or "v2" for a data file."""
    return "v2" if base.endswith(".tsv") else "v1"


def data_name(host):
    """Return the name of the data file of version 2 of a host."""
    return f"{host}-papiex.tsv"


def header_name(host):
    """Return the name of the header file of version 2 of a host."""
    return f"{host}-papiex-header.tsv"


def collated_name(host, job_id, number=0):
    """Return the name of a file that has all the rows of version 1 of a job; number tells it from
    others."""
    return f"{host}-collated-papiex-{job_id}-{number}.csv"


def some_of(found, most):
    """Return the first of some names for a message, and how many more there are."""
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
