"""Tags and other small dictionaries as texts of the database: JSON, keys sorted."""

import contextlib
import json
import logging

from epmtlite.collect import errors, tags

logger = logging.getLogger(__name__)


def tags_json(text):
    """Return the JSON of the tags of a process, as papiex writes them: k1:v1;k2:v2."""
    return json_text(tags.parse(text) or {})


def json_text(value):
    """Return plain data as JSON; times in ISO 8601. Raises MalformedError for NaN and the like."""
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, default=str)
    except ValueError as error:
        raise errors.MalformedError(f"job metadata: {error}") from error


class BadTags(logging.Filter):
    """Counts the warnings about tags, and keeps them back."""

    def __init__(self, what):
        super().__init__()
        self.what, self.count, self.first = what, 0, ""

    def filter(self, record):
        """Count a warning."""
        self.first = self.first or record.getMessage()
        self.count += 1
        return False


@contextlib.contextmanager
def bad_tags_counted(what):
    """Make one warning of those about tags in the block, since a job may have a hundred thousand.

    `what` says whose tags they are; the block is given the BadTags, and may say it better.
    """
    bad = BadTags(what)
    tags.logger.addFilter(bad)
    try:
        yield bad
    finally:
        tags.logger.removeFilter(bad)
    if bad.count:
        logger.warning("%s: %d tags are left out; the first: %s", bad.what, bad.count, bad.first)
