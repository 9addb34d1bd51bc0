"""Find the files of records below some directories, in any layout, without holding their names.

A tree of records can be written by every user: links are not followed, and only regular files are
records.
"""

import os
from pathlib import Path
from typing import NamedTuple

from xaltload.names import parse_name


class RecordFile(NamedTuple):
    """One file of a record: a path, its parsed name, its size."""

    path: Path
    name: object  # RecordName
    size_bytes: int


def record_files(directory, wanted=lambda name: True, on_error=lambda error: None):
    """Yield the RecordFiles below a directory whose RecordName is wanted, as they are found.

    Half-written files have other names, and so are not seen. A directory or file that cannot be
    read is told to on_error(OSError), one that goes away meanwhile is not. Read-only.
    """
    waiting = [os.fspath(directory)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        name = parse_name(entry.name)
                        if name and wanted(name):
                            yield RecordFile(Path(entry.path), name, size_of(entry))
        except FileNotFoundError:
            continue
        except OSError as error:
            on_error(error)


def size_of(entry):
    """Return the size of a directory entry in bytes, 0 if it has gone."""
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0
