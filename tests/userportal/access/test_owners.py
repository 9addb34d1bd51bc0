"""One rule says whose a job is: in lists, on pages, in sums."""

import pytest

from userportal.access.owners import names_in_slurm, owner, usages_by_owner
from userportal.slurm.model import UserUsage

ANN, BOB = 1001, 1002


class Directory:
    """People of whom bob is in the directory under two names, as ann is not; eve has her number."""

    uids = {"eve": ANN, "bob": BOB, "bobby": BOB}
    names = {ANN: "eve", BOB: "bob"}

    def uid_of(self, username):
        """Return the uid of a name, or None."""
        return self.uids.get(username)

    def username_of(self, user_id):
        """Return the first name of a uid, or None."""
        return self.names.get(user_id)


class Slurm:
    """Associations in which both numbers had jobs."""

    def users_of_number(self, user_id):
        """Return the names of a uid's jobs."""
        return ["ann", "eve"] if user_id == ANN else ["BOB", "bob", "bobby", "former"]


@pytest.mark.parametrize(("username", "names"), [("eve", {"eve"}), ("bob", {"bob", "bobby"})])
def test_what_is_shown_as_somebody_s_is_in_their_lists(username, names):
    user_id = Directory.uids[username]
    found = names_in_slurm(Slurm(), Directory(), username, user_id)
    assert set(found) == {"", *names}
    lowered = {name.lower() for name in found}
    for name in Slurm().users_of_number(user_id):
        is_listed = name.lower() in lowered
        assert is_listed == (owner(Directory(), name, user_id) == username)


def test_cant_see_what_the_next_holder_of_the_number_has():
    assert names_in_slurm(Slurm(), Directory(), "ann", ANN) == ("ann",)


def test_sums_are_of_people_whatever_their_names_in_slurm():
    usages = [
        UserUsage(ANN, "ann", 1, 80, 0, 0),
        UserUsage(BOB, "bob", 1, 70, 7, 700),
        UserUsage(BOB, "BOB", 2, 20, 1, 100),
        UserUsage(ANN, "eve", 1, 10, 0, 0),
        UserUsage(BOB, "", 1, 5, 0, 0),
        UserUsage(BOB, "former", 1, 3, 0, 0),
        UserUsage(4242, "", 1, 2, 0, 0),
    ]
    found = usages_by_owner(Directory(), usages)
    assert [(one.name, one.jobs, one.core_seconds) for one in found] == [
        ("bob", 4, 95), ("ann", 1, 80), ("eve", 1, 10), ("former", 1, 3), ("", 1, 2),
    ]  # fmt: skip
    assert (found[0].gpu_seconds, found[0].memory_byte_seconds) == (8, 800)
