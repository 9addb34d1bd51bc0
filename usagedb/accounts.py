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


def members(group):
    """Return the names of all whose primary or secondary group it is; None if there is no such
    group. Read-only."""
    import grp

    import pygetent as getent

    try:
        found = getent.group(group)
        listed, number = (set(found.members), found.gid) if found else (None, None)
    except (UnicodeDecodeError, NotImplementedError):
        try:
            entry = grp.getgrnam(group)
        except KeyError:
            return None
        listed, number = set(entry.gr_mem), entry.gr_gid
    return None if listed is None else listed | primary_members(number)


def primary_members(group_id):
    """Return the names of the accounts whose primary group has that number. Read-only."""
    import pygetent as getent

    try:
        return {entry.name for entry in getent.passwd() if entry.gid == group_id}
    except (UnicodeDecodeError, NotImplementedError):
        return {entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == group_id}
