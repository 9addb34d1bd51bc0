"""The accounts that settings name."""

import pwd

ROOT = 0
ANYBODY = "*"
DIGITS = frozenset("0123456789")


def uid_of(name):
    """Return the user id of an account, None if there is none of that name."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):  # the latter for a NUL
        return None


def uid_or_number(name):
    """Return the user id of an account that the settings name, perhaps by its number."""
    uid = uid_of(name)
    return int(name) if uid is None and name and DIGITS.issuperset(name) else uid
