"""Delete and retire jobs and models, and tell how far jobs are processed."""

from epmtlite import care, deletion, recompute
from epmtlite import jobs as job_reader
from epmtlite.analysis.errors import CannotAnalyze
from epmtlite.query import arguments, session
from epmtlite.query.jobs import shown
from epmtlite.selection import JobFilter


def delete_jobs(
    jobs, force=False, before=None, after=None, warn=True, remove_models=False, limit=None,
    offset=0, skip_unprocessed=False, dry_run=False, fltr=None,
):  # fmt: skip
    """Delete jobs and return how many. Commits job by job.

    jobs: as in get_jobs; [] stands for all. before, after, limit, offset, fltr: which of them. More
    than one are deleted only with force. Jobs that models were made of stay, with a warning, unless
    remove_models deletes these, too. With dry_run nothing is deleted. warn and skip_unprocessed: as
    EPMT has them; here no job waits for anything. Raises CannotAnalyze (a RuntimeError) for several
    jobs without force, or BadArgument.
    """
    database = session.current()
    wanted = JobFilter(
        jobs=arguments.names_of(jobs), before=arguments.moment(before),
        after=arguments.moment(after), limit=arguments.count_of("limit", limit) or None,
        offset=arguments.count_of("offset", offset) or 0, fltr=arguments.condition(fltr),
    )  # fmt: skip
    found = arguments.selected(database, wanted)
    if len(found) > 1 and not force and not dry_run:
        raise CannotAnalyze(f"{len(found)} jobs would be deleted: say force=True")
    if dry_run:
        return len(found if remove_models else deletion.without_models(database, found))
    found = deletion.without_models(database, found, remove_models)
    return deletion.delete_jobs(database, found)


def retire_jobs(ndays=None, skip_unprocessed=False, dry_run=False):
    """Delete the jobs that ended more than ndays days ago, by default retire_jobs_ndays of the
    settings, and return how many; 0: none. Commits job by job. skip_unprocessed: as in delete_jobs.
    """
    settings = session.settings()
    days = settings.retire_jobs_ndays if ndays is None else ndays
    return care.retire(session.current(), days, settings.retire_jobs_per_delete_max, dry_run)


def retire_refmodels(ndays=None, dry_run=False):
    """Delete the models that were made more than ndays days ago, by default retire_models_ndays of
    the settings, and return how many; 0: none. Commits."""
    days = session.settings().retire_models_ndays if ndays is None else ndays
    return care.retire_models(session.current(), days, dry_run)


def get_unprocessed_jobs():
    """Return the ids of jobs that wait for post-processing: none, for it is done before a job can
    be seen. As EPMT has it."""
    return []


def get_unanalyzed_jobs(jobs=None, analyses_filter=None, fmt="terse"):
    """Return the jobs, of some or of all, about which no analysis has found anything. Read-only.

    analyses_filter: analyses, as in get_jobs; then the jobs that have not got these. Raises what
    get_jobs raises.
    """
    arguments.checked_form(fmt)
    database = session.current()
    found = arguments.selected(database, JobFilter(jobs=arguments.names_of(jobs)))
    if analyses_filter:
        wanted = arguments.mapping(analyses_filter)
        having = {one.number for one in arguments.selected(database, JobFilter(analyses=wanted))}
        found = [job for job in found if job.number not in having]
    else:
        found = job_reader.unanalyzed(database, found)
    return shown(database, found, fmt)


def post_process_jobs(jobs, check=True):
    """Add up the processes of jobs anew, and return the ids of those that were processed.

    With check, jobs that are processed stay as they are: all are, from the moment they are stored,
    so that is []. Without, each is computed again from its threads, and what differs is written.
    Commits. Raises MissingJob or BadArgument.
    """
    database = session.current()
    found = arguments.chosen_jobs(database, jobs)
    if check:
        return []
    for job in found:
        recompute.recompute(database, job)
    return job_reader.job_names(database, found)


def is_job_post_processed(job):
    """Tell whether a job is post-processed: each is that is there. Read-only. Raises MissingJob."""
    return bool(arguments.one_job(session.current(), job))


def compute_process_trees(jobs):
    """Make the process trees of jobs anew, from what each process says of its parent. Commits.

    Each job has its tree from the moment it is stored. Raises MissingJob or BadArgument.
    """
    database = session.current()
    for job in arguments.chosen_jobs(database, jobs):
        recompute.rebuild_tree(database, job)


def is_job_in_staging(job):
    """Tell whether the processes of a job wait to be moved: none do here. Raises MissingJob."""
    arguments.one_job(session.current(), job)
    return False


def get_job_staging_ids(job):
    """Return the ids of processes that wait to be moved: (). Raises MissingJob."""
    arguments.one_job(session.current(), job)
    return ()
