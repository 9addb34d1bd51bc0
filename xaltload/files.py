"""Read records from files: trees of them, single ones, and archives that an earlier run made."""

import os
import tarfile
import zlib

from xaltload import tree
from xaltload.names import parse_name
from xaltload.reading import InputFile
from xaltload.record import MAX_RECORD_BYTES

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
    yield reader.take()


def read_root(reader, root, wanted):
    """Let the reader take in the records of one Root; yield the path of each."""
    if os.path.isdir(root.path):  # noqa: PTH112 - never raises
        yield from read_tree(reader, root, wanted)
    elif parse_name(os.path.basename(root.path)):  # noqa: PTH119
        yield from read_single(reader, root.path)
    else:
        yield from read_archive(reader, root.path, wanted)


def read_tree(reader, root, wanted):
    """Let the reader take in the records of a tree; yield the path of each."""

    def on_error(error):
        reader.problems.append(described(error))

    for found in tree.record_files(root.path, root.inside, wanted, on_error):
        read_file(reader, found)
        yield found.path


def read_single(reader, path):
    """Let the reader take in one file of a record."""
    directory, file_name = os.path.split(path)
    place = tree.Directory(directory, ())
    descriptor = place.open()
    try:
        read_file(reader, tree.FoundFile(place, file_name, parse_name(file_name), descriptor))
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
        reader.problems.append(described(error))
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
                    reader.add_text(content.read(MAX_RECORD_BYTES + 1), name.syshost, path)
                    yield f"{path}: {member.name}"
    except BROKEN_ARCHIVE as error:
        reader.problems.append(f"{path}: {error}")


def state_of(status):
    """Return what changes when a file is replaced or written."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def described(error):
    """Return an OSError as a text."""
    return f"{error.filename}: {error.strerror}" if error.strerror else str(error)
