"""Find the module files of a modulefile tree, as `module spider` sees them."""

import os
from pathlib import Path

from usagedb import errors

MAGIC = b"#%Module"


def module_files(directory):
    """Return the absolute paths of all module files below a directory, sorted.

    A module file ends in .lua or begins with #%Module; hidden files and links named `default` are
    no modules of their own. Raises MissingInputError.
    """
    # As users load them: with links as they are named, so Path.resolve would not do.
    directory = os.path.abspath(directory)  # noqa: PTH100 - Path.absolute leaves .. in
    if not Path(directory).is_dir():
        raise errors.MissingInputError(f"{directory} is no directory")
    found, seen = [], set()
    for parent, directories, files in os.walk(directory, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:  # a loop of links
            directories.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        found += [path for path in (Path(parent, name) for name in files) if is_module_file(path)]
    return sorted(str(path) for path in found)


def is_module_file(path):
    """Tell whether a file is a module file."""
    if path.name.startswith(".") or path.name.endswith("~") or path.name == "default":
        return False
    if not path.is_file():
        return False
    if path.suffix == ".lua":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_paths(path):
    """Return the module file paths that a list holds, one a line; # begins a comment line.

    Raises MissingInputError.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
