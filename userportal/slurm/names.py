"""Check the name of a cluster, and take the name of an account apart."""

import re

from usagedb.errors import ConfigurationError

# The name is a part of the names of tables, which no parameter of a statement can be.
CLUSTER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", re.ASCII)
RESOURCE_SUFFIXES = ("_cpu", "_gpu")


def checked_cluster(name: str) -> str:
    """Return the name of a cluster as slurmdbd writes it in the names of its tables.

    Raises ConfigurationError if it could not be a part of such a name.
    """
    if not CLUSTER_NAME.fullmatch(name):
        raise ConfigurationError(
            f"cluster name {name!r}: letters, digits, - _ and . are allowed, 40 at most"
        )
    return name.lower()


def without_resource(account: str) -> str:
    """Return an account without its suffix _cpu or _gpu, if it has one: a_cpu is a."""
    for suffix in RESOURCE_SUFFIXES:
        if account.endswith(suffix) and len(account) > len(suffix):
            return account[: -len(suffix)]
    return account


def resource_of(account: str) -> "str | None":
    """Return cpu or gpu as the suffix of an account says, None without a suffix."""
    return account[-3:] if without_resource(account) != account else None


def group_of(account: str) -> str:
    """Return the part of an account before its first _: the name of the group that has it."""
    return account.partition("_")[0]
