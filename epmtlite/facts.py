"""What the metadata of a job say about it, checked: everything but its processes."""

import json
from typing import NamedTuple

from epmtlite.collect import errors, job, metadata, tags
from epmtlite.zones import zone_of

TAGS_ANNOTATION = tags.ANNOTATION
MOST_NAME_CHARACTERS = 255
SMALLEST, LARGEST = -(1 << 31), (1 << 31) - 1
# Taken over as they are where the metadata have them.
STATUS_KEYS = {
    "script_name": "job_pl_scriptname",
    "script": "job_pl_script",
    "stdout": "job_el_stdout",
    "stderr": "job_el_stderr",
}


class Facts(NamedTuple):
    """A job without its processes; moments in microseconds since the epoch."""

    jobid: str
    user: str
    jobname: str
    zone: object  # zones.Zone
    start: int
    end: int
    submit: int
    exitcode: int
    tags: dict
    annotations: dict
    status: dict
    environment: dict
    environment_changes: dict
    analyses: dict = {}  # what was found before; a job that was just run has none


def never_ran():
    """Return when the processes of a job ran that has none, or none that are known."""
    return None, None


def facts_of(raw, settings, environment, ran=never_ran):
    """Return the Facts in metadata (a dict of plain data); environment is that of who submits.

    ran() returns when the first process began and the last one ended: see zones.Zone.span.
    Raises MalformedError, or ConfigurationError for an EPMT_TZ that nobody knows.
    """
    found = metadata.checked(raw, settings)
    metadata.check_required(found)
    begin, end = found["job_pl_env"], found["job_el_env"]
    zone = zone_of(found["job_pl_start_ts"], begin, environment)
    start, stop = zone.span(found["job_pl_start_ts"], found["job_el_stop_ts"], ran)
    if start > stop:
        raise errors.MalformedError(
            f"job_el_stop_ts in job metadata, {found['job_el_stop_ts']}, is before the start,"
            f" {found['job_pl_start_ts']}"
        )
    job_tags = text_map(found, "job_tags") or annotated_tags(found)
    return Facts(
        jobid=job_number(found["job_pl_id"]),
        user=name_of(metadata.user_of(found, begin)),
        jobname=str(found.get("job_jobname") or metadata.UNKNOWN_NAME),
        zone=zone,
        start=start,
        end=stop,
        submit=submitted(zone.meanings(found["job_pl_submit_ts"]), start),
        exitcode=exit_code(found["job_el_exitcode"]),
        tags=job_tags,
        annotations=annotations_of(found, job_tags),
        status=status_of(found, job_tags, begin),
        environment=begin,
        environment_changes=mapping(found, "job_env_changes")
        or metadata.environment_changes(begin, end),
    )


def submitted(meanings, start):
    """Return which of the moments that it may be, in order, is the submission of a job."""
    return max((one for one in meanings if one <= start), default=meanings[0])


def job_number(value):
    """Return the job id. Raises MalformedError if no job can have it."""
    text = str(value)
    try:
        job.check_job_id(text)
    except errors.UsageError as error:
        raise errors.MalformedError(f"job_pl_id in job metadata: {error}") from error
    return text


def name_of(text):
    """Return the name of a user. Raises MalformedError if it is too long."""
    if not 0 < len(text) <= MOST_NAME_CHARACTERS:
        raise errors.MalformedError("job_pl_username in job metadata is too long")
    return text


def exit_code(value):
    """Return an exit code. Raises MalformedError if it is none."""
    if not SMALLEST <= value <= LARGEST:
        raise errors.MalformedError(f"job_el_exitcode in job metadata is {value}")
    return int(value)


def mapping(found, key):
    """Return a dictionary of the metadata, {} if it is not there. Raises MalformedError."""
    value = found.get(key)
    if value is not None and not isinstance(value, dict):
        raise errors.MalformedError(f"{key} in job metadata is no dictionary")
    return value or {}


def text_map(found, key):
    """Return a dictionary of the metadata with texts as values, as tags have them."""
    return {name: text_value(value) for name, value in mapping(found, key).items()}


def text_value(value):
    """Return the value of a tag as text."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def annotated_tags(found):
    """Return the tags that the annotations say, {} for none."""
    annotated = mapping(found, "annotations").get(TAGS_ANNOTATION)
    return {} if annotated is None else tags.parse(str(annotated))


def annotations_of(found, job_tags):
    """Return the annotations, with the job's tags among them.

    Raises MalformedError if they are there with other tags.
    """
    annotations = dict(mapping(found, "annotations"))
    annotated = annotations.get(TAGS_ANNOTATION)
    if annotated is not None and job_tags and tags.parse(str(annotated)) != job_tags:
        raise errors.MalformedError(
            f"the tags of the job are {tags.written(job_tags)}, but its annotation"
            f" {TAGS_ANNOTATION} says {annotated}: `epmt annotate PATH {TAGS_ANNOTATION}=key:value`"
            " sets both"
        )
    if annotated is None and job_tags:
        annotations[TAGS_ANNOTATION] = tags.written(job_tags)
    return annotations


def status_of(found, job_tags, environment):
    """Return how the job ended, and its script as far as it is known."""
    status = {name: found[key] for name, key in STATUS_KEYS.items() if found.get(key) is not None}
    if "script_name" not in status and job_tags.get("script_name"):
        status["script_name"] = job_tags["script_name"]
    if environment.get("pp_script"):
        status["script_path"] = environment["pp_script"]
    status["exit_code"] = found["job_el_exitcode"]
    status["exit_reason"] = found["job_el_reason"]
    return status
