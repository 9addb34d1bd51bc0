"""The portal of the made-up cluster, in the tests' process; not collected where Django is not."""

import importlib.util
import sys

import pytest

HAS_DJANGO = sys.version_info >= (3, 10) and importlib.util.find_spec("django") is not None
# Django 5.2 needs Python 3.10.
collect_ignore_glob = [] if HAS_DJANGO else ["*"]

if HAS_DJANGO:
    from tests.userportal import django_site

    django_site.set_up()


@pytest.fixture(autouse=True)
def usual_language():
    """Let no test find the language that the last request of another one has left."""
    yield
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(scope="session")
def made_demo(tmp_path_factory):
    """A small demo of some days, with all databases, made once for all tests."""
    from userportal.demo.make import make_demo
    from userportal.demo.sizes import Sizes

    sizes = Sizes(days=4, users=12, jobs_per_day=40, cpu_nodes=6, gpu_nodes=2, large_nodes=1,
                  cores=8, counter_nodes=3)  # fmt: skip
    return make_demo(tmp_path_factory.mktemp("demo") / "made", sizes=sizes)


class Portal:
    """The demo's portal in this process, and browsers for its people."""

    def __init__(self, demo, configuration):
        self.demo, self.configuration = demo, configuration
        self.logins = {login.role: login for login in demo.logins}

    def name_of(self, role):
        """Return the user name of a role: user, manager, helper, staff."""
        return self.logins[role].username

    def client(self, role=None):
        """Return a browser in which somebody of that role is logged in, or nobody."""
        from django.contrib.auth import get_user_model
        from django.test import Client

        client = Client()
        if role:
            client.force_login(
                get_user_model().objects.get(username=self.name_of(role)),
                "userportal.access.password_login.PasswordBackend",
            )
        return client

    def jobs(self, fits=lambda job: True, role="user"):
        """Return the jobs of a person that fit a condition, the newest first."""
        from django.conf import settings

        from userportal.access.memberships import people
        from userportal.slurm.model import JobFilter

        with settings.SOURCES.slurm() as slurm:
            wanted = JobFilter(user_id=people().uid_of(self.name_of(role))) if role else JobFilter()
            page = slurm.page(wanted, "-time_submit", 0, 1000)
        return [job for job in page.jobs if fits(job)]

    def owner(self, job):
        """Return the user name of a job."""
        from userportal.access.memberships import people

        return people().username_of(job.user_id)


@pytest.fixture(scope="module")
def demo_portal(made_demo):
    """The Portal of the demo for a module of tests; other modules have other portals."""
    with django_site.using(made_demo.configuration) as configuration:
        yield Portal(made_demo, configuration)


@pytest.fixture
def portal(demo_portal):
    """The Portal of the demo; what a test writes to its own database is undone."""
    with django_site.undone():
        yield demo_portal
