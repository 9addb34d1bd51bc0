"""Delete the jobs of some days: what delete_old_records does with the tables of EPMT."""

from epmtlite import deletion, partial
from epmtlite.selection import Job
from usagedb import errors
from usagedb.retention import Purged

JOBS_PER_REPORT = 100


def purge(database, options, report):
    """Delete the jobs that began on some local days, or count them with dry_run.

    Jobs that models were made of stay; dry_run, with which delete_old_records always begins, warns
    of them. Commits job by job. Raises UsageError for an unknown cluster.
    """
    check_clusters(database, options.clusters)
    if not options.dry_run:
        partial.clean(database)
    jobs = deletion.without_models(
        database, jobs_of(database, options), is_told=not options.dry_run
    )
    purged = Purged()
    if jobs:
        purged.tables.append(("epmt_job", len(jobs)))
    processes = sum(job.num_procs for job in jobs)
    if processes:
        purged.tables.append(("epmt_process", processes))
    if not options.dry_run:
        for part in deletion.chunks(jobs, JOBS_PER_REPORT):
            deletion.delete_jobs(database, part)
            report(f"epmt_job: {len(part)} deleted, up to {part[-1].full_name()}")
    return purged


def check_clusters(database, names):
    """Raise UsageError for a cluster that has no jobs."""
    known = {row[0] for row in database.rows("SELECT DISTINCT cluster FROM epmt_job")}
    missing = sorted(set(names) - known)
    if missing:
        there = ", ".join(sorted(filter(None, known))) or "none"
        raise errors.UsageError(f"no cluster is called {missing[0]}: there are {there}")


def jobs_of(database, options):
    """Return the concerned Jobs, oldest first. Read-only."""
    sql = 'SELECT id, cluster, jobid, start, "end", num_procs FROM epmt_job'
    sql += " WHERE day BETWEEN ? AND ?"
    values = [options.first, options.last]
    if options.clusters:
        sql += f" AND cluster IN ({', '.join('?' * len(options.clusters))})"
        values += options.clusters
    query = database.dialect.in_quotes(f"{sql} ORDER BY day, id")
    return [Job(*row) for row in database.rows(query, values)]
