"""People and machines are sent under the names that a site has chosen."""

import hashlib
import hmac
import json
import os
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afcollect import logins, names
from afcollect.collect import Collector, Settings
from afcollect.names import Users, shown_host
from afcollect.no_outbox import NoOutbox


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
    users = Users(among=lambda found: set(found) & {"otter", "stoat"})
    assert users.shown_of(["stoat", "otter", "mink", "otter"]) == ["otter", "stoat"]
    assert users.kept(["mink"]) == set() and Users().kept(["mink"]) == {"mink"}


@pytest.mark.parametrize(
    "name, domain, template, shown",
    [
        ("condor123.example.edu", "lab.example", None, "atlas123.lab.example"),
        ("login01.af2.example.edu", "lab.example", None, "atlas012.lab.example"),
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
    assert shown_host("gateway.example.edu", "lab.example") == "atlas.lab.example"
    assert "gateway.example.edu has no digits" in caplog.text


def hanging(_name):
    """Look a name up in vain."""
    while True:
        time.sleep(0.01)


def failing(_name):
    raise OSError("no name server")


@pytest.fixture
def machine_is(monkeypatch):
    """A function that says how this machine is called, and what its resolver does."""

    def called(own, resolver):
        monkeypatch.setattr(socket, "gethostname", lambda: own)
        monkeypatch.setattr(socket, "getfqdn", resolver)
        # Only one that hangs is waited for in vain.
        monkeypatch.setattr(names, "RESOLVER_SECONDS", 0.1 if resolver is hanging else 600.0)

    return called


def shown(known=None, domain=None, template=names.HOST_TEMPLATE):
    """Return the name under which this machine is sent."""
    return names.login_node(domain, template, known)["shown"]


def test_a_name_with_a_dot_is_taken_and_nobody_is_asked(machine_is):
    machine_is("login01.example.org", lambda name: f"{name}.not-this")
    assert shown() == "login01.example.org" and shown(domain="lab.example") == "atlas01.lab.example"


def test_the_resolver_is_asked_in_another_process(machine_is):
    machine_is("login01", lambda name: f"{name}.p{os.getpid()}")
    found = shown()
    assert found.startswith("login01.p") and found != f"login01.p{os.getpid()}"


RESOLVERS = [hanging, failing, lambda name: name, lambda _name: "localhost", lambda _name: ""]


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_what_is_known_counts_for_the_same_machine_and_arguments_only(machine_is, resolver):
    machine_is("login01", lambda name: f"{name}.example2.org")
    known = names.login_node("lab.example", names.HOST_TEMPLATE)
    assert known["shown"] == "atlas012.lab.example" and "login" not in json.dumps(known)
    machine_is("login01", resolver)
    assert shown(known, "lab.example") == "atlas012.lab.example"
    assert shown(known, "other.example") == "atlas01.other.example"
    assert shown(known, "lab.example", "x{digits}") == "x01"
    assert (
        shown(names.login_node("lab.example", names.HOST_TEMPLATE), "lab.example")
        == "atlas01.lab.example"
    )
    machine_is("login03", resolver)  # the machine has another name now
    assert shown(known, "lab.example") == "atlas03.lab.example"


@pytest.mark.parametrize("resolver", [hanging, failing, lambda name: name])
def test_a_machine_keeps_its_name_in_documents_though_the_resolver_fails(
    machine_is, monkeypatch, resolver
):
    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    state, shown = {}, []
    for own, answer in (
        ("login01", resolver), ("login01", lambda name: f"{name}.example.org"),
        ("login01", resolver), ("login01", resolver), ("login02", resolver),
    ):  # fmt: skip
        machine_is(own, answer)
        found = Collector(Settings("X", ssh=True), 1.0, state, NoOutbox().reported).run()
        state = json.loads(json.dumps({**state, **found.state}))
        shown += [document["login_node"] for _part, document in found.documents]
    assert shown == ["login01", *["login01.example.org"] * 3, "login02"]


def test_the_resolver_is_asked_once_in_a_run(machine_is, monkeypatch, tmp_path):
    monkeypatch.setattr(logins, "present", lambda _ask: ["otter"])
    machine_is("login01", lambda name: f"{name}.p{os.getpid()}")
    settings = Settings("X", ssh=True, host=True, mounts=(str(tmp_path),))
    found = Collector(settings, 1.0, {}, NoOutbox().reported).run()
    nodes = {document["login_node"] for _part, document in found.documents}
    assert len(found.documents) == 4 and nodes == {found.state["login_node"]["shown"]}
