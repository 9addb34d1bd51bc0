"""Read allocations from an INI file: sections [NAME] with members, managers and amounts."""

import dataclasses
import difflib

from usagedb import errors
from userportal.access.allocations import Allocation, StorageAmount
from userportal.access.files import ReadFile
from userportal.access.names import is_username, shown_text
from userportal.ini_file import sections_of
from userportal.units import GIBIBYTE

SIZE_ENDING, FILES_ENDING = "_gib", "_files"  # project_gib = 1024, project_files = 500000
KEYS = ("members", "managers", "cpu", "gpu", "gid", "status", "description", "accounts")
ACTIVE = "active"


class AccountFile:
    """The allocations of one file, read again when it changes; used by many threads at once.

    Methods raise ConfigurationError or RefusedError if it cannot be read.
    """

    def __init__(self, path):
        """Remember the path; the file is read when it is asked."""
        self._file = ReadFile(path, read)

    def by_name(self, name):
        """Return the Allocation of that name, or of which it is an account, or None."""
        allocations = self._file.get()
        if name in allocations:
            return allocations[name]
        return next((one for one in allocations.values() if name in one.accounts), None)

    def of_user(self, username):
        """Return the Allocations that a user belongs to or answers for."""
        found = self._file.get().values()
        return [one for one in found if username in (*one.members, *one.managers)]


def read(text, path):
    """Return {name: Allocation} of a file's text. Raises ConfigurationError."""
    return {
        name: allocation_of(name, section, path)
        for name, section in sections_of(text, path).items()
    }


def allocation_of(name, section, path):
    """Return the Allocation of a section, {key: text}. Raises ConfigurationError."""
    if not is_username(name):
        raise errors.ConfigurationError(f"{path}: [{shown_text(name)}] can be no account's name")
    places = [key[: -len(SIZE_ENDING)] for key in section if key.endswith(SIZE_ENDING)]
    places += [key[: -len(FILES_ENDING)] for key in section if key.endswith(FILES_ENDING)]
    where = f"{path}: [{name}]"
    check_keys(section, places, where)
    gid = amount(section, "gid", where)
    allocation = Allocation(
        name=name,
        members=words(section.get("members", "")),
        managers=words(section.get("managers", "")),
        cpu=amount(section, "cpu", where),
        gpu=amount(section, "gpu", where),
        description=shown_text(section.get("description", "")),
        gid=None if gid is None else int(gid),
        is_active=section.get("status", ACTIVE).strip().lower() == ACTIVE,
        accounts=words(section.get("accounts", "")),
    )
    storage = tuple(storage_of(allocation, section, place, where) for place in sorted(set(places)))
    return dataclasses.replace(allocation, storage=storage)


def storage_of(allocation, section, place, where):
    """Return the StorageAmount of one place. Raises ConfigurationError."""
    size, files = (
        amount(section, place + SIZE_ENDING, where),
        amount(section, place + FILES_ENDING, where),
    )
    return StorageAmount(
        allocation.name,
        place,
        None if size is None else round(size * GIBIBYTE),
        None if files is None else int(files),
        allocation.gid,
    )


def check_keys(section, places, where):
    """Raise ConfigurationError for a key that means nothing."""
    known = [*KEYS, *(place + end for place in places for end in (SIZE_ENDING, FILES_ENDING))]
    for key in section:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; {near[0]} is meant?" if near else ""
            raise errors.ConfigurationError(f"{where} has no setting {shown_text(key)}{hint}")


def amount(section, key, where):
    """Return a number of 0 or more, None if it is not said. Raises ConfigurationError."""
    text = section.get(key, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e18:
        raise errors.ConfigurationError(f"{where} {key}: no number of 0 or more")
    return number


def words(text):
    """Return the words of a list: they stand apart by commas, blanks or lines."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))
