"""Who belongs to a group, also where a directory service keeps it, which may be away."""

from afcollect.children import NoAnswer, Question
from afcollect.failures import PartFailed
from usagedb import accounts

TIMEOUT_SECONDS = 30.0


class Group:
    """The members of one group, asked for in processes of their own."""

    def __init__(self, name):
        self.name = name
        self._is_member: dict = {}  # as far as it is known

    def among(self, names, left_seconds=TIMEOUT_SECONDS):
        """Return which of some names are members. Raises PartFailed if there is no such group, or
        no answer in time."""
        names = set(names)
        unknown = sorted(names - set(self._is_member))
        if unknown or not self._is_member:
            found = self._ask(unknown, min(left_seconds, TIMEOUT_SECONDS))
            self._is_member.update((one, one in found) for one in unknown)
        return {one for one in names if self._is_member[one]}

    def _ask(self, names, wait_seconds):
        try:
            found = Question(members_among, [self.name, names]).answer(wait_seconds)
        except NoAnswer:
            raise PartFailed(f"nobody says in time who is in group {self.name}") from None
        if found is None:
            raise PartFailed(f"there is no group {self.name}")
        return set(found)


def members_among(question):
    """Return which names are members of a group, both in a list; None if there is no such group.
    It may never return."""
    group, names = question
    found = accounts.members(group)
    return None if found is None else [name for name in names if name in found]
