"""Django in the tests' process: set up once, then pointed at the portal that a test needs.

Django has one set-up a process: its settings are read from an empty configuration, and `using`
puts another configuration, its sources and its database in their place for a block.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

FIRST_CONFIGURATION = "[portal]\nhttps = no\nhosts = testserver\nstate = {directory}\n"


def set_up():
    """Make Django ready; again: nothing."""
    from django.conf import settings

    if settings.configured:
        return
    directory = Path(tempfile.mkdtemp(prefix="hpcusage-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    conf = directory / "portal.conf"
    conf.write_text(FIRST_CONFIGURATION.format(directory=directory))
    os.environ["HPCUSAGE_PORTAL_CONF"] = str(conf)
    os.environ["DJANGO_SETTINGS_MODULE"] = "userportal.settings"
    try:
        import django

        django.setup()
    finally:
        del os.environ["HPCUSAGE_PORTAL_CONF"]


@contextlib.contextmanager
def using(conf_path, **changes):
    """Let Django serve the portal of a configuration file inside the block.

    Its own database is that of the configuration, with all tables; changes are Django settings.
    """
    set_up()
    from django.core.cache import cache
    from django.core.management import call_command
    from django.db import connections
    from django.test import override_settings

    from userportal.access.backends import backends
    from userportal.configuration import read_configuration
    from userportal.own_database import django_database
    from userportal.sources import Sources
    from userportal.web import knowledge

    portal = read_configuration(conf_path)
    values = connections.settings["default"]
    before = values["NAME"]
    connections.close_all()
    values["NAME"] = django_database(portal)["NAME"]
    settings = {
        "PORTAL": portal, "SOURCES": Sources(portal), "ALLOWED_HOSTS": ["testserver", "localhost"],
        "AUTHENTICATION_BACKENDS": backends(portal.access.methods),
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        **changes,
    }  # fmt: skip
    knowledge.gpu_models.cache_clear()
    knowledge.analysis_rules.cache_clear()
    cache.clear()
    with override_settings(**settings):
        call_command("migrate", verbosity=0, skip_checks=True)
        try:
            yield portal
        finally:
            connections.close_all()
            values["NAME"] = before


@contextlib.contextmanager
def undone():
    """Undo, at the end of the block, what it writes to the portal's own database."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)
