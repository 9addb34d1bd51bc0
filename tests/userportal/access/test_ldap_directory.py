"""People, groups, allocations and passwords from a real slapd."""

import dataclasses
import re
import socket
import string

import hypothesis.strategies as st
import ldap3
import pytest
from hypothesis import given, settings
from ldap3.core.exceptions import LDAPResponseTimeoutError, LDAPSessionTerminatedByServerError

from tests.ldap_server import BASE, PASSWORD, LdapServer
from tests.services import free_port, wait_until
from tests.userportal.access.conftest import fill, settings_of
from usagedb import errors
from userportal import sections
from userportal.access import ldap_directory, ldap_filter
from userportal.access.allocations import ComputeAmount, StorageAmount
from userportal.access.ldap_connection import LdapConnections
from userportal.access.ldap_directory import Directory

TIB = 2**40


def directory_of(values, **changed):
    """Return the Directory of a section [ldap]; servers that were away are asked again at once."""
    made = Directory(sections.Ldap(**{**values, **changed}))
    made.connections.pause_seconds = 0
    return made


@pytest.fixture
def directory(ldap_settings):
    """The Directory of the server that all tests share, by TLS."""
    return directory_of(ldap_settings)


def test_people_are_found_by_name_and_by_uid(directory):
    assert directory.by_name("ann") == ("ann", 10001, "Ann Ash", 10001)
    assert directory.by_uid(10003) == ("carol", 10003, "Carole Érable", 10003)
    assert directory.by_name("nobody-here") is None
    assert directory.by_uid(4) is None


def test_a_name_in_other_letters_is_not_the_name(directory):
    assert directory.by_name("ANN") is None
    assert directory.by_name("ann ") is None


def test_people_are_searched_by_a_part_of_their_names(directory):
    assert directory.search("birch", 10) == [("bob", 10002, "Bob Birch", 20002)]
    assert [found[0] for found in directory.search("a", 10)] == ["ann", "carol"]
    assert len(directory.search("a", 1)) == 1


@pytest.mark.parametrize("text", ["*", "a*n", "*)(uid=*", "ann)(|(uid=*", "\\2a", "(", "\0", "é*"])
def test_a_search_cant_widen_itself(directory, text):
    assert directory.search(text, 10) == []
    assert directory.by_name(text) is None


@settings(max_examples=60)
@given(st.text(alphabet=string.printable + "é\0", max_size=30))
def test_cant_find_by_a_text_who_does_not_have_it(directory, text):
    found = directory.search(text, 10)
    # A directory compares without capitals, without blanks at the ends, and blanks count once.
    wanted = " ".join(text.casefold().split())
    assert all(wanted in f"{name} {full}".casefold() for name, _uid, full, _gid in found)


@given(st.text())
def test_an_escaped_value_has_no_letter_that_means_something(text):
    escaped = ldap_filter.escaped(text)
    assert not set(escaped) & set("*()\0 &|!=<>~:/")
    words = re.findall(r"\\([0-9a-f]{2})|([A-Za-z0-9])", escaped)
    assert bytes(int(code, 16) if code else ord(letter) for code, letter in words) == text.encode()


def test_cant_name_a_class_that_is_a_filter(ldap_settings):
    with pytest.raises(errors.ConfigurationError, match="no name of a class"):
        directory_of(ldap_settings, user_class="posixAccount)(uid=*").by_name("ann")


def test_groups_are_those_that_list_a_user_and_the_primary_one(directory):
    assert directory.groups_of("ann") == {"operators"}
    assert directory.groups_of("bob") == {"assistants"}
    assert directory.groups_of("nobody-here") == frozenset()


def test_groups_of_names_count_too(ldap_settings):
    directory = directory_of(ldap_settings, group_class="groupOfNames")
    assert directory.groups_of("carol") == {"consultants"}
    assert directory.groups_of("ann") == frozenset()


def test_an_allocation_has_the_resources_that_count_now(directory):
    found = directory.allocation("rrg-ash")
    assert (found.members, found.managers, found.description) == (("ann", "bob"), ("ann",), "Trees")
    assert found.compute() == [
        ComputeAmount("rrg-ash_cpu", "cpu", 128.0), ComputeAmount("rrg-ash_gpu", "gpu", 4.0),
    ]  # fmt: skip
    assert found.storage == (
        StorageAmount("rrg-ash", "project", 20 * TIB, 2_000_000, 30001),
        StorageAmount("rrg-ash", "nearline", 50 * TIB, None, 30001),
    )


def test_a_default_allocation_has_both_resources_without_amounts(directory):
    found = directory.allocation("def-ash")
    assert found.compute() == [
        ComputeAmount("def-ash_cpu", "cpu", None), ComputeAmount("def-ash_gpu", "gpu", None),
    ]  # fmt: skip
    assert found.storage == (StorageAmount("def-ash", "project", TIB, 500_000, 30002),)


def test_an_allocation_that_is_not_active_says_so(directory):
    assert not directory.allocation("rrg-old").is_active
    assert {one.name: one.is_active for one in directory.allocations_of("ann")} == {
        "rrg-ash": True, "def-ash": True, "rrg-old": False,
    }  # fmt: skip
    assert directory.allocations_of("carol") == []


def test_a_manager_who_is_no_member_finds_the_allocation(slapd, directory):
    slapd.add_allocation("rrg-fir", ["bob"], gidNumber=30009, ccResponsible="carol")
    assert [one.name for one in directory.allocations_of("carol")] == ["rrg-fir"]
    assert not directory.allocations_of("CAROL")


def test_a_directory_that_refuses_the_search_for_managers_still_tells_members(
    tmp_path, caplog, monkeypatch
):
    """ccResponsible has no index there, and searches without one are limited."""
    with LdapServer(tmp_path, more="limits * size.unchecked=2") as server:
        fill(server)
        directory = directory_of(settings_of(server, tmp_path))
        for _page in range(3):
            found = [one.name for one in directory.allocations_of("bob")]
            assert sorted(found) == ["def-ash", "rrg-ash"]
        monkeypatch.setattr(ldap_directory, "REFUSED_SECONDS", 0.0)
        directory._no_managers_until = 0.0  # as after some time: refused again, and not told
        directory.allocations_of("bob")
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(warned) == 1 and "has ccResponsible an index? LDAP: adminLimit" in warned[0]


def test_a_directory_that_goes_away_before_it_was_asked_for_managers_has_refused_nothing(
    tmp_path, monkeypatch
):
    with LdapServer(tmp_path) as server:
        fill(server)
        server.add_allocation("rrg-fir", ["bob"], gidNumber=30009, ccResponsible="carol")
        directory = directory_of(settings_of(server, tmp_path))
        search = LdapConnections.search

        def fails(connections, wanted, *arguments):
            if "ccResponsible" in wanted:
                raise errors.UnavailableError("LDAP: no server answered a moment ago")
            return search(connections, wanted, *arguments)

        with monkeypatch.context() as patches:
            patches.setattr(LdapConnections, "search", fails)
            with pytest.raises(errors.UnavailableError, match="a moment ago"):
                directory.allocations_of("carol")
        assert [one.name for one in directory.allocations_of("carol")] == ["rrg-fir"]


@pytest.mark.parametrize(
    ("error", "is_refusal"),
    [(LDAPResponseTimeoutError("no answer"), True), (LDAPSessionTerminatedByServerError(), False)],
)
def test_a_search_without_an_answer_in_time_is_refused_and_a_lost_connection_is_not(
    tmp_path, monkeypatch, error, is_refusal
):
    """The bind before it was answered: it is the search that takes too long."""
    with LdapServer(tmp_path) as server:
        fill(server)
        directory = directory_of(settings_of(server, tmp_path))
        search = ldap3.Connection.search

        def fails(connection, base, wanted, *arguments, **options):
            if "ccResponsible" in wanted:
                raise error
            return search(connection, base, wanted, *arguments, **options)

        monkeypatch.setattr(ldap3.Connection, "search", fails)
        if is_refusal:
            assert len(directory.allocations_of("bob")) == 2
        else:
            with pytest.raises(errors.UnavailableError):
                directory.allocations_of("bob")


def test_who_has_the_password_logs_in(directory):
    assert directory.login("ann", PASSWORD) == "ann"
    assert directory.login("ANN", PASSWORD) == "ann"  # as the directory writes it


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"),
        ("ann", ""),
        ("ann", PASSWORD + "\0"),
        ("nobody-here", PASSWORD),
        ("", PASSWORD),
        ("a*", PASSWORD),
        ("*", PASSWORD),
        (f"uid=ann,{BASE}", PASSWORD),
        ("operators", PASSWORD),
    ],
)
def test_nobody_else_does(directory, name, password):
    assert directory.login(name, password) is None


def test_an_empty_password_is_refused_though_the_server_takes_it(tmp_path):
    with LdapServer(tmp_path / "slapd", others="read", options="allow bind_anon_dn") as server:
        fill(server)
        directory = directory_of(settings_of(server, tmp_path))
        assert directory.login("ann", "") is None
        assert directory.connections.is_password(f"uid=ann,{BASE}", "") is False
        assert directory.connections.is_password("", PASSWORD) is False
        assert directory.login("ann", PASSWORD) == "ann"


def test_an_unknown_name_costs_a_bind_as_a_known_one_does(directory, slapd):
    def binds(name):
        before = slapd.log.read_text().count("BIND dn=")
        assert directory.login(name, "wrong") is None
        wait_until(lambda: slapd.log.read_text().count("BIND dn=") > before, "a bind")
        return slapd.log.read_text().count("BIND dn=") - before

    assert directory.by_name("ann") is not None  # the portal's own connection is there
    assert binds("ann") == binds("nobody-here")


def test_a_server_of_another_authority_is_not_spoken_to(ldap_settings, slapd, tmp_path):
    import trustme

    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with pytest.raises(errors.UnavailableError, match="(?i)certificate"):
        directory_of(ldap_settings, ca_file=other).by_name("ann")
    with pytest.raises(errors.UnavailableError, match="(?i)certificate"):
        directory_of(ldap_settings, ca_file=other, url=slapd.url, start_tls=True).by_name("ann")
    with pytest.raises(errors.UnavailableError, match="(?i)certificate"):  # the system's own
        directory_of(ldap_settings, ca_file=None).by_name("ann")


def test_a_server_with_the_certificate_of_another_host_is_not_spoken_to(tmp_path):
    with LdapServer(tmp_path / "slapd", host="other.example.org") as server:
        fill(server)
        values = settings_of(server, tmp_path)
        with pytest.raises(errors.UnavailableError, match="that of another host"):
            directory_of(values).by_name("ann")
        with pytest.raises(errors.UnavailableError, match="that of another host"):
            directory_of(values, url=server.url, start_tls=True).by_name("ann")


def test_tls_can_begin_on_the_plain_port(ldap_settings, slapd):
    directory = directory_of(ldap_settings, url=slapd.url, start_tls=True)
    assert directory.by_name("ann") == ("ann", 10001, "Ann Ash", 10001)
    assert directory.login("bob", PASSWORD) == "bob"


def test_passwords_do_not_go_over_a_network_in_clear(ldap_settings):
    directory = directory_of(ldap_settings, url="ldap://ldap.example.org")
    with pytest.raises(errors.ConfigurationError, match="say ldaps://"):
        directory.by_name("ann")


def test_a_refused_bind_account_is_told(ldap_settings, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    with pytest.raises(errors.RefusedError, match="cn=portal"):
        directory_of(ldap_settings, password_file=wrong).by_name("ann")


def test_a_bind_account_needs_a_password(ldap_settings, tmp_path):
    with pytest.raises(errors.ConfigurationError, match="needs password_file"):
        directory_of(ldap_settings, password_file=None).by_name("ann")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(errors.ConfigurationError, match="is empty"):
        directory_of(ldap_settings, password_file=empty).by_name("ann")
    with pytest.raises(errors.ConfigurationError, match="cannot read"):
        directory_of(ldap_settings, password_file=tmp_path / "none").by_name("ann")


def test_without_a_bind_account_what_all_may_read_is_read(tmp_path):
    with LdapServer(tmp_path / "slapd", others="read") as server:
        fill(server)
        values = settings_of(server, tmp_path, bind_dn="", password_file=None)
        assert directory_of(values).by_name("ann") == ("ann", 10001, "Ann Ash", 10001)


@pytest.mark.parametrize("url", ["", "http://ldap.example.org", "ldap.example.org", "ldaps://"])
def test_an_address_that_is_none_is_refused(ldap_settings, url):
    with pytest.raises(errors.ConfigurationError, match=r"\[ldap\] url"):
        directory_of(ldap_settings, url=url)


def test_the_next_server_is_asked_when_one_is_away(ldap_settings, slapd):
    away = f"ldaps://127.0.0.1:{free_port()}"
    directory = directory_of(ldap_settings, url=f"{away}, {slapd.tls_url}")
    assert directory.by_name("ann") == ("ann", 10001, "Ann Ash", 10001)
    assert directory.connections.urls[0].geturl() == slapd.tls_url


def test_all_servers_away_is_told_with_their_names(ldap_settings):
    ports = free_port(), free_port()
    urls = [f"ldaps://127.0.0.1:{port}" for port in ports]
    with pytest.raises(errors.UnavailableError) as told:
        directory_of(ldap_settings, url=" ".join(urls)).by_name("ann")
    assert all(url in str(told.value) for url in urls)


def test_a_server_that_says_nothing_is_given_up(ldap_settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldaps://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(errors.UnavailableError, match="timed out"):
            directory_of(ldap_settings, url=url, timeout_seconds=1.0).by_name("ann")


def test_a_server_that_was_away_is_found_again(tmp_path):
    with LdapServer(tmp_path / "slapd") as server:
        fill(server)
        directory = directory_of(settings_of(server, tmp_path))
        assert directory.by_name("ann") is not None
        server.stop()
        with pytest.raises(errors.UnavailableError):
            directory.by_name("ann")
        server.start()
        assert directory.by_name("ann") == ("ann", 10001, "Ann Ash", 10001)


def test_a_restart_in_between_is_not_noticed(tmp_path):
    with LdapServer(tmp_path / "slapd") as server:
        fill(server)
        directory = directory_of(settings_of(server, tmp_path))
        assert directory.by_name("ann") is not None
        server.stop()
        server.start()
        assert directory.by_name("ann") == ("ann", 10001, "Ann Ash", 10001)


def test_more_than_a_page_is_read_to_the_end(tmp_path):
    options = "sizelimit size.soft=700 size.hard=5000 size.prtotal=unlimited"
    with LdapServer(tmp_path / "slapd", more=f"limits * {options[10:]}") as server:
        server.add_base()
        with server.administrator() as connection:
            for number in range(1203):
                connection.add(
                    f"cn=grant-{number},{BASE}", ["ccAllocation"],
                    {"cn": f"grant-{number}", "memberUid": "ann", "ccRapStatus": "active"},
                )  # fmt: skip
        directory = directory_of(settings_of(server, tmp_path))
        assert len(directory.allocations_of("ann")) == 1203


def test_two_people_with_one_name_are_nobody(tmp_path):
    with LdapServer(tmp_path / "slapd") as server:
        fill(server)
        server.add("ou=more", ["organizationalUnit"], {"ou": "more"})
        values = {"uid": "ann", "uidNumber": 66, "gidNumber": 66, "cn": "x", "sn": "x",
                  "homeDirectory": "/"}  # fmt: skip
        server.add("uid=ann,ou=more", ["inetOrgPerson", "posixAccount"], values)
        directory = directory_of(settings_of(server, tmp_path))
        assert directory.by_name("ann") is None
        assert directory.login("ann", PASSWORD) is None


def test_a_section_is_compared_by_its_values(ldap_settings):
    section = sections.Ldap(**ldap_settings)
    assert hash(section) == hash(dataclasses.replace(section))
