"""Delete old documents of the outbox, those that were set aside too."""

from usagedb.retention import Keeper, Purged, moments_of


def purge(database, options, report):
    """Delete the documents that were collected on some days, or count them. Commits."""
    where = "FROM afmetrics_document WHERE collected_at >= ? AND collected_at < ?"
    moments = moments_of(options)
    if options.dry_run:
        rows = database.rows(f"SELECT COUNT(*) {where}", moments)[0][0]  # noqa: S608
    else:
        rows = database.execute(f"DELETE {where}", moments)  # noqa: S608
        report(f"afmetrics_document: {rows} deleted")
    return Purged([("afmetrics_document", rows)] if rows else [])


def opened(places):
    """Return the context manager of the outbox's Database; see afcollect/person.py."""
    from afcollect.person import opened as opened_outbox

    return opened_outbox(places)


KEEPER = Keeper("outbox", opened, purge)
