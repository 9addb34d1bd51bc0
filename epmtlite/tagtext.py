"""Tags and other small dictionaries as texts of the database: JSON, keys sorted."""

import json

from epmtlite.collect import errors, tags


def tags_json(text):
    """Return the JSON of the tags of a process, as papiex writes them: k1:v1;k2:v2."""
    return json_text(tags.parse(text) or {})


def json_text(value):
    """Return plain data as JSON; times in ISO 8601. Raises MalformedError for NaN and the like."""
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, default=str)
    except ValueError as error:
        raise errors.MalformedError(f"job metadata: {error}") from error
