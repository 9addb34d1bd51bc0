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

    Raises UsageError if nothing says where to look, MissingInputError for a path that is none.
    """
    if paths:
        return [existing(path) for path in paths]
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
        return [existing(prefix)]
    return (Root(home, (HOME_DIRECTORY,)) for _user, home in users(environment))


def existing(path):
    """Return the Root of a directory, a record or an archive. Raises MissingInputError."""
    if not os.access(path, os.R_OK):
        raise errors.MissingInputError(f"{path} does not exist, or this account cannot read it")
    return Root(os.path.abspath(path))  # noqa: PTH100 - without following links


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
