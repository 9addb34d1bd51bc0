"""Whose job an archive may hold, by the account that its file belongs to.

Anybody can write any name into metadata. What root stores is therefore believed only of the files
of that user, of root, and of accounts that the settings name.
"""

import os
import pwd

from epmtlite.collect import errors

ROOT = 0
ANYBODY = "*"


def check(owners, user, settings, path):
    """Raise MalformedError if root reads files that are not the named user's nor a trusted one's.

    owners are the user ids of the files as they were opened: what a path leads to may change. Any
    other account than root answers for what it stores itself.
    """
    if os.geteuid() != ROOT or ANYBODY in settings.trusted_owners:
        return
    trusted = {ROOT, uid_of(user), *map(uid_or_number, settings.trusted_owners)}
    strange = sorted(set(owners) - trusted)
    if strange:
        raise errors.MalformedError(
            f"{path} belongs to {name_of(strange[0])}, but its metadata name the user {user}: root"
            " takes it only from that user, from root, or from an account of trusted_owners in"
            " the settings"
        )


def uid_of(name):
    """Return the user id of an account, None if there is none of that name."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):  # the latter for a NUL
        return None


def uid_or_number(name):
    """Return the user id of an account that the settings name, perhaps by its number."""
    uid = uid_of(name)
    return int(name) if uid is None and name.isascii() and name.isdigit() else uid


def name_of(uid):
    """Return the name of an account, else its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user id {uid}"
