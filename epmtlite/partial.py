"""Jobs that are in the database in part: taken out of sight first, then removed in steps.

A job counts only if it has its row in epmt_job. One that is too large for one transaction is
stored, or deleted, while it has none, but one in epmt_partial: what is killed in between leaves
that behind, and the rows it names.
"""

import logging
import time

from usagedb import errors
from usagedb.database import with_conflict_retries
from usagedb.dialects.base import INTEGER, SECONDS
from usagedb.locks import only_one

logger = logging.getLogger(__name__)

# Held by who stores a large job: while it is, a row of epmt_partial may be that job.
LOCK = "epmt_partial"
PROCESSES_PER_STEP = 20_000
ANY_TIME = 1e18  # later than any
STEP_SECONDS = 900  # the longest time between two steps of who stores a large job
COLUMNS = (("job_id", INTEGER), ("begun_at", SECONDS))
# What hangs on a job, besides its processes.
SMALL_TABLES = ("epmt_job_host", "epmt_process_tags", "epmt_metric_names")


def note(database, job_id):
    """Say that a job is there in part. Inside the caller's transaction."""
    database.insert_rows("epmt_partial", COLUMNS, [(job_id, time.time())], key=("job_id",))


def claim(database, job_id):
    """Keep others from removing a job in part until the caller's transaction ends.

    Raises UnavailableError if somebody removes it, or has done so.
    """
    now = time.time()
    sql = (
        "UPDATE epmt_partial SET begun_at = CASE WHEN begun_at + 1 < ? THEN ? ELSE begun_at + 1 END"
        " WHERE job_id = ? AND begun_at > 0"
    )
    if database.execute(sql, (now, now, job_id)) != 1:
        raise errors.UnavailableError(
            f"{database.config.describe()}: another run took the lock while the connection was"
            " lost: try again"
        )


def condemn(database, job_id):
    """Say that a job in part is being removed, so that nobody can claim it any more. Commits.

    Return False if it is not in part: then it has become whole, or is gone.
    """
    sql = "UPDATE epmt_partial SET begun_at = -ABS(begun_at) - 1 WHERE job_id = ?"
    with database.transaction():
        return database.execute(sql, (job_id,)) == 1


def forget(database, job_id):
    """Say that a job is whole, or gone. Inside the caller's transaction."""
    database.execute("DELETE FROM epmt_partial WHERE job_id = ?", (job_id,))


def remove(database, job_id):
    """Remove what there is of a job in part; one that became whole stays. Commits step by step."""
    if not with_conflict_retries(lambda: condemn(database, job_id)):
        return
    while with_conflict_retries(lambda: remove_some(database, job_id)):
        pass


def remove_some(database, job_id):
    """Remove some processes of a job, and the rest with the last; tell whether some are left."""
    with database.transaction():
        found = database.rows(
            f"SELECT id FROM epmt_process WHERE job_id = ? ORDER BY id LIMIT {PROCESSES_PER_STEP}",  # noqa: S608
            (job_id,),
        )
        if found:
            sql = "DELETE FROM epmt_process WHERE id BETWEEN ? AND ?"
            database.execute(sql, (found[0][0], found[-1][0]))
            return True
        delete_small(database, job_id)
        forget(database, job_id)
        return False


def delete_small(database, job_id):
    """Delete what hangs on a job, but its processes. Inside the caller's transaction."""
    for table in SMALL_TABLES:
        database.execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))  # noqa: S608


def remove_all(database):
    """Remove all jobs that are there in part, while no large job is being stored; return how many.

    Who stores large jobs holds LOCK. Where that is a lock of one node of several, a job that was
    written to of late stays. Commits step by step.
    """
    wide = database.dialect.has_wide_locks(database)
    until = ANY_TIME if wide else time.time() - STEP_SECONDS
    sql = "SELECT job_id FROM epmt_partial WHERE begun_at <= ? ORDER BY job_id"
    found = [row[0] for row in database.rows(sql, (until,))]
    for job_id in found:
        remove(database, job_id)
        logger.info("removed what a stopped run had left of job number %s", job_id)
    return len(found)


def clean(database):
    """Remove what stopped runs have left, unless a large job is being stored just now."""
    if not database.rows("SELECT job_id FROM epmt_partial LIMIT 1"):
        return
    try:
        with only_one(database, LOCK):
            remove_all(database)
    except errors.UnavailableError as error:
        logger.info("what stopped runs have left stays until the next time: %s", error)
