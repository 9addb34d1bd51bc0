"""Read records from files: trees of them, single ones, and archives that an earlier run made."""

import errno
import os
import tarfile
import zlib

from usagedb.errors import PARTLY, MissingInputError
from usagedb.terminal import stored_text
from xaltload import tree
from xaltload.names import parse_name
from xaltload.reading import InputFile, Problem
from xaltload.record import MAX_RECORD_BYTES
from xaltload.roots import unreadable

# What a user can make of files and directories of his own.
BY_USERS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
BROKEN_ARCHIVE = (tarfile.TarError, EOFError, zlib.error, OSError)


def parts(reader, roots, wanted, say=None):
    """Yield the Parts of all records below some Roots, in the order in which they are found.

    wanted(RecordName) tells whether a record is read; say(path) is told of each that is.
    Read-only.
    """
    for root in roots:
        for path in read_root(reader, root, wanted):
            if say:
                say(path)
            if reader.is_full:
                yield reader.take()
    yield reader.take(is_last=True)


def read_root(reader, root, wanted):
    """Let the reader take in the records of one Root; yield the path of each."""
    if not root.inside and not os.access(root.path, os.R_OK):
        reader.problems.append(Problem(unreadable(root.path), MissingInputError.exit_code))
    elif os.path.isdir(root.path):  # noqa: PTH112 - never raises
        yield from read_tree(reader, root, wanted)
    elif parse_name(os.path.basename(root.path)):  # noqa: PTH119
        yield from read_single(reader, root.path, wanted)
    else:
        yield from read_archive(reader, root.path, wanted)


def read_tree(reader, root, wanted):
    """Let the reader take in the records of a tree; yield the path of each."""

    def on_error(error):
        is_root = not root.inside and error.filename == root.path
        reader.problems.append(problem_of(error, is_root))

    for found in tree.record_files(root.path, root.inside, wanted, on_error):
        read_file(reader, found)
        yield found.path


def read_single(reader, path, wanted):
    """Let the reader take in one file of a record, if that is wanted; yield its path."""
    directory, file_name = os.path.split(path)
    name, place = parse_name(file_name), tree.Directory(directory, ())
    if not wanted(name):
        return
    try:
        descriptor = place.open()
    except OSError as error:
        reader.problems.append(problem_of(error, is_root=True))
        return
    try:
        read_file(reader, tree.FoundFile(place, file_name, name, descriptor))
    finally:
        os.close(descriptor)
    yield path


def read_file(reader, found):
    """Let the reader take in one file."""
    try:
        text, status = found.read()
    except FileNotFoundError:
        return  # gone meanwhile
    except OSError as error:
        error.filename = found.path
        reader.problems.append(problem_of(error))
        return
    file = InputFile(found.directory, found.file_name, state_of(status))
    reader.add_file(text, found.name.syshost, file, has_other_names=status.st_nlink > 1)


def read_archive(reader, path, wanted):
    """Let the reader take in the records of a compressed tar archive; yield the path of each."""
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = parse_name(os.path.basename(member.name))  # noqa: PTH119
                content = archive.extractfile(member) if member.isreg() else None
                if name and wanted(name) and content:
                    text = content.read(MAX_RECORD_BYTES + 1)
                    reader.add_text(text, name.syshost, path, name=(stored_name(member),))
                    yield f"{path}: {member.name}"
    except BROKEN_ARCHIVE as error:
        problem = Problem(f"cannot read {path}: {error}", MissingInputError.exit_code)
        reader.problems.append(problem)


def state_of(status):
    """Return what changes when a file is replaced or written."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def stored_name(member):
    """Return the name of a member of an archive as text that has a UTF-8 form."""
    return stored_text(os.fsencode(member.name))


def problem_of(error, is_root=False):
    """Return the Problem of an OSError: is_root tells whether it is of what was named.

    Below it any user can lay what this account cannot read: that must not look like a load that
    failed, night for night.
    """
    text = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
    status = MissingInputError.exit_code
    if isinstance(error, tree.TooDeepError):
        status = 0  # XALT makes no such directory
    elif not is_root and error.errno in BY_USERS:
        status = PARTLY
    return Problem(f"cannot read {text}", status)
