"""Read allocations from an INI file: sections [NAME] with members, managers and amounts."""

import configparser
import dataclasses
import difflib

from usagedb import errors
from userportal.access.allocations import Allocation, StorageAmount
from userportal.access.files import ReadFile
from userportal.access.names import is_username, shown_text

GIBIBYTE = 2**30
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
    parser = configparser.RawConfigParser(strict=True, comment_prefixes=("#",))
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise errors.ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    return {name: allocation_of(name, parser[name], path) for name in parser.sections()}


def allocation_of(name, section, path):
    """Return the Allocation of a section. Raises ConfigurationError."""
    if not is_username(name):
        raise errors.ConfigurationError(f"{path}: [{shown_text(name)}] can be no account's name")
    places = [key[: -len(SIZE_ENDING)] for key in section if key.endswith(SIZE_ENDING)]
    places += [key[: -len(FILES_ENDING)] for key in section if key.endswith(FILES_ENDING)]
    check_keys(section, places, f"{path}: [{name}]")
    gid = amount(section, "gid", path)
    allocation = Allocation(
        name=name,
        members=words(section.get("members", "")),
        managers=words(section.get("managers", "")),
        cpu=amount(section, "cpu", path),
        gpu=amount(section, "gpu", path),
        description=shown_text(section.get("description", "")),
        gid=None if gid is None else int(gid),
        is_active=section.get("status", ACTIVE).strip().lower() == ACTIVE,
        accounts=words(section.get("accounts", "")),
    )
    storage = tuple(storage_of(allocation, section, place, path) for place in sorted(set(places)))
    return dataclasses.replace(allocation, storage=storage)


def storage_of(allocation, section, place, path):
    """Return the StorageAmount of one place. Raises ConfigurationError."""
    size, files = (
        amount(section, place + SIZE_ENDING, path),
        amount(section, place + FILES_ENDING, path),
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


def amount(section, key, path):
    """Return a number of 0 or more, None if it is not said. Raises ConfigurationError."""
    text = section.get(key, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e18:
        raise errors.ConfigurationError(f"{path}: [{section.name}] {key}: no number of 0 or more")
    return number


def words(text):
    """Return the words of a list: they stand apart by commas, blanks or lines."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))
