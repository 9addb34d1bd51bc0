"""Make allocations of the associations of Slurm: who may use which account, up to what limit."""

import logging

from usagedb import errors
from userportal.access.allocations import Allocation
from userportal.slurm import tres
from userportal.slurm.names import checked_cluster
from userportal.slurm.stored import text

logger = logging.getLogger(__name__)

MOST_ROWS = 10_000


class SlurmAccounts:
    """The accounts of one cluster; used by many threads at once.

    Each is an Allocation of its own, whose members are its users, managers its coordinators, and
    amounts the limits GrpTRES of the account. Methods raise what reading the database raises.
    """

    names_accounts = True  # rather than groups that have several

    def __init__(self, sources, cluster):
        """Take the Sources and the cluster's name. Raises ConfigurationError for a bad name."""
        checked_cluster(cluster)
        self._sources = sources

    def by_name(self, name):
        """Return the Allocation of an account, None if there is none."""
        with self._sources.slurm() as slurm:
            return allocation_of(slurm, name)

    def of_user(self, username):
        """Return the Allocations of the accounts that a user may use or coordinates."""
        with self._sources.slurm() as slurm:
            names = {*slurm.accounts_of_user(username), *coordinated_by(slurm, username)}
            found = [allocation_of(slurm, name) for name in sorted(names)]
        return [one for one in found if one is not None]


def allocation_of(slurm, name):
    """Return the Allocation of an account, None if there is none."""
    if not slurm.account_exists(name):
        return None
    return Allocation(
        name,
        members=tuple(slurm.users_of_account(name)),
        managers=tuple(coordinators_of(slurm, name)),
        accounts=(name,),
        **amounts(slurm, name),
    )


def coordinators_of(slurm, account):
    """Return who may change an account in Slurm, in order."""
    rows = coordinations(slurm, "acct", account)
    return sorted({user for name, user in rows if name == account})


def coordinated_by(slurm, username):
    """Return the accounts that a user may change in Slurm, in order."""
    rows = coordinations(slurm, "user", username)
    return sorted({account for account, name in rows if name == username})


def coordinations(slurm, column, value):
    """Return [(account, coordinator)] by one of them, which the database may take for another one
    with the same letters: column is acct or user.

    Without the table, or the right to read it, nobody is a coordinator.
    """
    sql = {
        "acct": 'SELECT "acct", "user" FROM acct_coord_table'
        ' WHERE "deleted" = 0 AND "acct" = ? LIMIT ?',
        "user": 'SELECT "acct", "user" FROM acct_coord_table'
        ' WHERE "deleted" = 0 AND "user" = ? LIMIT ?',
    }[column]
    try:
        rows = slurm.ask(sql, (value, MOST_ROWS))
    except (errors.ConfigurationError, errors.RefusedError) as error:
        logger.info("the coordinators of accounts are not known: %s", error)
        return []
    return [(text(account), text(user)) for account, user in rows]


def amounts(slurm, account):
    """Return {cpu: amount, gpu: amount} of those that the limit GrpTRES of an account says."""
    if "grp_tres" not in slurm.columns("assoc_table"):
        return {}
    rows = slurm.ask(
        'SELECT "acct", "grp_tres" FROM {assoc_table}'
        ' WHERE "deleted" = 0 AND "user" = ? AND "acct" = ? LIMIT ?',
        ("", account, MOST_ROWS),
    )
    limits = next((text(limit) for name, limit in rows if text(name) == account), "")
    counts = tres.parse(limits)
    gpus = sum(tres.gpus(counts, slurm.tres_names()).values())
    found = {"cpu": counts.get(tres.CPU), "gpu": gpus or None}
    return {kind: float(count) for kind, count in found.items() if count is not None}
