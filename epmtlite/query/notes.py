"""What is noted about jobs: tags, annotations, analyses."""

from collections.abc import Mapping

from epmtlite import annotations as store
from epmtlite.analysis.errors import BadArgument
from epmtlite.query import arguments, session
from epmtlite.query.jobs import conv_jobs


def tag_job(jobid, tag, replace=False):
    """Add tags, a text k1:v1;k2:v2 or a dictionary, to a job; with replace instead of the old ones.

    Returns the tags. Commits. Raises MissingJob (a KeyError) or BadArgument.
    """
    database = session.current()
    store.tag(database, arguments.one_job(database, jobid), arguments.one_tag(tag), replace)
    return field(jobid, "tags")


def field(jobid, key):
    """Return what stands under a key of a job. Read-only. Raises MissingJob."""
    (job,) = conv_jobs(arguments.one_job(session.current(), jobid))
    return job[key]


def annotate_job(jobid, annotation, replace=False):
    """Add annotations, a dictionary of plain data or a text k1:v1;k2:v2, to a job; with replace
    instead of the old ones.

    EPMT_JOB_TAGS among them become the tags of the job. Returns the annotations. Commits. Raises
    what tag_job raises.
    """
    database = session.current()
    job = arguments.one_job(database, jobid)
    added = annotation if isinstance(annotation, Mapping) else arguments.one_tag(annotation)
    store.annotate(database, job, added, replace)
    return get_job_annotations(job)


def get_job_annotations(jobid):
    """Return the annotations of a job, a dictionary. Read-only. Raises MissingJob."""
    return field(jobid, "annotations")


def remove_job_annotations(jobid):
    """Remove all annotations of a job, and return {}. Commits. Raises MissingJob."""
    return annotate_job(jobid, {}, replace=True)


def set_job_analyses(jobid, analyses, replace=False, size_limit=store.MOST_ANALYSES_BYTES):
    """Add what analyses found, a dictionary of plain data, to a job; with replace instead of the
    old. size_limit is in bytes of JSON.

    Returns the analyses. Commits. Raises what tag_job raises.
    """
    if not isinstance(analyses, Mapping):
        raise BadArgument(f"{analyses!r}: analyses are a dictionary")
    database = session.current()
    job = arguments.one_job(database, jobid)
    store.set_analyses(database, job, analyses, replace, size_limit)
    return get_job_analyses(job)


def get_job_analyses(jobid):
    """Return what analyses found about a job, a dictionary. Read-only. Raises MissingJob."""
    return field(jobid, "analyses")


def remove_job_analyses(jobid):
    """Remove what analyses found about a job, and return {}. Commits. Raises MissingJob."""
    return set_job_analyses(jobid, {}, replace=True)
