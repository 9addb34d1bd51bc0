"""Who belongs to a group, also where a directory service keeps it."""

from afcollect.failures import PartFailed
from usagedb import accounts


def members_of(group):
    """Return the Members whose primary or secondary group it is. Raises PartFailed."""
    found = accounts.members(group)
    if found is None:
        raise PartFailed(f"there is no group {group}")
    return found
