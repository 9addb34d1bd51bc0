"""Delete old rows of the portal's own tables, registered for delete_old_records."""

from usagedb.retention import Keeper


def opened(places):
    """Return the context manager of what deletes; see userportal/person.py."""
    from userportal.person import opened as opened_portal

    return opened_portal(places)


def purge(_store, options, report):
    """Delete old job scripts, notes that were marked as deleted, changes, and what has expired."""
    from userportal.records import old_rows

    return old_rows.purge(options, report)


KEEPER = Keeper("portal", opened, purge)
