"""Annotations of jobs that are in the database."""

import json
import time

from epmtlite.collect import tags as tag_grammar
from epmtlite.facts import TAGS_ANNOTATION
from epmtlite.tagtext import json_text
from usagedb import errors
from usagedb.database import with_conflict_retries

TRIES = 8


def annotate(database, job, annotations, replace=False):
    """Add annotations to a selection.Job, or with replace put them in the place of the old ones.

    EPMT_JOB_TAGS among them also becomes the tags of the job. Commits.
    Raises UnavailableError if others keep changing the job.
    """
    for _try in range(TRIES):
        if with_conflict_retries(lambda: annotate_once(database, job, annotations, replace)):
            return
    raise errors.UnavailableError(f"others are changing job {job.full_name()}: try again")


def annotate_once(database, job, annotations, replace):
    """Do it unless somebody changes the annotations meanwhile; tell whether it was done."""
    with database.transaction():
        found = database.rows("SELECT annotations, tags FROM epmt_job WHERE id = ?", (job.number,))
        if not found:
            raise errors.MissingInputError(f"job {job.full_name()} was deleted meanwhile")
        before, tags = found[0]
        changed = {**({} if replace else json.loads(before)), **annotations}
        if TAGS_ANNOTATION in annotations:
            tags = json_text(tag_grammar.parse(str(annotations[TAGS_ANNOTATION])) or {})
        sql = (
            "UPDATE epmt_job SET annotations = ?, tags = ?, updated_at = ?"
            " WHERE id = ? AND annotations = ?"
        )
        values = (json_text(changed), tags, round(time.time(), 6), job.number, before)
        return database.execute(sql, values) == 1
