"""Where allocations come from: a file, a directory, or the associations of Slurm."""

from userportal.access.account_file import AccountFile
from userportal.access.allocations import StorageAmount
from userportal.access.slurm_accounts import SlurmAccounts
from userportal.units import GIBIBYTE

OWN_PLACES = ("home", "scratch")  # of a user; the other places are those of groups


def source_for(accounts, ldap, cluster, sources):
    """Return the source of allocations that a section [accounts] names. Nothing is opened."""
    if accounts.source == "file":
        return AccountFile(accounts.file)
    if accounts.source == "ldap":
        from userportal.access.ldap_directory import directory_for  # ldap3 takes its time

        return LdapAccounts(directory_for(ldap))
    return SlurmAccounts(sources, cluster)


class LdapAccounts:
    """The allocations of a Directory."""

    def __init__(self, directory):
        self._directory = directory

    def by_name(self, name):
        """Return the Allocation of that name, or None."""
        return self._directory.allocation(name)

    def of_user(self, username):
        """Return the Allocations of a user."""
        return self._directory.allocations_of(username)


def default_storage(storage):
    """Return the StorageAmounts that every user has, from the sections [storage NAME]."""
    return [
        StorageAmount(
            "", place, round(section.default_gib * GIBIBYTE) or None, section.default_files or None
        )
        for place, section in storage.items()
        if place in OWN_PLACES
    ]
