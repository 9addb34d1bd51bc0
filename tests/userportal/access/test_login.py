"""The form: passwords of the portal and of a directory, waits, redirects, sessions."""

import logging

import pytest

from tests.ldap_server import PASSWORD
from tests.services import free_port

LOGIN = "/accounts/login/"
RIGHT = "a very good password"
NO_MATCH = b"This name and this password do not go together."
TOO_MANY = b"There were too many failed tries."
AWAY = b"Passwords cannot be checked now."


def try_login(client, name, password, following="", **environ):
    """Send the form."""
    data = {"username": name, "password": password}
    if following:
        data["next"] = following
    return client.post(LOGIN, data, **environ)


def name_of(client):
    """Return who the session belongs to."""
    return client.get("/").json()["name"]


def test_a_password_logs_in_and_the_button_out(portal):
    portal.user("ann", RIGHT)
    client = portal.client()
    response = try_login(client, "ann", RIGHT)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert name_of(client) == "ann"
    assert client.get("/accounts/logout/").status_code == 405
    assert name_of(client) == "ann"
    assert client.post("/accounts/logout/").status_code == 302
    assert name_of(client) == ""


def test_the_form_needs_its_secret(portal):
    portal.user("ann", RIGHT)
    client = portal.client(enforce_csrf_checks=True)
    assert try_login(client, "ann", RIGHT).status_code == 403
    client.get(LOGIN)
    secret = client.cookies["portal_csrf"].value
    data = {"username": "ann", "password": RIGHT, "csrfmiddlewaretoken": secret}
    assert client.post(LOGIN, data).status_code == 302
    assert client.post("/accounts/logout/").status_code == 403


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"),
        ("nobody", RIGHT),
        ("off", RIGHT),
        ("off", "wrong"),
        ("sso", ""),
        ("sso", "!"),
    ],
)
def test_every_failure_has_the_same_answer(portal, name, password):
    portal.user("ann", RIGHT)
    portal.user("off", RIGHT, is_active=False)
    portal.user("sso")
    response = try_login(portal.client(), name, password or " ")
    assert response.status_code == 200
    assert NO_MATCH in response.content
    assert name.encode() not in response.content.replace(f'value="{name}"'.encode(), b"")


class Counted:
    """Counts how often a password is digested."""

    count = 0


def test_unknown_names_take_as_much_work_as_known_ones(portal, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    digest = MD5PasswordHasher.encode

    def counted(self, password, salt):
        Counted.count += 1
        return digest(self, password, salt)

    portal.user("ann", RIGHT)
    portal.user("sso")
    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    work = []
    for name in ("ann", "nobody", "sso"):
        Counted.count = 0
        try_login(portal.client(), name, "wrong")
        work.append(Counted.count)
    assert work == [1, 1, 1]


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example",
        "javascript:alert(1)", "https:elsewhere.example", "\x00//elsewhere.example",
        "http:///elsewhere.example", " //elsewhere.example",
    ],
)  # fmt: skip
def test_a_login_cant_lead_elsewhere(portal, following):
    portal.user("ann", RIGHT)
    response = try_login(portal.client(), "ann", RIGHT, following)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    client = portal.client()
    try_login(client, "ann", RIGHT)
    assert client.get(LOGIN, {"next": following}).headers["Location"] == "/"
    assert client.post("/accounts/logout/", {"next": following}).headers["Location"] == "/"


def test_a_login_does_not_lead_to_itself(portal):
    portal.user("ann", RIGHT)
    client = portal.client()
    try_login(client, "ann", RIGHT)
    for following in (LOGIN, LOGIN + "?next=/"):
        assert client.get(LOGIN, {"next": following}).headers["Location"] == "/"


def test_a_login_leads_back_to_the_page_that_asked_for_it(portal):
    portal.user("ann", RIGHT)
    client = portal.client()
    asked = client.get("/owner/ann/?tab=2")
    assert asked.status_code == 302
    assert asked.headers["Location"] == "/accounts/login/?next=/owner/ann/%3Ftab%3D2"
    page = client.get(asked.headers["Location"]).content.decode()
    assert 'name="next" value="/owner/ann/?tab=2"' in page
    response = try_login(client, "ann", RIGHT, "/owner/ann/?tab=2")
    assert response.headers["Location"] == "/owner/ann/?tab=2"


def test_a_session_from_before_the_login_is_not_the_one_after(portal):
    portal.user("ann", RIGHT)
    client = portal.client()
    session = client.session
    session["planted"] = 1
    session.save()
    before = client.cookies["portal_session"].value
    try_login(client, "ann", RIGHT)
    assert client.cookies["portal_session"].value != before
    stale = portal.client()
    stale.cookies["portal_session"] = before
    assert name_of(stale) == ""


def test_after_so_many_failures_a_name_has_to_wait(portal):
    portal.set(access={"login_tries": 3})
    portal.user("ann", RIGHT)
    portal.user("bob", RIGHT)
    for number in range(3):
        failed = try_login(portal.client(), "ann", "wrong", REMOTE_ADDR=f"192.0.2.{number}")
        assert NO_MATCH in failed.content
    response = try_login(portal.client(), "ann", RIGHT, REMOTE_ADDR="192.0.2.99")
    assert response.status_code == 429 and TOO_MANY in response.content
    assert 0 < int(response.headers["Retry-After"]) <= 300
    assert try_login(portal.client(), "ANN ", RIGHT).status_code == 429
    assert try_login(portal.client(), "bob", RIGHT, REMOTE_ADDR="192.0.2.99").status_code == 302


def test_tries_that_have_to_wait_do_not_make_the_wait_longer(portal):
    from userportal.records.models import FailedLogin

    portal.set(access={"login_tries": 2})
    for _time in range(5):
        try_login(portal.client(), "ann", "wrong")
    assert FailedLogin.objects.count() == 2


def test_unknown_names_wait_as_well(portal):
    portal.set(access={"login_tries": 1})
    assert NO_MATCH in try_login(portal.client(), "nobody", "x").content
    assert try_login(portal.client(), "nobody", "x", REMOTE_ADDR="192.0.2.9").status_code == 429


def test_after_so_many_failures_an_address_has_to_wait(portal):
    portal.set(access={"login_tries": 3})
    portal.user("ann", RIGHT)
    for number in range(3):
        try_login(portal.client(), f"guess{number}", "wrong", REMOTE_ADDR="192.0.2.1")
    assert try_login(portal.client(), "ann", RIGHT, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert try_login(portal.client(), "ann", RIGHT, REMOTE_ADDR="192.0.2.2").status_code == 302


def test_an_address_is_told_by_trusted_proxies_alone(portal):
    portal.set(access={"login_tries": 2})
    for number in range(3):
        forged = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": f"192.0.2.{number + 10}"}
        response = try_login(portal.client(), f"guess{number}", "wrong", **forged)
    assert response.status_code == 429
    for number in range(3):
        told = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": f"6.6.6.6, 198.51.100.{number}"}
        response = try_login(portal.client(), f"other{number}", "wrong", **told)
    assert response.status_code == 200


def test_addresses_of_one_network_count_as_one(portal):
    portal.set(access={"login_tries": 2})
    for number in range(3):
        address = {"REMOTE_ADDR": f"2001:db8:1:2::{number + 1}"}
        response = try_login(portal.client(), f"guess{number}", "wrong", **address)
    assert response.status_code == 429


def test_a_login_takes_the_failures_of_its_name_back_and_no_others(portal):
    from userportal.records.models import FailedLogin

    portal.set(access={"login_tries": 3})
    portal.user("ann", RIGHT)
    try_login(portal.client(), "bob", "wrong")
    for _time in range(3):
        try_login(portal.client(), "ann", "wrong", REMOTE_ADDR="192.0.2.1")
        try_login(portal.client(), "ann", RIGHT, REMOTE_ADDR="192.0.2.1")
    assert list(FailedLogin.objects.values_list("username", flat=True)) == ["bob"]


def test_a_wait_ends_and_old_failures_are_removed(portal):
    import datetime

    from django.utils import timezone

    from userportal.records.models import FailedLogin

    portal.set(access={"login_tries": 1, "login_seconds": 300})
    portal.user("ann", RIGHT)
    try_login(portal.client(), "ann", "wrong")
    assert try_login(portal.client(), "ann", RIGHT).status_code == 429
    FailedLogin.objects.update(at=timezone.now() - datetime.timedelta(seconds=301))
    assert try_login(portal.client(), "ann", RIGHT).status_code == 302
    assert FailedLogin.objects.count() == 0


def test_the_form_of_the_administration_waits_too(portal):
    portal.set(access={"login_tries": 2})
    portal.user("ann", RIGHT, is_staff=True, is_superuser=True)
    for _time in range(2):
        try_admin(portal.client(), "wrong")
    assert try_admin(portal.client(), RIGHT).status_code == 200
    assert try_login(portal.client(), "ann", RIGHT).status_code == 429


def try_admin(client, password):
    """Send the form of the administration."""
    return client.post("/admin/login/", {"username": "ann", "password": password})


def test_without_the_method_no_password_logs_in(portal):
    portal.user("ann", RIGHT, is_staff=True, is_superuser=True)
    portal.set(access={"methods": ("headers",)})
    client = portal.client()
    assert b'<form class="login"' not in client.get(LOGIN).content
    assert try_login(client, "ann", RIGHT).status_code == 200
    assert try_admin(client, RIGHT).status_code == 200
    assert name_of(client) == ""


def test_the_directory_logs_in_and_makes_the_user(portal, ldap_settings):
    portal.set(ldap=ldap_settings, access={"methods": ("ldap",), "staff_groups": ("operators",)})
    client = portal.client()
    assert try_login(client, "ANN", PASSWORD).status_code == 302
    assert client.get("/").json() == {
        "name": "ann", "full_name": "Ann Ash", "roles": ["helper", "staff", "user"],
    }  # fmt: skip
    assert portal.names() == ["ann"]


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("ann", ""), ("nobody", PASSWORD), ("*", PASSWORD)]
)
def test_nobody_else_is_logged_in_by_the_directory(portal, ldap_settings, name, password):
    portal.set(ldap=ldap_settings, access={"methods": ("ldap",)})
    response = try_login(portal.client(), name, password)
    assert response.status_code == 200
    assert (NO_MATCH in response.content) == bool(password)
    assert portal.names() == []


def test_an_empty_password_is_refused_by_the_back_end_itself(portal, ldap_settings):
    portal.set(ldap=ldap_settings, access={"methods": ("ldap", "password")})
    portal.user("bob")
    assert not portal.client().login(username="ann", password="")
    assert not portal.client().login(username="bob", password="")
    assert portal.client().login(username="ann", password=PASSWORD)


def test_a_disabled_user_stays_out_though_the_directory_knows_the_password(portal, ldap_settings):
    portal.set(ldap=ldap_settings, access={"methods": ("ldap", "password")})
    from django.contrib.auth import authenticate

    portal.user("ann", is_active=False)
    assert NO_MATCH in try_login(portal.client(), "ann", PASSWORD).content
    assert authenticate(None, username="ann", password=PASSWORD) is None


def test_a_directory_that_is_away_is_told_and_own_passwords_still_count(
    portal, ldap_settings, caplog
):
    url = f"ldaps://127.0.0.1:{free_port()}"
    portal.set(ldap={**ldap_settings, "url": url}, access={"methods": ("ldap", "password")})
    portal.user("local", RIGHT)
    with caplog.at_level(logging.ERROR):
        assert AWAY in try_login(portal.client(), "ann", PASSWORD).content
    assert url in caplog.text and PASSWORD not in caplog.text
    assert try_login(portal.client(), "local", RIGHT).status_code == 302


def test_no_password_stands_in_a_log_or_on_a_page(portal, caplog):
    portal.set(access={"login_tries": 1})
    portal.user("ann", RIGHT)
    with caplog.at_level(logging.DEBUG):
        for _time in range(3):
            assert b"secret-guess" not in try_login(portal.client(), "ann", "secret-guess").content
    assert "secret-guess" not in caplog.text
