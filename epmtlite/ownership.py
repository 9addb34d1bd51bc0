"""Whose job an archive may hold, by the account that its file belongs to.

Anybody can write any name into metadata. What root stores is therefore believed only of the files
of that user, of root, and of accounts that the settings name.
"""

import os
import pwd

from epmtlite.collect import errors
from epmtlite.collect.accounts import ANYBODY, ROOT, uid_of, uid_or_number


def check(owners, user, settings, path):
    """Raise MalformedError if root reads files that are not the named user's nor a trusted one's,
    UnavailableError if nobody can say so: the directory of accounts may be away.

    owners are the user ids of the files as they were opened: what a path leads to may change. Any
    other account than root answers for what it stores itself.
    """
    if os.geteuid() != ROOT or ANYBODY in settings.trusted_owners:
        return
    own, named = uid_of(user), [uid_or_number(name) for name in settings.trusted_owners]
    strange = sorted(set(owners) - {ROOT, own, *named})
    if not strange:
        return
    text = f"{path} belongs to {name_of(strange[0])}, but its metadata name the user {user}"
    is_user_unknown = own is None and is_possible(user)
    if is_user_unknown or (None in named and not all(map(has_name, strange))):
        unknown = "that user" if is_user_unknown else "each account of trusted_owners"
        raise errors.UnavailableError(
            f"{text}, and this machine does not know {unknown}: look whether its directory of"
            " accounts (such as LDAP) answers; on a machine without these users name the owner in"
            " trusted_owners in the settings"
        )
    raise errors.MalformedError(
        f"{text}: root takes it only from that user, from root, or from an account of"
        " trusted_owners in the settings"
    )


def is_possible(name):
    """Tell whether an account can have that name."""
    return bool(name) and name.isprintable() and not set(name) & set(":/")


def name_of(uid):
    """Return the name of an account, else its number."""
    return pwd.getpwuid(uid).pw_name if has_name(uid) else f"the user id {uid}"


def has_name(uid):
    """Tell whether this machine knows an account of that number."""
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False
