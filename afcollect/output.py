"""Documents for people: files in the current directory, or stdout."""

import json
from pathlib import Path

import click

from usagedb.files import write_whole

FILE_MODE = 0o600


def write_files(documents, directory="."):
    """Write (part, document) pairs to one file a part, one JSON document a line; return the paths.

    Raises RefusedError or WriteError.
    """
    lines_of: dict = {}
    for part, document in documents:
        lines_of.setdefault(part, []).append(json.dumps(document) + "\n")
    paths = []
    for part, lines in lines_of.items():
        path = Path(directory) / f"{part}.json"
        write_whole(path, "".join(lines), FILE_MODE)
        paths.append(path)
    return paths


def print_documents(documents):
    """Write the documents of (part, document) pairs to stdout, one a line."""
    for _part, document in documents:
        click.echo(json.dumps(document))
