"""Logins at the same moment."""

import threading

import pytest

from userportal import sections
from userportal.configuration import Configuration

AT_ONCE = 6


@pytest.fixture
def any_portal(portal, site):
    """A portal whose own tables are in each of the databases in turn."""
    from django.core.management import call_command
    from django.db import connections

    from userportal.own_database import django_database

    place = sections.DatabaseFile(conf_file=site.conf_path)
    entry = django_database(Configuration(database=place))
    before = connections.settings["default"]
    connections.close_all()
    del connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": entry})["default"]
    call_command("migrate", verbosity=0, skip_checks=True)
    yield portal
    connections.close_all()
    del connections["default"]
    connections.settings["default"] = before


def at_once(action):
    """Run an action in several threads that begin together; return what each returned or raised."""
    from django.db import connections

    barrier, found = threading.Barrier(AT_ONCE), [None] * AT_ONCE

    def run(number):
        barrier.wait()
        try:
            found[number] = action(number)
        except Exception as error:
            found[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_first_logins_at_once_make_one_user(any_portal):
    portal = any_portal
    portal.set(access={"methods": ("headers",), "staff": ("ann",)})

    def log_in(_number):
        headers = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_REMOTE_USER": "ann@example.org"}
        return portal.client().get("/", **headers).json()["roles"]

    assert at_once(log_in) == [["helper", "staff", "user"]] * AT_ONCE
    assert portal.names() == ["ann"]
    from userportal.records.models import GivenRoles

    assert [row.is_staff for row in GivenRoles.objects.all()] == [True]


def test_guesses_at_once_cant_pass_the_wait_by(any_portal):
    portal = any_portal
    portal.set(access={"login_tries": 2})
    portal.user("ann", "a very good password")
    statuses = at_once(lambda number: log_in(portal, f"wrong {number}"))
    assert statuses.count(200) <= 2 and statuses.count(429) >= AT_ONCE - 2
    assert log_in(portal, "wrong") in (200, 429)


def log_in(portal, password):
    """Send the form; return the status."""
    data = {"username": "ann", "password": password}
    return portal.client().post("/accounts/login/", data).status_code


def test_the_same_token_adopted_at_once_is_stored_once(any_portal):
    portal = any_portal
    from userportal.access import tokens
    from userportal.records.models import Token

    user = portal.user("ann")
    found = at_once(lambda _number: tokens.adopt_token(user, "ab" * 20).pk)
    assert len(set(found)) == 1 and Token.objects.count() == 1
