"""Delete old rows of usage_run; the last run of each command on each host stays."""

from usagedb import errors
from usagedb.database import marks, with_conflict_retries
from usagedb.retention import Purged, moments_of

ROWS_PER_STEP = 1000


def purge(database, options, report):
    """Delete the rows of some days, or count them with dry_run. Commits step by step.

    Those that the status of a command is read from stay, however old. Raises UsageError for
    clusters, of which a run knows nothing.
    """
    if options.clusters:
        raise errors.UsageError("--syshost is not for --schema usage")
    last = "SELECT MAX(run_id) FROM usage_run GROUP BY command, host"
    kept = {row[0] for row in database.rows(last)}
    sql = "SELECT run_id FROM usage_run WHERE started_at >= ? AND started_at < ? ORDER BY run_id"
    found = [row[0] for row in database.rows(sql, moments_of(options)) if row[0] not in kept]
    for start in range(0, len(found) if not options.dry_run else 0, ROWS_PER_STEP):
        part = found[start : start + ROWS_PER_STEP]
        remove = f"DELETE FROM usage_run WHERE run_id IN ({marks(part)})"  # noqa: S608
        with_conflict_retries(lambda remove=remove, part=part: database.execute(remove, part))
        report(f"usage_run: {len(part)} deleted")
    return Purged([("usage_run", len(found))] if found else [])
