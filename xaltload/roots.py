"""Where a site's records are: named directories, XALT_FILE_PREFIX, or the homes of the users."""

import os
from typing import NamedTuple

from usagedb import errors
from usagedb.accounts import homes

HOME_DIRECTORY = ".xalt.d"
USE_HOME = "USE_HOME"
FILE_STYLES = ("", "file", "file_separate_dirs")


class Root(NamedTuple):
    """A directory to search: `inside` is its part that users can change."""

    path: str  # named by the administrator: followed wherever it leads
    inside: tuple = ()  # names below it, no links


def find_roots(paths, environment=os.environ):
    """Return an iterable of Roots: the named paths, else what XALT's own variables say.

    Of several paths those that are missing are told where they are read, for the others are loaded.
    Raises UsageError if nothing says where to look, MissingInputError if nothing is there.
    """
    if paths:
        return existing(paths)
    style = environment.get("XALT_TRANSMISSION_STYLE", "")
    if style.lower() not in FILE_STYLES:
        raise errors.UsageError(
            f"XALT_TRANSMISSION_STYLE is {style}: its records are in no files"
            " (for syslog use xalt_syslog_to_db), or name a PATH"
        )
    prefix = environment.get("XALT_FILE_PREFIX", "")
    if not prefix:
        raise errors.UsageError("name a PATH, or set XALT_FILE_PREFIX to a directory or USE_HOME")
    if prefix != USE_HOME:
        return existing([prefix])
    return (Root(home, (HOME_DIRECTORY,)) for _user, home in users(environment))


def existing(paths):
    """Return the Roots of directories, records or archives.

    Raises MissingInputError if none of them can be read.
    """
    if not any(os.access(path, os.R_OK) for path in paths):
        raise errors.MissingInputError(unreadable(paths[0]))
    return [Root(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - links stay


def unreadable(path):
    """Return the sentence about a path that is not there."""
    return f"{path} does not exist, or this account cannot read it"


def users(environment):
    """Yield (user, home): those of XALT_USERS (`user:user;home`), or all accounts."""
    named = environment.get("XALT_USERS", "")
    if not named:
        yield from homes()
        return
    home_of = None
    for entry in filter(None, named.split(":")):
        user, _semicolon, home = entry.partition(";")
        if not home:
            home_of = home_of or dict(homes())
            home = home_of.get(user, "")
        if not home:
            raise errors.UsageError(f"XALT_USERS: there is no account {user}")
        yield user, home
