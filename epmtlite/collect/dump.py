"""Show the metadata of a job as lines of text."""

import os

from epmtlite.collect import errors, metadata, metaformat, names, tarball
from epmtlite.collect.files import read_whole
from epmtlite.collect.texts import visible

KEY_WIDTH, VALUE_WIDTH = 24, 56


def read(path):
    """Return the metadata of an archive, a directory of a job, or a metadata file.

    Raises MissingError, RefusedError or MalformedError.
    """
    if os.path.isdir(path):
        return metadata.read_current(path).metadata
    if not tarball.is_archive_name(path):
        return metadata.read(path).metadata
    for member in tarball.open_archive(path):
        if member.base == names.METADATA:
            shown = f"{path}/{names.METADATA}"
            return metaformat.loads(read_whole(member, metaformat.MOST_BYTES, shown), shown)
    raise errors.MalformedError(f"{path} has no {names.METADATA}")


def is_path(text):
    """Tell whether an argument names a file or directory, and not a job in the database."""
    return os.path.lexists(text) or "/" in text or tarball.is_archive_name(text)


def lines(found, key=None):
    """Return the lines that show metadata, in the order of the keys; of one key its value only.

    Raises MissingError, with the keys there are, for a key that is not there.
    """
    if key is None:
        return [line_of(name, found[name]) for name in sorted(found)]
    if key not in found:
        text = "there is no key {}; there are {}".format(key, ", ".join(sorted(found)))
        raise errors.MissingError(text)
    return [visible(found[key])]


def line_of(key, value):
    """Return the line of a key and its value."""
    return visible(key).ljust(KEY_WIDTH) + visible(value).ljust(VALUE_WIDTH)
