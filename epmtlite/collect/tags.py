"""Tags: k1:v1;k2:v2, as in EPMT_JOB_TAGS and PAPIEX_TAGS."""

import logging

logger = logging.getLogger(__name__)

VALUE_WITHOUT_ONE = "1"
ANNOTATION = "EPMT_JOB_TAGS"  # which says the tags of a job, too


def parse(text):
    """Return {key: value} of a text, all texts; None for None.

    A part without a colon has the value "1". One with two or more colons, or without a key, is
    left out with a warning.
    """
    if text is None:
        return None
    found = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        pair = pair_of(part)
        if pair is None:
            logger.warning("the tag %s is no key:value and is left out", part.strip())
            continue
        found[pair[0]] = pair[1]
    return found


def pair_of(part):
    """Return (key, value) of one part of such a text, None for what is no tag."""
    key, *values = [piece.strip() for piece in part.split(":")]
    if len(values) > 1 or not key:
        return None
    return key, values[0] if values else VALUE_WITHOUT_ONE


def written(tags):
    """Return tags as a text, keys in order; "" for none."""
    return ";".join(f"{key}:{tags[key]}" for key in sorted(tags or {}))
