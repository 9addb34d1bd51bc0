"""Join the CSV files of a job (version 1) into one."""

import itertools
import logging
import os
from typing import NamedTuple

from epmtlite.collect import errors, names, papiex
from epmtlite.collect.archive import WithoutGaps
from epmtlite.collect.files import (
    COPY_BYTES,
    copy_file,
    listed,
    open_directory,
    open_regular,
    status_of,
    write_error,
    write_whole,
)

logger = logging.getLogger(__name__)

COLLATED = "collated"
MOST_COMMENT_CHARACTERS = 1 << 20  # of one file
MOST_TAG_CHARACTERS = 4096  # of the first of them, which may come into each row
NO_TAG = "#"  # a first comment that tags nothing


class Bad(errors.MalformedError):
    """A file that is not joined; .path is the file."""

    def __init__(self, path, reason):
        super().__init__(f"File: {path}, {reason}")
        self.path = path


class Good(NamedTuple):
    """A file that is joined: its number of rows, and the tags that its first comment gives to its
    processes without any."""

    path: str
    rows: int
    tags: str


class Joined:
    """What was done: the path written or "", and the bad files as [(path, reason)]."""

    def __init__(self):
        self.path, self.bad = "", []


def concat(paths, output="", is_strict=False, error_directory="."):
    """Join the files, or those of the one directory, that paths name; return Joined.

    output is the file to write, by default <host>-collated-papiex-<job>-0.csv here, after the first
    file. A bad file is moved to error_directory, see copy_bad, and left out; if is_strict it
    raises Bad, and nothing is done. No file: nothing is written. Raises MissingError, UsageError,
    WriteError and others.
    """
    files = files_of(paths)
    if not files:
        return Joined()
    joined = join(files, output or default_output(files[0]), is_strict)
    for path, _reason in joined.bad:
        copy_bad(path, error_directory)
        remove(path)
    return joined


def join(files, output, is_strict=False, open_file=open_regular):
    """Join files that are good into output; return Joined. The bad ones stay where they are, or
    raise Bad if is_strict. open_file opens them by their paths. Raises WriteError if output exists.
    """
    if os.path.lexists(output):
        raise errors.WriteError(f"{output} exists already")
    joined = Joined()
    good, header, comments = examined(files, joined, is_strict, open_file)
    if good:
        write_joined(good, header, comments, output, open_file)
        joined.path = output
    return joined


def files_of(paths):
    """Return the files that paths name, in order, each once. Raises MissingError or UsageError."""
    if len(paths) == 1 and not paths[0].endswith(".csv"):
        return files_in(paths[0])
    for path in paths:
        if not os.path.isfile(path):
            raise errors.MissingError(f"{path} does not exist or is not a file")
        if COLLATED in os.path.basename(path):
            raise errors.UsageError(f"{path} is collated already")
    different = sorted(set(paths))
    if len(different) < len(paths):
        logger.warning("some files were named twice: they are joined once")
    return different


def files_in(directory):
    """Return the paths of the CSV files in a directory, in order."""
    if not os.path.isdir(directory):
        text = f"{directory} does not exist or is not a directory"
        raise errors.MissingError(text)
    descriptor = open_directory(directory)
    try:
        found = listed(descriptor, directory)
    finally:
        os.close(descriptor)
    return files_of_names(directory, found)


def files_of_names(directory, found):
    """Return the paths of the CSV files among names. Raises UsageError for a collated one."""
    chosen = sorted(name for name in found if name.endswith(".csv") and not name.startswith("."))
    for name in chosen:
        if COLLATED in name:
            text = f"{os.path.join(directory, name)} is collated already"
            raise errors.UsageError(text)
    return [os.path.join(directory, name) for name in chosen]


def default_output(first):
    """Return the name of the output after its first file."""
    parent = os.path.basename(os.path.dirname(os.path.abspath(first)))
    return names.collated_name(names.host_of(first), parent)


def examined(files, joined, is_strict, open_file):
    """Return ([Good], their header, all comments); note the bad ones in joined.

    Raises Bad if is_strict.
    """
    good, header, comments = [], None, []
    for path in files:
        try:
            header, found, one = examine(path, header, open_file)
        except Bad as error:
            if is_strict:
                raise
            logger.warning("%s", error)
            joined.bad.append((path, str(error)))
            continue
        good.append(one)
        comments += found
    return good, header, comments


def examine(path, header, open_file):
    """Return (header, comments, Good) of a file; its header must be the given one, unless that is
    None.

    Raises Bad.
    """
    comments, characters, delimiters, rows, tags = [], 0, None, 0, ""
    try:
        for line in lines_of(path, open_file):
            if is_comment(line, delimiters is None):
                comments.append(line)
                characters += len(line)
                if characters > MOST_COMMENT_CHARACTERS:
                    raise Bad(path, "it has too many comments")
            elif delimiters is None:
                papiex.Columns(line, path, 1)
                tags = tags_of(comments, path)
                if header is not None and line != header:
                    raise Bad(path, "its header is not that of the other files")
                header, delimiters = line, delimiters_of(line)
            elif delimiters_of(line) != delimiters:
                reason = "Header: {} delimiters, but this row has {} delimiters"
                raise Bad(path, reason.format(delimiters, delimiters_of(line)))
            else:
                rows += 1
    except papiex.MalformedRecord as error:
        raise Bad(path, error.reason) from error
    if not rows:
        raise Bad(path, "it has no rows")
    return header, comments, Good(path, rows, tags)


def tags_of(comments, path):
    """Return the tags that comments give to processes without any. Raises Bad."""
    tags = papiex.old_tags_of(comments[0]) if comments else ""
    if len(tags) > MOST_TAG_CHARACTERS:
        raise Bad(path, f"its first comment has more than {MOST_TAG_CHARACTERS} characters")
    return tags


def is_comment(line, is_before_header):
    """Tell whether a line is a comment; behind the header a row may begin like one."""
    return line.startswith("#") and (is_before_header or "," not in line)


def lines_of(path, open_file):
    """Yield the lines of a file that are not blank, as text with surrogates (PEP 383)."""
    with open_file(path) as file:
        for line in papiex.text_lines(WithoutGaps(file, path), path):
            text = line.rstrip("\r")
            if text:
                yield text


def delimiters_of(line):
    """Return the number of commas that are not escaped."""
    if "\\" in line:
        line = line.replace("\\\\", "").replace("\\,", "")
    return line.count(",")


def write_joined(files, header, comments, output, open_file):
    """Write the joined file: of each Good its rows, in which every process keeps the tags and the
    host that it has in a file of its own. Raises WriteError, and Bad if one has changed meanwhile.
    """
    if comments and not all(one.tags for one in files):
        comments = [NO_TAG, *comments]
    common = papiex.old_tags_of(comments[0]) if comments else ""

    def write(stream):
        for line in comments + [header]:
            stream.write(encoded(line))
        for one in files:
            own = {"tags": (one.tags, common), "hostname": (host_of(one.path), host_of(output))}
            values = {name: text for name, (text, of_all) in own.items() if text != of_all}
            lines = lines_of(one.path, open_file)
            if copy_rows(one.path, lines, header, stream, values) != one.rows:
                raise Bad(one.path, "it has changed")

    write_whole(output, write, replace=False)


def host_of(path):
    """Return the host in the name of a file, "unknown" for names of all kinds."""
    try:
        return names.host_of(path)
    except errors.MalformedError:
        return names.UNKNOWN_HOST


def copy_rows(path, lines, header, stream, values):
    """Write the rows among the lines of a file, with values {column: text} in fields of processes
    that are empty; return how many. Raises Bad if they are not as examined."""
    is_before_header, delimiters, rows = True, delimiters_of(header), 0
    columns = papiex.Columns(header, path, 1)
    for line in lines:
        if is_comment(line, is_before_header):
            continue
        if delimiters_of(line) != delimiters or (is_before_header and line != header):
            raise Bad(path, "it has changed")
        if not is_before_header:
            stream.write(encoded(columns.filled(line, values) if values else line))
            rows += 1
        is_before_header = False
    return rows


def encoded(line):
    """Return a line as it was in its file."""
    return line.encode("utf-8", "surrogateescape") + b"\n"


def copy_bad(path, directory, open_file=open_regular):
    """Copy a bad file to a directory as <name>.error; where that is another file, as
    <name>.2.error and so on, with a warning. open_file opens it. Raises WriteError or RefusedError.
    """
    for number in itertools.count(1):
        ending = ".error" if number == 1 else f".{number}.error"
        target = os.path.join(directory, os.path.basename(path) + ending)
        if is_copy(path, target, open_file) or copied(path, target, open_file):
            break
    level = logging.INFO if number == 1 else logging.WARNING
    logger.log(level, "%s is now %s", path, target)


def copied(path, target, open_file):
    """Copy a file to what is not there; tell whether that was so. Raises WriteError and others."""
    if os.path.lexists(target):
        return False
    try:
        copy_file(path, target, replace=False, open_file=open_file)
    except errors.WriteError as error:
        if isinstance(error.__cause__, FileExistsError):  # another process was faster
            return False
        raise
    return True


def is_copy(path, target, open_file):
    """Tell whether a file has the bytes of another one, as when it was copied before: of this
    account, or of the other one's, to whom root gives its copies."""
    try:
        with open_regular(target) as copy, open_file(path) as file:
            owners = os.geteuid(), status_of(file).st_uid
            if status_of(copy).st_uid not in owners:
                return False
            while True:
                one, other = copy.read(COPY_BYTES), file.read(COPY_BYTES)
                if not one or one != other:
                    return one == other
    except errors.CollectError:
        return False


def remove(path):
    """Remove a file. Raises WriteError or RefusedError."""
    try:
        os.unlink(path)
    except OSError as error:
        raise write_error(path, error) from error
