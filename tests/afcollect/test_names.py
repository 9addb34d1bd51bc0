"""People and machines are sent under the names that a site has chosen."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afcollect.names import Users, shown_host


def test_a_name_is_sent_as_it_is_unless_asked():
    assert Users().shown("otter") == "otter"


@given(st.text(), st.text())
def test_the_documented_hash_is_the_end_of_the_md5_of_salt_and_name(salt, name):
    salt, name = salt.encode("utf-8", "replace").decode(), name.encode("utf-8", "replace").decode()
    wanted = hashlib.md5((salt + name).encode(), usedforsecurity=False).hexdigest()[24:]
    assert Users(True, salt).shown(name) == wanted


def test_a_stronger_hash_is_the_end_of_an_hmac():
    wanted = hmac.new(b"salt", b"otter", hashlib.sha256).hexdigest()[56:]
    assert Users(True, "salt", "sha256").shown("otter") == wanted


def test_distinct_names_are_sent_once_and_only_those_of_the_group():
    users = Users(members={"otter", "stoat"})
    assert users.shown_of(["stoat", "otter", "mink", "otter"]) == ["otter", "stoat"]
    assert not users.keeps("mink") and Users().keeps("mink")


@pytest.mark.parametrize(
    "name, domain, template, shown",
    [
        ("condor123.example.edu", "bnl.gov", None, "atlas123.bnl.gov"),
        ("login01.af2.example.edu", "bnl.gov", None, "atlas012.bnl.gov"),
        ("login01", None, None, "login01"),
        ("login01.example.edu", "x.org", "{host}-{digits}.{domain}", "login01-01.x.org"),
        ("login01.example.edu", None, "node{digits}", "node01"),
        ("login01", "x.org", "{unknown}{digits}", "{unknown}01"),
    ],
)
def test_a_machine_is_called_as_documented_or_by_a_template(name, domain, template, shown):
    options = {"template": template} if template else {}
    assert shown_host(name, domain, **options) == shown


def test_a_host_name_without_digits_is_warned_about(caplog):
    assert shown_host("gateway.example.edu", "bnl.gov") == "atlas.bnl.gov"
    assert "gateway.example.edu has no digits" in caplog.text
