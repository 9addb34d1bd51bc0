"""The accounts of this machine, also those of a directory service."""

import pwd


def homes():
    """Yield (login name, home directory) of all accounts. Read-only."""
    import pygetent as getent

    try:
        entries = [(entry.name, entry.dir) for entry in getent.passwd()]
    except (UnicodeDecodeError, NotImplementedError):  # it takes names for UTF-8
        entries = [(entry.pw_name, entry.pw_dir) for entry in pwd.getpwall()]
    yield from dict(entries).items()


class Members:
    """Who belongs to a group: asked name by name, for a directory service need not list all."""

    def __init__(self, listed, group_id):
        """listed are the names that the group itself has, group_id its number."""
        self._listed, self._group_id = listed, group_id
        self._is_member: dict = {}

    def __contains__(self, name):
        if name not in self._is_member:
            is_primary = primary_group_of(name) == self._group_id
            self._is_member[name] = name in self._listed or is_primary
        return self._is_member[name]


def members(group):
    """Return the Members whose primary or secondary group it is; None if there is no such group.

    Read-only.
    """
    import grp

    import pygetent as getent

    try:
        found = getent.group(group)
        return Members(set(found.members), found.gid) if found else None
    except (UnicodeDecodeError, NotImplementedError):  # as in homes()
        pass
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        return None
    return Members(set(entry.gr_mem), entry.gr_gid)


def primary_group_of(name):
    """Return the number of an account's primary group, None if there is no such account.

    Read-only.
    """
    try:
        return pwd.getpwnam(name).pw_gid
    except (KeyError, ValueError, UnicodeError):
        return None
