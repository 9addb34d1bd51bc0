"""Look whether the portal's own part is ready: its packages, its tables, its static files."""

import importlib.util

from usagedb import __version__ as release
from userportal.check_result import failed, missing, well
from userportal.configuration import state_directory
from userportal.own_errors import SETUP_COMMAND, own_config, told_own_errors
from userportal.secret_key import FILE_NAME as KEY_NAME

PACKAGES = ("django", "rest_framework", "plotly", "whitenoise", "gunicorn", "pygments")


def own_checks(configuration):
    """Yield the Checks of what serves the pages. Raises errors of usagedb.errors.

    Makes nothing: a key or a file that is made by the wrong account keeps the service from its own.
    """
    lacking = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        text = f"not installed: {', '.join(lacking)} (pip install hpcusage[portal])"
        yield failed("web", text)
        return
    yield well("web", f"the packages of the extra portal are there; {static(configuration)}")
    key = state_directory(configuration) / KEY_NAME
    try:
        key.read_bytes()
    except PermissionError:
        yield missing("own tables", f"not asked: this account may not read {key}")
    except OSError:
        yield missing("own tables", f"{key} is not there yet: run {SETUP_COMMAND}")
    else:
        yield tables(configuration)


def static(configuration):
    """Return where the static files come from, as a text."""
    directory = state_directory(configuration) / "portal-static"
    if (directory / f"staticfiles-{release}.json").is_file():
        return f"static files in {directory}"
    return "its static files are not collected (userportal collectstatic)"


def tables(configuration):
    """Return the Check of the portal's own tables, and of who can log in. Reads only."""
    from userportal.django_commands import set_up_django

    set_up_django()
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    where = own_config(configuration).describe()
    with told_own_errors(configuration):
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return failed("own tables", f"{where}: not up to date: run {SETUP_COMMAND}")
        people = get_user_model().objects.filter(is_active=True)
        has_password = people.exclude(password="").exclude(password__startswith="!").exists()
    if not has_password and configuration.access.methods == ("password",):
        return missing("own tables", f"{where}: nobody can log in: userportal createsuperuser")
    return well("own tables", where)
