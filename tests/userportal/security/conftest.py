"""Portals of hostile clusters."""

import pytest

from tests.userportal import django_site
from tests.userportal.conftest import Portal
from tests.userportal.security import hostile


@pytest.fixture(scope="module")
def hostile_demo_portal(made_demo, tmp_path_factory):
    """The Portal of a copy of the demo in which the user has written; .written says where."""
    from userportal.access.memberships import people

    conf_path = hostile.copied(made_demo, tmp_path_factory.mktemp("hostile") / "demo")
    with django_site.using(conf_path) as configuration:
        portal = Portal(made_demo, configuration)
        user_id = people().uid_of(portal.name_of("user"))
        portal.written = hostile.write_jobs(conf_path.parent, user_id)
        hostile.write_labels(conf_path.parent)
        yield portal


@pytest.fixture
def hostile_portal(hostile_demo_portal):
    """The same; what a test writes to the portal's own database is undone."""
    with django_site.undone():
        yield hostile_demo_portal
