"""The tables of EPMT, registered for createDB, delete_old_records and usage_status."""

from usagedb.schema import Schema

DEFAULT_DBNAME = "epmt"


def purge(database, options, report):
    """Delete old jobs; see epmtlite/purge.py."""
    from epmtlite import purge as module

    return module.purge(database, options, report)


EPMT = Schema("epmt", "epmt.sql", purge=purge, default_dbname=DEFAULT_DBNAME)
