"""What is noted about jobs that are in the database: annotations, tags, analyses."""

import json
import time

from epmtlite.analysis.errors import BadArgument
from epmtlite.collect import tags as tag_grammar
from epmtlite.collect.errors import MalformedError
from epmtlite.facts import TAGS_ANNOTATION
from epmtlite.tagtext import json_text
from usagedb import errors
from usagedb.database import with_conflict_retries
from usagedb.redact import redactor_of

TRIES = 8
MOST_ANALYSES_BYTES = 65536  # EPMT's limit, where PostgreSQL could not index more


def annotate(database, job, annotations, replace=False):
    """Add annotations to a selection.Job, or with replace put them in the place of the old ones.

    EPMT_JOB_TAGS among them also becomes the tags of the job. Commits.
    Raises UnavailableError if others keep changing the job.
    """

    annotations = redactor_of(database.config).value(annotations)

    def change(fields):
        before = {} if replace else fields["annotations"]
        fields["annotations"] = {**before, **annotations}
        if TAGS_ANNOTATION in annotations:
            fields["tags"] = tag_grammar.parse(str(annotations[TAGS_ANNOTATION])) or {}

    changed(database, job, ("annotations", "tags"), change)


def tag(database, job, tags, replace=False):
    """Add tags to a selection.Job, or with replace put them in the place of the old ones; the
    annotation EPMT_JOB_TAGS follows. Commits. Raises UnavailableError as annotate does."""

    def change(fields):
        fields["tags"] = {**({} if replace else fields["tags"]), **tags}
        fields["annotations"][TAGS_ANNOTATION] = tag_grammar.written(fields["tags"])

    changed(database, job, ("annotations", "tags"), change)


def set_analyses(database, job, analyses, replace=False, most_bytes=MOST_ANALYSES_BYTES):
    """Add what analyses found to a selection.Job, or with replace put it in the place of the old.

    Commits. Raises BadArgument for more than most_bytes of JSON, UnavailableError as annotate does.
    """

    def change(fields):
        fields["analyses"] = {**({} if replace else fields["analyses"]), **analyses}
        size = len(plain_json(fields["analyses"]).encode())
        if most_bytes and size > most_bytes:
            raise BadArgument(
                f"the analyses of job {job.full_name()} take {size} bytes, more than {most_bytes}"
            )

    changed(database, job, ("analyses",), change)


def plain_json(value):
    """Return plain data as JSON. Raises BadArgument for NaN and for keys that are no texts."""
    try:
        return json_text(value)
    except (MalformedError, TypeError, RecursionError) as error:
        raise BadArgument(f"this cannot be noted about a job: {error}") from error


def changed(database, job, columns, change):
    """Let change({column: value}) alter columns with JSON of a selection.Job, and return them.

    Commits. Raises UnavailableError if others keep changing the job, MissingInputError if it is
    not there any more.
    """
    for _try in range(TRIES):
        found = with_conflict_retries(lambda: changed_once(database, job, columns, change))
        if found is not None:
            return found
    raise errors.UnavailableError(f"others are changing job {job.full_name()}: try again")


def changed_once(database, job, columns, change):
    """Do it unless somebody changes these columns meanwhile; return them, else None."""
    names = ", ".join(columns)
    with database.transaction():
        found = database.rows(f"SELECT {names} FROM epmt_job WHERE id = ?", (job.number,))  # noqa: S608
        if not found:
            raise errors.MissingInputError(f"job {job.full_name()} was deleted meanwhile")
        fields = {column: json.loads(text) for column, text in zip(columns, found[0])}
        change(fields)
        sql = (
            f"UPDATE epmt_job SET {', '.join(f'{name} = ?' for name in columns)}, updated_at = ?"  # noqa: S608
            f" WHERE id = ? AND {' AND '.join(f'{name} = ?' for name in columns)}"
        )
        texts = [plain_json(fields[column]) for column in columns]
        values = (*texts, round(time.time(), 6), job.number, *found[0])
        return fields if database.execute(sql, values) == 1 else None
