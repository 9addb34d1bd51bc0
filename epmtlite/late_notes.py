"""What was noted in the files of a job after it was stored: annotations that the database lacks."""

import json

from epmtlite.redaction import redacted_facts
from epmtlite.tagtext import json_text
from usagedb.redact import redactor_of

MOST_NAMES = 10


def unstored(database, cluster, facts):
    """Return the names of the annotations in Facts that their stored job has not, or has with
    another value, in order. Read-only.

    The tags of a job are its annotation EPMT_JOB_TAGS. Of a job whose user has another name in the
    database none are: what was taken out of it with the name is not to come back.
    """
    sql = (
        "SELECT j.annotations FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"
        " WHERE j.cluster = ? AND j.jobid = ? AND u.name = ?"
    )
    found = database.rows(sql, (cluster, facts.jobid, facts.user))
    if not found:
        return []
    stored = json.loads(found[0][0])
    redacted = redacted_facts(facts, redactor_of(database.config)).annotations
    noted = json.loads(json_text(redacted))
    return sorted(key for key in noted if key not in stored or stored[key] != noted[key])


def describe(jobid, keys):
    """Return what is to be done about some of them, for a message."""
    more = f" and {len(keys) - MOST_NAMES} more" if len(keys) > MOST_NAMES else ""
    return (
        f"the database has job {jobid} already, but without these annotations, or with others:"
        f" {', '.join(keys[:MOST_NAMES])}{more}. Give them to it with epmt annotate {jobid}"
        " KEY=VALUE, or remove this"
    )
