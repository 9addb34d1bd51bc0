"""Names, uids and full names from a file, from a directory and from the machine."""

import grp
import os
import pwd
import subprocess
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.conftest import CHECKOUT
from tests.ldap_server import LdapServer
from tests.services import require_service
from usagedb import errors
from userportal import sections
from userportal.access.kept import Kept
from userportal.configuration import Configuration
from userportal.people import Entry, People, people_for

PASSWD = """\
# people
ann:x:10001:10001:Ann Ash,room 4,,:/home/ann:/bin/bash
bob:x:10002:10002:& Birch:/home/bob:/bin/bash

carol:x:10003:10003:Carole Érable:/home/carol:/bin/bash
ann:x:666:666:A second one:/:/bin/sh
eve:x:10001:10001:The uid of another:/:/bin/sh
no line of passwd
bad:x:-5:1:Negative:/:/bin/sh
../up:x:10009:1:A path:/:/bin/sh
bell:x:10010:1:Ring\a\x1b[31m the bell:/:/bin/sh
"""


@pytest.fixture
def users_file(tmp_path):
    """A file with lines of passwd."""
    path = tmp_path / "passwd"
    path.write_text(PASSWD, encoding="utf-8")
    return path


def people_of(path):
    """Return the People of a file."""
    return People(Configuration(accounts=sections.Accounts(users_file=path)))


def test_a_file_tells_names_and_uids_both_ways(users_file):
    people = people_of(users_file)
    assert people.uid_of("ann") == 10001
    assert people.username_of(10002) == "bob"
    assert people.full_name_of("ann") == "Ann Ash"
    assert people.full_name_of("bob") == "Bob Birch"
    assert people.full_name_of("carol") == "Carole Érable"


def test_the_first_of_two_lines_counts(users_file):
    people = people_of(users_file)
    assert people.uid_of("ann") == 10001
    assert people.username_of(10001) == "ann"
    assert people.username_of(666) == "ann"  # as passwd itself answers


def test_a_group_is_the_users_own_if_it_is_the_primary_one_and_has_the_users_number(users_file):
    people = people_of(users_file)
    assert people.has_own_group("ann") and people.has_own_group("carol")
    users_file.write_text(PASSWD.replace("bob:x:10002:10002:", "bob:x:10002:100:"))
    assert [people.has_own_group(name) for name in ("ann", "bob", "zoe")] == [True, False, False]


def test_a_group_that_others_have_too_is_nobodys_own(users_file):
    users_file.write_text(PASSWD.replace("bob:x:10002:10002:", "bob:x:10002:10001:"))
    people = people_of(users_file)
    assert not people.has_own_group("ann") and people.has_own_group("carol")


def test_unknown_ones_are_none(users_file):
    people = people_of(users_file)
    assert (people.uid_of("zoe"), people.username_of(4), people.full_name_of("zoe")) == (None,) * 3


@pytest.mark.parametrize("name", ["../up", "", "no line", "a\0b", "-r", "a/b", "ann\n", "é", None])
def test_a_name_that_cant_be_one_is_unknown(users_file, name):
    assert people_of(users_file).uid_of(name) is None


@pytest.mark.parametrize("uid", [-1, 2**32 - 1, 2**80, True, "10001", None, 1.5])
def test_a_uid_that_cant_be_one_is_unknown(users_file, uid):
    assert people_of(users_file).username_of(uid) is None


def test_control_characters_do_not_come_out_of_a_full_name(users_file):
    assert people_of(users_file).full_name_of("bell") == "Ring [31m the bell"


def test_a_search_finds_parts_of_both_names_and_the_uid(users_file):
    people = people_of(users_file)
    assert [one.username for one in people.search("ÉRAB")] == ["carol"]
    assert [one.username for one in people.search("10002")] == ["bob"]
    assert [one.username for one in people.search("a", limit=2)] == ["ann", "carol"]
    assert people.search("  ") == [] and people.search("zoe") == []
    assert people.search("ann")[0] == Entry("ann", 10001, "Ann Ash")


def test_a_changed_file_is_read_again(users_file):
    people = people_of(users_file)
    assert people.uid_of("zoe") is None
    users_file.write_text(PASSWD + "dan:x:10020:1:Dan:/:/bin/sh\n", encoding="utf-8")
    assert people.uid_of("dan") == 10020


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(errors.ConfigurationError, match="cannot read"):
        people_of(tmp_path / "none").uid_of("ann")


@given(st.text(max_size=200))
def test_no_file_makes_reading_fail(tmp_path, text):
    path = tmp_path / "hostile"
    path.write_text(text, encoding="utf-8")
    people = people_of(path)
    for one in people.search("a"):
        assert people.uid_of(one.username) == one.uid


def test_the_machine_knows_its_own_accounts():
    people = People(Configuration())
    me = pwd.getpwuid(os.geteuid())
    assert people.uid_of(me.pw_name) == me.pw_uid
    assert people.username_of(me.pw_uid) == me.pw_name
    own = me.pw_gid == me.pw_uid and grp.getgrgid(me.pw_gid).gr_name == me.pw_name
    assert people.has_own_group(me.pw_name) is own
    assert people.uid_of("nobody-has-this-name") is None
    assert [one.username for one in people.search(me.pw_name)] == [me.pw_name]
    assert people.search(me.pw_name[:-1]) == []


def test_a_directory_that_went_away_still_names_whom_it_named(tmp_path):
    require_service("slapd", "slappasswd", modules=["ldap3", "trustme"])
    from tests.userportal.access.conftest import fill, settings_of

    with LdapServer(tmp_path / "slapd") as server:
        fill(server)
        section = sections.Ldap(**settings_of(server, tmp_path, cache_seconds=0.0))
        people = People(Configuration(ldap=section))
        assert people.uid_of("ann") == 10001 and people.username_of(10002) == "bob"
        assert people.has_own_group("ann") and not people.has_own_group("bob")
        server.add_person("dan", 20001, "Dan Dogwood")  # as the group of operators, which is shared
        server.add_person("eve", 20005, "Eve Elm")
        server.add_group("eve", 20005)
        assert not people.has_own_group("dan") and people.has_own_group("eve")
        server.stop()
        assert people.uid_of("ann") == 10001 and people.username_of(10002) == "bob"
        with pytest.raises(errors.UnavailableError):
            people.uid_of("carol")


def test_names_are_found_without_django_and_without_ldap():
    modules = "people", "access.allocations", "access.account_sources", "access.cloud_projects"
    code = "import sys, " + ", ".join(f"userportal.{name}" for name in modules)
    code += "; print([name for name in ('django', 'ldap3') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_directory_is_asked_without_django():
    code = "import sys, userportal.access.ldap_directory; print('django' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr


def test_people_of_equal_settings_are_the_same(users_file):
    accounts = sections.Accounts(users_file=users_file)
    first = people_for(Configuration(accounts=accounts))
    assert people_for(Configuration(accounts=sections.Accounts(users_file=users_file))) is first
    assert people_for(Configuration()) is not first


class Source:
    """Answers with numbers, counts how often it is asked, and can be away."""

    def __init__(self):
        self.asked, self.is_away = 0, False

    def __call__(self):
        self.asked += 1
        if self.is_away:
            raise errors.UnavailableError("away")
        return self.asked


def test_an_answer_is_kept_for_its_time():
    clock, source = [0.0], Source()
    kept = Kept(10, clock=lambda: clock[0])
    assert [kept.get("a", source), kept.get("a", source), kept.get("b", source)] == [1, 1, 2]
    clock[0] = 10.0
    assert kept.get("a", source) == 3


def test_an_old_answer_serves_while_the_source_is_away_but_not_for_ever():
    clock, source = [0.0], Source()
    kept = Kept(10, away_seconds=100, clock=lambda: clock[0])
    assert kept.get("a", source) == 1
    source.is_away, clock[0] = True, 50.0
    assert kept.get("a", source) == 1 and source.asked == 2
    assert kept.get("a", source) == 1 and source.asked == 2  # not asked again at once
    clock[0] = 200.0
    with pytest.raises(errors.UnavailableError):
        kept.get("a", source)


def test_cant_keep_more_than_so_many():
    source = Source()
    kept = Kept(10, most=2)
    for key in "abca":
        kept.get(key, source)
    assert source.asked == 4
