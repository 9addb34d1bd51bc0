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
