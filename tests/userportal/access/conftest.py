"""Django on a scratch database, with pages of every guard; a directory of people."""

import dataclasses

import pytest

from tests.ldap_server import BASE, PASSWORD, READER, LdapServer
from tests.services import require_service
from tests.userportal import django_site

URLS = "tests.userportal.access.site_urls"


@pytest.fixture(scope="package")
def database(tmp_path_factory):
    """An own file as Django's database, in place of that of other tests, with all tables."""
    django_site.set_up()
    from django.core.management import call_command
    from django.db import connections

    values = connections.settings["default"]
    before = values["NAME"]
    connections.close_all()
    values["NAME"] = str(tmp_path_factory.mktemp("portal") / "portal.db")
    call_command("migrate", verbosity=0, skip_checks=True)
    yield
    connections.close_all()
    values["NAME"] = before


class Portal:
    """A portal whose configuration a test changes."""

    def __init__(self, settings, override):
        self._settings, self._override, self._undo = settings, override, []

    def set(self, **sections):
        """Change settings: access={"methods": …}, ldap={…}."""
        from userportal.access.backends import backends

        changed = {
            name: dataclasses.replace(getattr(self._settings.PORTAL, name), **values)
            for name, values in sections.items()
        }
        portal = dataclasses.replace(self._settings.PORTAL, **changed)
        names = backends(portal.access.methods)
        override = self._override(PORTAL=portal, AUTHENTICATION_BACKENDS=names)
        override.enable()
        self._undo.append(override)

    def undo(self):
        """Put everything back."""
        while self._undo:
            self._undo.pop().disable()

    def client(self, **environ):
        """Return a browser; environ stands in every request."""
        from django.test import Client

        return Client(**environ)

    def user(self, name, password="", **values):
        """Make a user of Django."""
        from django.contrib.auth import get_user_model

        return get_user_model().objects.create_user(name, password=password or None, **values)

    def names(self):
        """Return the names of all users of Django."""
        from django.contrib.auth import get_user_model

        return sorted(get_user_model().objects.values_list("username", flat=True))


@pytest.fixture
def portal(database, tmp_path):
    """A portal without users, whose login is that of passwords."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group
    from django.contrib.sessions.models import Session
    from django.test import override_settings

    from userportal.records.models import FailedLogin

    for model in (FailedLogin, Session, Group, get_user_model()):
        model.objects.all().delete()
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(
        ROOT_URLCONF=URLS, PASSWORD_HASHERS=hashers, ALLOWED_HOSTS=["*"], STATIC_ROOT=str(tmp_path)
    ):
        made = Portal(settings, override_settings)
        made.set(access={"methods": ("password",), "trusted_proxies": ("10.0.0.0/8", "fd00::/8")})
        yield made
        made.undo()


@pytest.fixture(scope="session")
def slapd(tmp_path_factory):
    """A directory with ann, bob and carol, which tests only read."""
    require_service("slapd", "slappasswd", modules=["ldap3", "trustme"])
    with LdapServer(tmp_path_factory.mktemp("slapd")) as server:
        fill(server)
        yield server


def fill(server):
    """Add people, groups and allocations."""
    server.add_base()
    server.add_person("ann", 10001, "Ann Ash")
    server.add_person("bob", 10002, "Bob Birch", gidNumber=20002)
    server.add_person("carol", 10003, "Carole Érable")
    server.add_group("operators", 20001, ["ann"])
    server.add_group("assistants", 20002)
    server.add(
        "cn=consultants", ["groupOfNames"], {"cn": "consultants", "member": f"uid=carol,{BASE}"}
    )
    server.add_allocation(
        "rrg-ash", ["ann", "bob"], gidNumber=30001, description="Trees", ccResponsible="ann",
        ccResource=[
            "site:aspen-compute:cpu=128",
            "site:aspen-compute:cpu=64:startdate=2030-01-01",
            "site:aspen-gpu:gpu=4",
            "site:aspen-store:project_storage_tb=20:inode_quota=2:nearline_storage_tb=50",
            "site:aspen-compute:cpu=1000:expired",
            "site:elsewhere-compute:cpu=9999",
        ],
    )  # fmt: skip
    server.add_allocation("def-ash", ["ann", "bob"], gidNumber=30002)
    server.add_allocation("rrg-old", ["ann"], ccRapStatus="expired")


@pytest.fixture
def ldap_settings(slapd, tmp_path):
    """What [ldap] says for that directory."""
    return settings_of(slapd, tmp_path)


def settings_of(server, directory, **changed):
    """Return a section [ldap] for a server, as {setting: value}."""
    password_file = directory / "password"
    password_file.write_text(PASSWORD + "\n")
    return {
        "url": server.tls_url, "base_dn": BASE, "bind_dn": READER, "password_file": password_file,
        "ca_file": server.ca_file, "storage_name": "aspen-store", "compute_name": "aspen",
        "timeout_seconds": 60.0, **changed,
    }  # fmt: skip
