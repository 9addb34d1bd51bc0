"""Who is behind a user name or a uid: from a file, from LDAP, or from the machine's accounts."""

import dataclasses
import functools
import grp
import pwd
from typing import Any, Optional

from userportal.access.kept import Kept
from userportal.access.names import (
    LONGEST_TEXT,
    full_name,
    is_number,
    is_uid,
    is_username,
    shown_text,
)
from userportal.access.passwd_file import PasswdFile

__all__ = ["Entry", "People", "is_username", "people_for"]

CACHE_SECONDS = 300.0
AWAY_SECONDS = 3600.0  # names change seldom: what was known serves while the directory is away
MOST_FOUND = 1000


@dataclasses.dataclass(frozen=True)
class Entry:
    """One person, as the directory has it."""

    username: str
    uid: int
    full_name: str = ""
    gid: Optional[int] = dataclasses.field(default=None, compare=False)  # of the primary group


class People:
    """The people of one Configuration; used by many threads at once.

    Every method raises UnavailableError, RefusedError or ConfigurationError if the source of the
    names cannot be asked; none enumerates all accounts of a directory or of the machine.
    """

    def __init__(self, configuration):
        """Choose the source; nothing is opened before it is asked."""
        accounts, ldap = configuration.accounts, configuration.ldap
        if accounts.users_file:
            self._source: Any = PasswdFile(accounts.users_file)
        elif ldap.url:
            from userportal.access.ldap_directory import directory_for  # ldap3 takes its time

            self._source = directory_for(ldap)
        else:
            self._source = MachineAccounts()
        seconds = ldap.cache_seconds if ldap.url else CACHE_SECONDS
        if accounts.users_file:
            seconds = 0.0  # it is read when it changes
        self._by_name = Kept(seconds, away_seconds=AWAY_SECONDS)
        self._by_uid = Kept(seconds, away_seconds=AWAY_SECONDS)
        self._of_groups = Kept(seconds, away_seconds=AWAY_SECONDS)

    def entry_of(self, username) -> Optional[Entry]:
        """Return the Entry of a user name, None if it is unknown."""
        if not is_username(username):
            return None
        return self._by_name.get(username, lambda: entry(self._source.by_name(username)))

    def entry_of_uid(self, uid) -> Optional[Entry]:
        """Return the Entry of a uid, None if it is unknown."""
        if not is_uid(uid):
            return None
        return self._by_uid.get(uid, lambda: entry(self._source.by_uid(uid)))

    def uid_of(self, username) -> Optional[int]:
        """Return the uid of a user name, None if it is unknown."""
        found = self.entry_of(username)
        return found.uid if found else None

    def username_of(self, uid) -> Optional[str]:
        """Return the user name of a uid, None if it is unknown."""
        found = self.entry_of_uid(uid)
        return found.username if found else None

    def full_name_of(self, username) -> Optional[str]:
        """Return the full name of a user name, "" if none is told, None if the user is unknown."""
        found = self.entry_of(username)
        return found.full_name if found else None

    def has_own_group(self, username) -> bool:
        """Tell whether a user's primary group has the number of the user: it is the user's alone.

        Elsewhere a group of that number is another one; so it is if it has another name, or if
        it is the primary group of others in a file of people.
        """
        found = self.entry_of(username)
        if found is None or found.gid != found.uid:
            return False
        names = self._of_groups.get(found.gid, lambda: self._source.group_names(found.gid))
        return set(names) <= {username}

    def search(self, text, limit=50):
        """Return the Entries, at most `limit`, with a text in their names; or with it as uid.

        The machine's own accounts are only found by their whole name.
        """
        text = text.strip()[:LONGEST_TEXT]
        limit = max(0, min(limit, MOST_FOUND))
        if not text:
            return []
        exact = [self.entry_of_uid(int(text))] if is_number(text) else []
        found = [*exact, self.entry_of(text), *map(entry, self._source.search(text, limit))]
        return list(dict.fromkeys(one for one in found if one))[:limit]


class MachineAccounts:
    """The accounts that the machine knows, also by SSSD: asked name by name."""

    def by_name(self, username):
        """Return (name, uid, full name, gid), or None. Read-only."""
        return self._found(pwd.getpwnam, username)

    def by_uid(self, uid):
        """Return (name, uid, full name, gid), or None. Read-only."""
        return self._found(pwd.getpwuid, uid)

    def group_names(self, gid):
        """Return the name of the group with a number, in a set; an empty one without. Read-only."""
        try:
            return frozenset([grp.getgrgid(gid).gr_name])
        except (KeyError, ValueError, OverflowError):
            return frozenset()

    def search(self, text, limit):
        """Return nothing: to search is to list all accounts, which a directory may refuse."""
        return []

    def _found(self, ask, asked):
        try:
            found = ask(asked)
        except (KeyError, ValueError, UnicodeError, OverflowError):
            return None
        return found.pw_name, found.pw_uid, full_name(found.pw_gecos, found.pw_name), found.pw_gid


def entry(found):
    """Return what a source found as an Entry; None for nothing, and for a name that is none."""
    if found is None or not is_username(found[0]) or not is_uid(found[1]):
        return None
    return Entry(found[0], found[1], shown_text(found[2]), found[3])


def people_for(configuration):
    """Return the People of a Configuration: the same for all who ask, so that they share a cache.

    Nothing is opened.
    """
    return _people(configuration.accounts, configuration.ldap)


@functools.lru_cache(maxsize=8)
def _people(accounts, ldap):
    return People(_Sections(accounts, ldap))


@dataclasses.dataclass(frozen=True)
class _Sections:
    """The sections of a Configuration that people come from."""

    accounts: object
    ldap: object
