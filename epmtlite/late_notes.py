"""What was noted in the files of a job after it was stored: annotations that the database lacks."""

import json
import math
import os
from typing import NamedTuple

from epmtlite.collect import names
from epmtlite.redaction import redacted_facts
from epmtlite.tagtext import json_text
from usagedb.redact import redactor_of

MOST_NAMES = 10


class Notes(NamedTuple):
    """Names of annotations in the files of a job that its stored job has otherwise, in order."""

    unstored: list  # it lacks them, or has an older value
    outdated: list  # it has a newer value


def compare(database, cluster, facts, changed_at):
    """Return the Notes on the annotations in Facts. Read-only.

    changed_at, seconds since the epoch, is when their files changed last: where the stored job was
    changed since it was stored, and since then, its values are the newer ones.

    The tags of a job are its annotation EPMT_JOB_TAGS. Of a job whose user has another name in the
    database none are: what was taken out of it with the name is not to come back.
    """
    sql = (
        "SELECT j.annotations, j.created_at, j.updated_at FROM epmt_job j"
        " JOIN epmt_user u ON u.id = j.user_id WHERE j.cluster = ? AND j.jobid = ? AND u.name = ?"
    )
    found = database.rows(sql, (cluster, facts.jobid, facts.user))
    if not found:
        return Notes([], [])
    text, created_at, updated_at = found[0]
    stored = json.loads(text)
    redacted = redacted_facts(facts, redactor_of(database.config)).annotations
    noted = json.loads(json_text(redacted))
    lacking = [key for key in noted if key not in stored]
    other = [key for key in noted if key in stored and stored[key] != noted[key]]
    if updated_at > max(created_at, changed_at):
        return Notes(sorted(lacking), sorted(other))
    return Notes(sorted(lacking + other), [])


def changed_at(path):
    """Return when an archive, or the metadata of a directory, changed last, in seconds since the
    epoch; infinity for what is gone."""
    if os.path.isdir(path):  # noqa: PTH112
        path = os.path.join(path, names.METADATA)  # noqa: PTH118
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return math.inf


def describe_outdated(jobid, keys):
    """Return that some of them have newer values, for a message."""
    return (
        f"the database has job {jobid} already, with newer values of these annotations than its"
        f" files: {names.some_of(keys, MOST_NAMES)}"
    )


def describe(jobid, keys):
    """Return what is to be done about those that it lacks, for a message."""
    return (
        f"the database has job {jobid} already, but without these annotations, or with others:"
        f" {names.some_of(keys, MOST_NAMES)}. Give them to it with epmt annotate {jobid}"
        " KEY=VALUE, or remove this"
    )
