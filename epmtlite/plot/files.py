"""Where a picture is written: its name, and that it replaces nothing by mistake."""

import os
import re
import stat
from pathlib import Path

from usagedb import errors
from usagedb.files import new_file_mode, whole_file

UNSAFE = re.compile(r"[^A-Za-z0-9_.+=-]+")
LONGEST_NAME = 100


def safe_name(names, purpose=""):
    """Return the beginning of a file's name: a purpose and names of jobs, with nothing in it that
    means something to a shell or a file system."""
    shown = names if len(names) <= 2 else [names[0], f"and-{len(names) - 1}-more"]
    parts = [UNSAFE.sub("_", name).strip("._-")[:LONGEST_NAME] or "job" for name in shown]
    return "-".join([purpose, *parts] if purpose else parts)


def check_target(path, may_replace):
    """Raise WriteError if a file is there that may not be replaced, or that is no ordinary one."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # then it is not there, or writing it will say why
        return
    if not stat.S_ISREG(mode):
        raise errors.WriteError(f"cannot write {path}: it is there, and no ordinary file")
    if not may_replace:
        raise errors.WriteError(f"cannot write {path}: it is there already: say --force, or -o")


def write_texts(path, texts, may_replace):
    """Write texts to a file, whole or not at all. Raises WriteError or RefusedError."""
    check_target(path, may_replace)
    with whole_file(Path(path), new_file_mode()) as stream:
        for text in texts:
            stream.write(text.encode())
