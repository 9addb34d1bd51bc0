"""Texts that are too long for a column: cut, and still different from others."""

import hashlib

# Of what replaces the end of a text that is too long.
TAIL_LENGTH = 9


def shortened(text, longest):
    """Return a text cut to so many characters; a digest at its end tells it from others."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    if longest <= 2 * TAIL_LENGTH:
        return text[:longest]
    return f"{text[: longest - TAIL_LENGTH]}~{digest.hexdigest()[: TAIL_LENGTH - 1]}"


def longest_texts(database, table):
    """Return {column: most characters} of a table's texts; {} where they hold whatever comes.

    Read-only.
    """
    columns = database.dialect.column_types(database, table)
    return {name: longest for name, (_kind, longest, _charset) in columns.items() if longest}
