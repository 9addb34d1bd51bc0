"""Who the web server says somebody is, and whose word is believed."""

import logging
import string

import hypothesis.strategies as st
import pytest
from hypothesis import given

from usagedb import errors
from userportal import sections
from userportal.access.addresses import is_trusted

PROXY = "10.1.2.3"
STRANGER = "192.0.2.7"
HEADERS = {"methods": ("headers",), "user_suffixes": ("example.org",)}
VARIABLES = {"methods": ("remote_user",), "user_suffixes": ("example.org",)}


def who(client, path="/", **environ):
    """Return what the page says of who looks."""
    response = client.get(path, **environ)
    assert response.status_code == 200, response.status_code
    return response.json()


def by_header(client, user, path="/", address=PROXY, **environ):
    """Ask as a proxy does that says who somebody is."""
    return who(client, path, REMOTE_ADDR=address, HTTP_X_REMOTE_USER=user, **environ)


def test_a_header_of_a_proxy_logs_in_and_makes_the_user(portal):
    portal.set(access=HEADERS)
    assert by_header(portal.client(), "ann@example.org") == {
        "name": "ann", "full_name": "", "roles": ["user"],
    }  # fmt: skip
    assert portal.names() == ["ann"]
    from django.contrib.auth import get_user_model

    assert not get_user_model().objects.get().has_usable_password()


@pytest.mark.parametrize("address", ["10.255.0.1", "fd00::7", "::ffff:10.0.0.1"])
def test_proxies_are_addresses_and_networks(portal, address):
    portal.set(access=HEADERS)
    assert by_header(portal.client(), "ann@example.org", address=address)["name"] == "ann"


@pytest.mark.parametrize("address", [STRANGER, "127.0.0.1", "11.0.0.1", "fe80::1", "", "x"])
def test_a_header_from_elsewhere_is_ignored_and_logged(portal, caplog, address):
    portal.set(access=HEADERS)
    with caplog.at_level(logging.WARNING):
        found = by_header(portal.client(), "ann@example.org", address=address)
    assert found["name"] == "" and portal.names() == []
    assert "no trusted proxy: ignored" in caplog.text


def test_a_header_cant_log_in_where_that_method_is_not_wanted(portal):
    portal.set(access={"methods": ("password", "remote_user")})
    assert by_header(portal.client(), "ann@example.org")["name"] == ""


def test_a_variable_cant_log_in_where_that_method_is_not_wanted(portal):
    portal.set(access={"methods": ("password", "headers")})
    assert who(portal.client(), REMOTE_USER="ann@example.org")["name"] == ""


def test_a_forwarded_address_is_not_that_of_a_proxy(portal):
    portal.set(access=HEADERS)
    forged = {"HTTP_X_FORWARDED_FOR": PROXY}
    assert by_header(portal.client(), "ann@example.org", address=STRANGER, **forged)["name"] == ""


def test_a_socket_is_trusted_only_if_it_is_named():
    assert not is_trusted("", ("127.0.0.1",))
    assert is_trusted("", ("127.0.0.1", "unix"))
    assert not is_trusted("192.0.2.1", ("unix",))


def test_a_wrong_address_of_a_proxy_is_told():
    with pytest.raises(errors.ConfigurationError, match="trusted_proxies"):
        is_trusted("127.0.0.1", ("localhost",))


def test_the_variables_of_a_web_server_log_in(portal):
    portal.set(access=VARIABLES)
    found = who(portal.client(), REMOTE_USER="ann@example.org", affiliation="staff@example.org")
    assert found == {"name": "ann", "full_name": "", "roles": ["helper", "staff", "user"]}


BAD = [
    "ann@elsewhere.org", "ann", "ann@example.org@example.org", "ann@example.org.evil.net",
    "ann@example.org,eve@example.org", "ann@example.org, eve", "ann;eve@example.org",
    "ann@example.org\neve", "ann@example.org\x00", "an n@example.org", "../ann@example.org",
    "-ann@example.org", "@example.org", "ann@", "é@example.org", "a" * 65 + "@example.org",
    "ann@" + "a" * 400, "<b>ann</b>@example.org", "ann@exa_mple.org", "ann@example.org\t ann",
]  # fmt: skip


@pytest.mark.parametrize("user", BAD)
def test_a_name_that_cant_be_believed_logs_nobody_in(portal, caplog, user):
    portal.set(access=HEADERS)
    assert by_header(portal.client(), user)["name"] == ""
    assert portal.names() == []
    assert "login by the web server refused" in caplog.text
    assert "\x00" not in caplog.text and "\neve" not in caplog.text


@pytest.mark.parametrize(
    "user", ["ann@", "ann@a@b", "ann@b,eve@c", "ann@exa_mple", "ann@é.org", "ann@b/c", "@b", "a b"]
)
def test_a_name_is_that_of_one_person_even_where_all_places_are_believed(portal, user):
    portal.set(access={"methods": ("headers",), "user_suffixes": ()})
    assert by_header(portal.client(), user)["name"] == ""


@pytest.mark.parametrize("user", BAD)
def test_nor_does_it_as_a_variable(portal, user):
    portal.set(access=VARIABLES)
    assert who(portal.client(), REMOTE_USER=user)["name"] == ""
    assert portal.names() == []


@given(st.text(alphabet=string.printable + "é\x00@@", max_size=80))
def test_whatever_a_header_says_a_user_has_a_plain_name(portal, value):
    portal.set(access={"methods": ("headers",), "user_suffixes": ()})
    name = by_header(portal.client(), value)["name"]
    assert name == "" or (value.strip().partition("@")[0] == name and not set(name) & set(" ,;/@"))


@given(st.text(max_size=80))
def test_whatever_the_affiliations_are_only_one_that_is_named_makes_staff(portal, value):
    portal.set(access={**HEADERS, "staff_affiliations": ("staff",)})
    found = by_header(portal.client(), "ann@example.org", HTTP_X_REMOTE_AFFILIATION=value)
    words = [word.strip().lower() for word in value.split(";")]
    assert ("staff" in found["roles"]) <= ("staff" in words or "staff@example.org" in words)


@pytest.mark.parametrize("value", ["", "(null)", "  "])
def test_a_header_without_a_value_is_no_header(portal, caplog, value):
    portal.set(access=HEADERS)
    assert by_header(portal.client(), value)["name"] == "" and caplog.text == ""


def test_another_suffix_is_refused_whatever_its_capitals(portal):
    portal.set(access={**HEADERS, "user_suffixes": ("@Example.ORG",)})
    assert by_header(portal.client(), "ann@EXAMPLE.org")["name"] == "ann"
    assert by_header(portal.client(), "ann@example.com")["name"] == ""


def test_the_session_lives_on_where_the_web_server_says_nothing(portal):
    portal.set(access=HEADERS)
    client = portal.client()
    by_header(client, "ann@example.org")
    assert who(client, REMOTE_ADDR=PROXY)["name"] == "ann"


def test_another_name_ends_the_session_and_begins_its_own(portal):
    portal.set(access=HEADERS)
    client = portal.client()
    by_header(client, "ann@example.org")
    session = client.session
    session["secret of ann"] = 1
    session.save()
    before = client.cookies["portal_session"].value
    assert by_header(client, "bob@example.org")["name"] == "bob"
    assert client.cookies["portal_session"].value != before
    assert "secret of ann" not in client.session
    stale = portal.client()
    stale.cookies["portal_session"] = before
    assert who(stale)["name"] == ""


def test_a_name_that_is_refused_ends_the_session(portal):
    portal.set(access=HEADERS)
    client = portal.client()
    by_header(client, "ann@example.org")
    assert by_header(client, "ann@elsewhere.org")["name"] == ""
    assert who(client)["name"] == ""


def test_a_session_that_was_there_before_the_login_is_not_the_one_after(portal):
    portal.set(access=HEADERS)
    client = portal.client()
    session = client.session
    session["planted"] = 1
    session.save()
    before = client.cookies["portal_session"].value
    by_header(client, "ann@example.org")
    assert client.cookies["portal_session"].value != before


def test_a_disabled_user_stays_out_and_goes_out(portal):
    from django.contrib.auth import get_user_model

    portal.set(access=HEADERS)
    client = portal.client()
    by_header(client, "ann@example.org")
    get_user_model().objects.update(is_active=False)
    assert who(client)["name"] == ""
    assert by_header(client, "ann@example.org")["name"] == ""
    other = portal.client()
    assert by_header(other, "ann@example.org")["name"] == ""
    assert not {*client.session.keys(), *other.session.keys()}
    portal.set(access=VARIABLES)
    assert who(portal.client(), REMOTE_USER="ann@example.org")["name"] == ""


def test_the_name_of_a_disabled_user_ends_the_session_of_another_one(portal):
    portal.user("off", is_active=False)
    portal.set(access=HEADERS)
    client = portal.client()
    by_header(client, "ann@example.org")
    assert by_header(client, "off@example.org")["name"] == ""
    assert who(client)["name"] == ""


def test_an_administrator_with_a_password_cant_come_in_by_header(portal, caplog):
    portal.user("root1", "a password", is_superuser=True, is_staff=True)
    portal.set(access={"methods": ("headers",)})
    assert by_header(portal.client(), "root1@elsewhere.example")["name"] == ""
    assert "administrator" in caplog.text


def test_roles_come_and_go_with_the_affiliations(portal):
    portal.set(access={**HEADERS, "helper_affiliations": ("assistant@example.org",)})
    client = portal.client()

    def roles(affiliations):
        found = by_header(client, "ann@example.org", HTTP_X_REMOTE_AFFILIATION=affiliations)
        return found["roles"]

    assert roles("member;staff@example.org") == ["helper", "staff", "user"]
    assert roles("member@example.org") == ["user"]
    assert roles("assistant@example.org ; member") == ["helper", "user"]
    assert roles("assistant@elsewhere.org") == ["user"]
    assert roles("(null)") == ["user"]


@pytest.mark.parametrize(
    "value", ["member, staff@example.org", "member,staff", "staff\nx", "a;" * 3000]
)
def test_affiliations_that_a_stranger_may_have_added_to_log_nobody_in(portal, value):
    portal.set(access=HEADERS)
    found = by_header(portal.client(), "ann@example.org", HTTP_X_REMOTE_AFFILIATION=value)
    assert found["name"] == ""


def test_staff_of_another_place_is_not_staff_here(portal):
    portal.set(access={**HEADERS, "staff_affiliations": ("staff",)})
    for value, is_staff in (
        ("staff", False),
        ("staff@other.net", False),
        ("staff@example.org", True),
    ):
        found = by_header(portal.client(), "ann@example.org", HTTP_X_REMOTE_AFFILIATION=value)
        # The plain word is what the configuration names.
        assert ("staff" in found["roles"]) is (is_staff or value == "staff")


def test_a_full_name_comes_with_its_letters(portal):
    portal.set(access={**HEADERS, "full_name_header": "X-Remote-Name"})
    sent = "Carole Érable".encode().decode("latin-1")
    found = by_header(portal.client(), "carol@example.org", HTTP_X_REMOTE_NAME=sent)
    assert found["full_name"] == "Carole Érable"


def test_a_header_has_the_name_that_the_configuration_says(portal):
    portal.set(access={**HEADERS, "user_header": "OIDC-Claim-User"})
    assert by_header(portal.client(), "ann@example.org")["name"] == ""
    claim = {"HTTP_OIDC_CLAIM_USER": "ann@example.org", "REMOTE_ADDR": PROXY}
    assert who(portal.client(), **claim)["name"] == "ann"


def test_the_names_in_the_configuration_have_their_roles(portal):
    portal.set(access={**HEADERS, "staff": ("ann",), "helpers": ("bob",)})
    assert by_header(portal.client(), "ann@example.org")["roles"] == ["helper", "staff", "user"]
    assert by_header(portal.client(), "bob@example.org")["roles"] == ["helper", "user"]
    assert by_header(portal.client(), "eve@example.org")["roles"] == ["user"]


def test_a_role_that_the_configuration_gave_is_gone_at_the_next_login(portal):
    portal.set(access={**HEADERS, "staff": ("ann",), "helpers": ("bob",)})
    for name in ("ann", "bob"):
        by_header(portal.client(), f"{name}@example.org")
    portal.set(access={"staff": (), "helpers": ()})
    for name in ("ann", "bob"):
        assert by_header(portal.client(), f"{name}@example.org")["roles"] == ["user"]


def test_a_role_that_was_given_by_hand_stays(portal):
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group

    portal.set(access=HEADERS)
    by_header(portal.client(), "ann@example.org")
    by_header(portal.client(), "bob@example.org")
    get_user_model().objects.filter(username="ann").update(is_staff=True)
    Group.objects.create(name="helpers").user_set.add(get_user_model().objects.get(username="bob"))
    assert by_header(portal.client(), "ann@example.org")["roles"] == ["helper", "staff", "user"]
    assert by_header(portal.client(), "bob@example.org")["roles"] == ["helper", "user"]


def test_groups_of_the_directory_give_roles(portal, ldap_settings):
    portal.set(
        ldap=ldap_settings,
        access={**HEADERS, "staff_groups": ("operators",), "helper_groups": ("assistants",)},
    )
    assert by_header(portal.client(), "ann@example.org")["roles"] == ["helper", "staff", "user"]
    assert by_header(portal.client(), "bob@example.org")["roles"] == ["helper", "user"]
    assert by_header(portal.client(), "carol@example.org")["roles"] == ["user"]
    portal.set(ldap={"url": "ldaps://127.0.0.1:1"})  # away: nobody has a role by a group
    assert by_header(portal.client(), "ann@example.org")["roles"] == ["user"]


def test_groups_of_the_machine_give_roles(portal):
    import grp
    import os
    import pwd

    me = pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(me.pw_gid).gr_name
    portal.set(access={"methods": ("headers",), "staff_groups": (group, "no-such-group")})
    assert "staff" in by_header(portal.client(), me.pw_name)["roles"]
    assert by_header(portal.client(), "nobody-has-this-name")["roles"] == ["user"]


def test_full_names_come_from_the_directory(portal, ldap_settings):
    portal.set(ldap=ldap_settings, access=HEADERS)
    assert by_header(portal.client(), "carol@example.org")["full_name"] == "Carole Érable"


def test_the_sample_of_defaults_believes_this_machine_only():
    assert sections.Access().trusted_proxies == ("127.0.0.1", "::1")
    assert sections.Access().methods == ("password",)
