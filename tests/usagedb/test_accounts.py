"""Who belongs to a group is found by its list and by the accounts' own primary group."""

import grp
import pwd

from usagedb import accounts


def test_an_account_belongs_to_its_primary_group_without_being_listed():
    own = pwd.getpwuid(0)
    group = grp.getgrgid(own.pw_gid)
    found = accounts.members(group.gr_name)
    assert own.pw_name in found and "no-such-account" not in found
    assert "nobody" not in found


def test_those_that_a_group_lists_belong_to_it():
    found = accounts.Members({"otter"}, 4_000_000_000)
    assert "otter" in found and pwd.getpwuid(0).pw_name not in found


def test_a_name_that_no_account_can_have_belongs_to_no_group():
    found = accounts.Members(set(), 0)
    for name in ("", "a\0b", "\udcff", "x" * 5000):
        assert name not in found


def test_a_group_that_is_not_there_has_no_members():
    assert accounts.members("no-such-group") is None
