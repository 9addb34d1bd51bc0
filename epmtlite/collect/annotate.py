"""Add annotations to the metadata of a job."""

import logging
import os
import re

from epmtlite.collect import errors, locks, metadata, metaformat, names, tags, tarball
from epmtlite.collect.files import read_whole, write_whole

logger = logging.getLogger(__name__)

KEY = "annotations"
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
CONSTANTS = {"TRUE": True, "FALSE": False, "NONE": None}


def parse(arguments):
    """Return the annotations of arguments key=value.

    A value that looks like an integer, TRUE, FALSE or NONE (in any case) becomes one, but that of
    EPMT_JOB_TAGS, which is a text; all behind the first = belongs to the value. What has no key or
    no value is left out, with a warning. Raises UsageError for an argument without =, and if
    nothing is left.
    """
    found, left_out = {}, []
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator:
            raise errors.UsageError("Annotations must be of the form <key>=<value>")
        if key.strip() and value:
            found[key.strip()] = value if key.strip() == tags.ANNOTATION else converted(value)
        else:
            left_out.append(argument)
    if not found:
        raise errors.UsageError("No annotations found: say <key>=<value>")
    for argument in left_out:
        what = "value" if argument.partition("=")[0].strip() else "key"
        logger.warning("%s is left out: it has no %s", argument, what)
    return found


def converted(text):
    """Return the value that a text stands for."""
    if INTEGER.fullmatch(text):
        return int(text)
    return CONSTANTS.get(text.upper(), text)


def annotated(found, annotations, replace=False):
    """Return metadata with annotations added, or with these alone.

    EPMT_JOB_TAGS among them also becomes the tags of the job, as in the database: a job whose tags
    say something else is not stored, by EPMT neither. Raises MalformedError.
    """
    before = {} if replace else found.get(KEY) or {}
    if not isinstance(before, dict):
        raise errors.MalformedError("the annotations of the job are no dictionary")
    changed = dict(found, **{KEY: dict(before, **annotations)})
    if tags.ANNOTATION in annotations:
        changed[metadata.TAGS] = tags.parse(str(annotations[tags.ANNOTATION]))
    return changed


def annotate_directory(directory, annotations, replace=False, wait_seconds=None):
    """Annotate the job in a directory, stopped or only started. It stays in its format.

    Raises MissingError if it was not started, UnavailableError if another process is at work there
    for so long, WriteError and others.
    """
    with locks.locked(directory, wait_seconds):
        stored = metadata.read_current(directory)
        changed = annotated(stored.metadata, annotations, replace)
        metadata.write(stored.path, changed, stored.is_pickle, stored.status)


def annotate_file(path, annotations, replace=False):
    """Annotate a metadata file, or the job of an archive, which is written anew in its place.

    Raises MissingError, RefusedError, MalformedError, WriteError.
    """
    if tarball.is_archive_name(path):
        annotate_archive(path, annotations, replace)
        return
    with locks.locked(os.path.dirname(os.path.abspath(path))):
        stored = metadata.read(path)
        changed = annotated(stored.metadata, annotations, replace)
        metadata.write(path, changed, stored.is_pickle, stored.status)


def annotate_archive(path, annotations, replace):
    """Write an archive anew with annotations; it is the old one until it is whole.

    Raises UnavailableError if another process does so for long.
    """
    with locks.locked_file(path) as file:
        write_whole(
            path,
            lambda stream: rewrite(file, path, stream, annotations, replace),
            like=os.fstat(file.fileno()),
        )


def rewrite(file, path, stream, annotations, replace):
    """Copy an archive, of which file is open, to a stream, its metadata annotated. Raises
    MalformedError, or UnavailableError if it has changed meanwhile."""
    before, is_found = locks.state_of(file), False
    with tarball.Writer(stream, tarball.is_compressed(file)) as archive:
        for member in tarball.members(file, path):
            if member.base == names.METADATA:
                is_found = True
                raw = changed_metadata(member, path, annotations, replace)
                archive.add_bytes(member.path, raw, member.mtime)
            else:
                archive.add(member.path, member.size, member, member.mtime)
    if not is_found:
        raise errors.MalformedError(f"{path} has no {names.METADATA}")
    locks.check_unchanged(path, before)


def changed_metadata(member, path, annotations, replace):
    """Return the bytes of annotated metadata."""
    shown = f"{path}/{member.base}"
    raw = read_whole(member, metaformat.MOST_BYTES, shown)
    changed = annotated(metaformat.loads(raw, shown), annotations, replace)
    return metaformat.dumps(changed, metaformat.is_pickle(raw))
