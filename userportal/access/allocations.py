"""What groups were given, and who belongs to them: accounts, members, managers, amounts."""

import dataclasses
import functools
from typing import Optional

from userportal.access.kept import Kept
from userportal.access.names import is_username
from userportal.slurm.names import group_of, resource_of, without_resource

CACHE_SECONDS = 300.0
DEFAULT_PREFIX = "def-"  # of allocations that every group has, and that say no amounts
RESOURCES = ("cpu", "gpu")


@dataclasses.dataclass(frozen=True)
class StorageAmount:
    """The place that an allocation has on a file system; None: not said."""

    name: str  # the allocation, or the user
    place: str  # home, scratch, project, nearline …
    size_bytes: Optional[int] = None
    file_count: Optional[int] = None
    gid: Optional[int] = None  # by which file systems know the allocation


@dataclasses.dataclass(frozen=True)
class ComputeAmount:
    """The cores or GPUs of an account of Slurm, all the time; None: the default, not limited."""

    account: str
    resource: str  # cpu or gpu
    amount: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Allocation:
    """One group's allocation. Its accounts in Slurm are those named, else NAME_cpu, NAME_gpu."""

    name: str
    members: tuple = ()
    managers: tuple = ()
    cpu: Optional[float] = None
    gpu: Optional[float] = None
    storage: tuple = ()  # StorageAmounts
    description: str = ""
    gid: Optional[int] = None
    is_active: bool = True
    accounts: tuple = ()

    def compute(self):
        """Return the ComputeAmounts. A default allocation has both resources, without amounts."""
        if self.accounts:
            return [amount for account in self.accounts for amount in self._of_account(account)]
        is_default = self.name.startswith(DEFAULT_PREFIX)
        return [
            ComputeAmount(f"{self.name}_{resource}", resource, getattr(self, resource))
            for resource in RESOURCES
            if is_default or getattr(self, resource) is not None
        ]

    def _of_account(self, account):
        """Return the amount of an account for one resource; of one for all, those that are said."""
        resource = resource_of(account)
        resources = (resource,) if resource else RESOURCES
        amounts = [ComputeAmount(account, name, getattr(self, name)) for name in resources]
        return [one for one in amounts if one.amount is not None] or amounts[:1]


class Allocations:
    """The allocations of one Configuration, kept for some minutes; used by many threads at once.

    A source has by_name(name) -> Allocation or None and of_user(username) -> [Allocation]; only
    active allocations count. Methods raise UnavailableError, RefusedError or ConfigurationError
    if the source cannot be asked.
    """

    def __init__(self, source, default_storage=(), seconds=CACHE_SECONDS):
        """default_storage: the StorageAmounts that each user has."""
        self._source, self._default_storage = source, tuple(default_storage)
        self._by_name, self._of_user = Kept(seconds), Kept(seconds)

    def allocation(self, account) -> Optional[Allocation]:
        """Return the active Allocation behind an account of Slurm, None if there is none.

        Its name is the whole account, the account without _cpu or _gpu, or the part before the
        first _, the first of these that there is; where accounts have names of their own, as in
        Slurm, the whole account alone. An Allocation whose accounts are listed has no others.
        """
        names = [account]
        if not getattr(self._source, "names_accounts", False):
            names += [without_resource(account), group_of(account)]
        for name in dict.fromkeys(filter(is_username, names)):
            found = self._by_name.get(name, functools.partial(self._source.by_name, name))
            if found is not None and has_account(found, account):
                return found if found.is_active else None
        return None

    def allocations_of(self, username) -> "list[Allocation]":
        """Return the active Allocations that a user belongs to, in order of names."""
        found = self._of_user.get(username, functools.partial(self._source.of_user, username))
        return sorted((one for one in found if one.is_active), key=lambda one: one.name)

    def is_member(self, username, account) -> bool:
        """Tell whether a user belongs to the allocation behind an account."""
        found = self.allocation(account)
        return found is not None and username in (*found.members, *found.managers)

    def is_manager(self, username, account) -> bool:
        """Tell whether a user answers for the allocation behind an account."""
        found = self.allocation(account)
        return found is not None and username in found.managers

    def members_of(self, account) -> "list[str]":
        """Return the users of an account, in order; [] for an unknown one."""
        found = self.allocation(account)
        return sorted({*found.members, *found.managers}) if found else []

    def managers_of(self, account) -> "list[str]":
        """Return who answers for an account, in order; [] for an unknown one."""
        found = self.allocation(account)
        return sorted(set(found.managers)) if found else []

    def accounts_of(self, username) -> "list[str]":
        """Return the accounts of Slurm that a user belongs to, in order."""
        return list(dict.fromkeys(one.account for one in self.compute_of_user(username)))

    def compute_of_user(self, username) -> "list[ComputeAmount]":
        """Return the ComputeAmounts of a user's accounts, in order."""
        found = self.allocations_of(username)
        return sorted(
            (amount for one in found for amount in one.compute()), key=lambda one: one.account
        )

    def compute_of_account(self, account) -> "list[ComputeAmount]":
        """Return the ComputeAmounts of an account, [] for an unknown one."""
        found = self.allocation(account)
        return [one for one in found.compute() if one.account == account] if found else []

    def storage_of(self, username) -> "list[StorageAmount]":
        """Return the StorageAmounts of a user: the own places first, then the groups'."""
        own = [dataclasses.replace(one, name=username) for one in self._default_storage]
        return own + [amount for one in self.allocations_of(username) for amount in one.storage]


def has_account(allocation, account) -> bool:
    """Tell whether an account, or what it begins with, can be that of an Allocation."""
    listed = allocation.accounts
    return not listed or account == allocation.name or account in listed


def allocations_for(configuration, sources) -> Allocations:
    """Return the Allocations of a Configuration: the same for all who ask. Nothing is opened."""
    storage = tuple(sorted(configuration.storage.items()))
    return _allocations(
        configuration.accounts, configuration.ldap, configuration.portal.cluster, storage, sources
    )


@functools.lru_cache(maxsize=8)
def _allocations(accounts, ldap, cluster, storage, sources):
    from userportal.access.account_sources import default_storage, source_for

    source = source_for(accounts, ldap, cluster, sources)
    # A file is read when it changes.
    seconds = {"ldap": ldap.cache_seconds, "file": 0.0}.get(accounts.source, CACHE_SECONDS)
    return Allocations(source, default_storage(dict(storage)), seconds)
