"""Lines of reject files that name a person: exported, renamed, removed."""

import json
from pathlib import Path

from usagedb import errors
from usagedb.files import whole_file
from usagedb.person import CHANGED, REMOVED


def export(paths, renaming):
    """Yield (file, record) of the lines that name the person. Raises MissingInputError."""
    for path in paths:
        for line in lines_of(path):
            if names(line.decode("utf-8", "surrogateescape"), renaming):
                yield str(path), record_of(line)


def names(text, renaming):
    """Tell whether a line names the person."""
    return first_field(renaming.name) in text or renaming.is_in(text)


def first_field(name):
    """Return how a rejected line of CSV of the older Lmod tools begins: the user comes first."""
    return f'"text": {json.dumps(name)[:-1]},'


def record_of(line):
    """Return the record of a line, or its text."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return {"line": line.decode("utf-8", "backslashreplace").rstrip("\n")}


def lines_of(path):
    """Yield the lines of a file (bytes). Raises MissingInputError."""
    try:
        with Path(path).open("rb") as file:
            yield from file
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from error


def change(paths, change):
    """Rename a person in reject files, or remove the lines that name the person.

    A file is replaced as a whole; no loader may be writing it.
    """
    for path in paths:
        texts = (line.decode("utf-8", "surrogateescape") for line in lines_of(path))
        concerned = sum(names(text, change.renaming) for text in texts)
        change.count(str(path), REMOVED if change.erases else CHANGED, concerned)
        if concerned and not change.dry_run:
            rewrite(Path(path), change)


def rewrite(path, change):
    """Write a file anew."""
    renaming = change.renaming
    with whole_file(path, path.stat().st_mode & 0o777) as new:
        for line in lines_of(path):
            text = line.decode("utf-8", "surrogateescape")
            if not names(text, renaming):
                new.write(line)
            elif not change.erases:
                text = text.replace(first_field(renaming.name), first_field(renaming.new))
                new.write(renaming.shared(text).encode("utf-8", "surrogateescape"))
