"""Say in SQL which jobs may have some tags, so that the texts of all the others are not read."""

import json

from usagedb.database import like_pattern

NO_TAGS = "{}"  # in epmt_job.tags
# What Python shows otherwise than JSON does: so values that are no texts are compared.
OTHER_TEXTS = ("True", "False", "None")
OTHER_BEGINS = ("[", "{")
# Of a key, and of a value, in a pattern. SQLite takes 50,000 bytes in all, as
# SQLITE_MAX_LIKE_PATTERN_LENGTH says, and one character may become 14 of JSON.
MOST_CHARACTERS = 1000


def condition(database, alternatives, column="tags"):
    """Return (SQL, values) that every job meets which has one of several tags, {key: text}; {} is
    for those without tags.

    Others may meet it too: a text is compared, in which nobody looks for where keys end. column is
    that of epmt_job.tags, JSON of epmtlite.tagtext.
    """
    choices, values = [], []
    for tags in alternatives:
        if tags:
            choices.append(" AND ".join([database.like(column)] * len(tags)))
            values += [pattern_of(key, value) for key, value in tags.items()]
        else:
            choices.append(f"{column} = ?")
            values.append(NO_TAGS)
    return f"({' OR '.join(choices)})", values


def pattern_of(key, value):
    """Return the pattern of a JSON object that has a key with a value, compared as text."""
    if len(key) > MOST_CHARACTERS:
        return like_pattern("%", fold=False)
    if value in OTHER_TEXTS or value.startswith(OTHER_BEGINS) or len(value) > MOST_CHARACTERS:
        return key_pattern(key)
    # A value that is a number has no quotes.
    return key_pattern(key, json.dumps(value)[1:-1])


def key_pattern(key, inside=""):
    """Return the pattern of a JSON object that has a key, and somewhere behind it some text."""
    behind = f"{literal(inside)}%" if inside else ""
    return like_pattern(f"%{literal(json.dumps(key))}: %{behind}", fold=False)


def literal(text):
    """Return what like_pattern takes for a text in which nothing is a wildcard."""
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
