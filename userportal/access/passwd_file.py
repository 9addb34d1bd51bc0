"""Read people from a file with lines of passwd(5), and again when the file changes."""

import logging

from userportal.access.files import ReadFile
from userportal.access.names import full_name, is_number, is_username

logger = logging.getLogger(__name__)

FIELDS = 7


class PasswdFile:
    """The people of one file; used by many threads at once.

    Its methods raise ConfigurationError or RefusedError if the file cannot be read.
    """

    def __init__(self, path):
        """Remember the path; the file is read when it is asked."""
        self._file = ReadFile(path, read)

    def by_name(self, username):
        """Return (name, uid, full name, gid or None), or None. Read-only."""
        return self._file.get()[0].get(username)

    def by_uid(self, uid):
        """Return (name, uid, full name, gid or None), or None. Read-only."""
        return self._file.get()[1].get(uid)

    def group_names(self, gid):
        """Return the names of those with another uid whose primary group it is.

        The group's own name the file does not have. Read-only.
        """
        entries = self._file.get()[0].values()
        return frozenset(one[0] for one in entries if one[3] == gid != one[1])

    def search(self, text, limit):
        """Return those with a text in name or full name, whatever its case, in order of names."""
        wanted = text.casefold()
        entries = sorted(self._file.get()[0].values())
        found = (one for one in entries if wanted in f"{one[0]}\n{one[2]}".casefold())
        return [one for one, _place in zip(found, range(limit))]


def read(text, path):
    """Return {name: (name, uid, full name, gid)} and {uid: the same}; lines that are none are
    told."""
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = entry_of(line)
        if entry is None:
            logger.warning("%s:%d: no line of passwd: left out", path, number)
        else:
            entries.append(entry)
    entries.reverse()  # of several lines for one name or uid the first counts, as in passwd itself
    return {one[0]: one for one in entries}, {one[1]: one for one in entries}


def entry_of(line):
    """Return (name, uid, full name, gid or None) of a line, or None."""
    fields = line.split(":")
    if len(fields) != FIELDS or not is_username(fields[0]) or not is_number(fields[2]):
        return None
    gid = int(fields[3]) if is_number(fields[3]) else None
    return fields[0], int(fields[2]), full_name(fields[4], fields[0]), gid
