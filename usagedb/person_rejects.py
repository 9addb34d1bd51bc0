"""Lines of reject files that name a person: exported, renamed, removed."""

import contextlib
import errno
import json
import os
import stat
from pathlib import Path

from usagedb import errors
from usagedb.files import whole_file
from usagedb.naming import Renaming
from usagedb.person import CHANGED, REMOVED


class Names:
    """Finds and replaces a person in lines, also where JSON writes the name with escapes."""

    def __init__(self, renaming, new):
        """renaming has the name and the homes, new is what takes the name's place."""
        self.name, self.new = renaming.name, new
        self.written, written_new = json.dumps(renaming.name)[1:-1], json.dumps(new)[1:-1]
        self._renaming = Renaming(renaming.name, new, renaming.homes)
        self._of_written = Renaming(self.written, written_new, renaming.homes)
        # How a rejected line of CSV of the older Lmod tools begins: the user comes first.
        self._first = [f'"text": "{one},' for one in (self.written, written_new)]

    def replaced(self, line):
        """Return a line (text) without the name; the same text if it does not name the person."""
        if self.name == self.written and self.name not in line:
            return line
        try:
            record = json.loads(line)
            changed = self._in_record(record)
        except (ValueError, RecursionError, AttributeError):  # half a line, or no record
            return self._in_text(line.replace(*self._first))
        return line if changed == record else json.dumps(changed) + "\n"

    def _in_record(self, record):
        text = record.get("text")
        if isinstance(text, str) and text.startswith(f"{self.name},"):
            record = {**record, "text": self.new + text[len(self.name) :]}
        return self._renaming.in_value(record, self._in_text)

    def _in_text(self, text):
        text = self._renaming.shared(text)
        return text if self.written == self.name else self._of_written.shared(text)


def check(paths, is_changed):
    """Raise MissingInputError unless all of the files can be read, and RefusedError unless a new
    file can be put into their directories if is_changed.
    """
    for path in paths:
        with opened(path):
            pass
        if is_changed and not os.access(Path(path).parent, os.W_OK | os.X_OK):
            raise errors.RefusedError(f"cannot write {path}: its directory cannot be written")


def export(paths, renaming):
    """Yield (file, record) of the lines that name the person. Raises MissingInputError."""
    names = Names(renaming, "")
    for path in paths:
        with opened(path) as file:
            for line in file:
                if is_named(line, names):
                    yield str(path), record_of(line)


def is_named(line, names):
    """Tell whether a line (bytes) names the person; names replace the name by nothing."""
    text = line.decode("utf-8", "surrogateescape")
    return names.replaced(text) != text


def record_of(line):
    """Return the record of a line, or its text."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return {"line": line.decode("utf-8", "backslashreplace").rstrip("\n")}


@contextlib.contextmanager
def opened(path):
    """Give the block a reject file, for reading bytes. Raises MissingInputError.

    A link is refused, for the file that it leads to would keep the name; so is a FIFO.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise errors.MissingInputError(f"cannot read {path}: {reason}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise errors.MissingInputError(f"cannot read {path}: it is no ordinary file")
        yield file


def change(paths, change):
    """Rename a person in reject files, or remove the lines that name the person.

    A file is replaced as a whole; no loader may be writing it. Raises MissingInputError, WriteError
    or RefusedError.
    """
    names = Names(change.renaming, "")
    for path in paths:
        with opened(path) as file:
            concerned = sum(is_named(line, names) for line in file)
            change.count(str(path), REMOVED if change.erases else CHANGED, concerned)
            if concerned and not change.dry_run:
                file.seek(0)
                rewrite(file, Path(path), change)


def rewrite(old, path, change):
    """Write a file (open at its begin) anew, with its mode and owner."""
    names = Names(change.renaming, "")
    renamed = Names(change.renaming, change.renaming.new)
    status = os.fstat(old.fileno())
    owner = status.st_uid, status.st_gid
    with whole_file(path, stat.S_IMODE(status.st_mode) & 0o777, owner) as new:
        for line in old:
            if not is_named(line, names):
                new.write(line)
            elif not change.erases:
                text = renamed.replaced(line.decode("utf-8", "surrogateescape"))
                new.write(text.encode("utf-8", "surrogateescape"))
