"""Run a command of Django inside ours, with the suite's exit codes."""

import contextlib
import difflib
import os
import sys
import time

from usagedb import errors
from userportal.access.environment import warn_of_environment
from userportal.configuration import find_configuration
from userportal.own_errors import SETUP_COMMAND, told_own_errors

# Commands that ask questions, and what answers them where nobody can: without a terminal they
# would wait, do nothing, or show a password.
ANSWERS = {
    "changepassword": "run it at a terminal",
    "collectstatic": "--noinput answers yes",
    "createsuperuser": "--noinput with --username, --email and $DJANGO_SUPERUSER_PASSWORD answers",
    "flush": "--noinput answers yes",
}
NO_QUESTIONS = ("--noinput", "--no-input", "--help", "-h", "--version")


def set_up_django():
    """Make Django ready. Raises ConfigurationError without the extra `portal`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "userportal.settings")
    try:
        import django
    except ModuleNotFoundError as error:
        raise errors.ConfigurationError(
            "the web portal needs Django: pip install 'hpcusage[portal]' with Python 3.10 or newer"
        ) from error
    django.setup()


@contextlib.contextmanager
def own_time_zone():
    """Set up Django in the block as in a command that prints times of this machine: Django lets
    the whole process have the zone of its settings, which is UTC."""
    zone = os.environ.get("TZ")
    try:
        yield
    finally:
        if zone is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = zone
        time.tzset()


def run_django(name, arguments):
    """Run one command of Django and return its status.

    Raises UsageError for an unknown one, and for what it refuses to do; ConfigurationError,
    UnavailableError or RefusedError for the portal's own database and settings.
    """
    set_up_django()
    from django.core.management import ManagementUtility, get_commands
    from django.core.management.base import CommandError, SystemCheckError

    if name not in get_commands():
        raise errors.UsageError(f"no command is called {name}: {advice(name)}")
    check_terminal(name, arguments)
    warn_of_environment(name)
    if name == "collectstatic":
        os.umask(0o022)  # the web server reads the files, whatever umask root has
    # With --traceback Django raises its errors instead of printing them in its own way.
    words = [os.path.basename(sys.argv[0]), name, "--traceback", *arguments]  # noqa: PTH119
    try:
        with told_own_errors(find_configuration()):
            ManagementUtility(words).execute()
    except SystemCheckError as error:
        raise errors.ConfigurationError(" ".join(str(error).split())) from error
    except CommandError as error:
        raise errors.UsageError(str(error).removeprefix("Error: ")) from error
    except PermissionError as error:
        raise errors.RefusedError(
            f"{error.filename}: {error.strerror}: run it as the account that serves the portal"
        ) from error
    except SystemExit as end:
        return status_of(name, arguments, end.code)
    return 0


def advice(name):
    """Return which command may have been meant, or where all of them stand."""
    from userportal.command import COMMANDS, DJANGO_COMMANDS

    found = difflib.get_close_matches(name, [*COMMANDS, *DJANGO_COMMANDS], n=1)
    return f"{found[0]} is meant?" if found else "see userportal --help"


def check_terminal(name, arguments):
    """Raise UsageError for a command that would ask somebody who is not there."""
    if name not in ANSWERS or any(word in arguments for word in NO_QUESTIONS):
        return
    if not sys.stdin or not sys.stdin.isatty():
        raise errors.UsageError(f"{name} asks, and there is no terminal: {ANSWERS[name]}")


def status_of(name, arguments, code):
    """Return the status for the code of a SystemExit. Raises ConfigurationError where Django only
    ends with 1 for tables that are not up to date."""
    if code == 1 and name == "migrate" and "--check" in arguments:
        raise errors.ConfigurationError(
            f"the portal's own tables are not there or not up to date: run {SETUP_COMMAND}"
        )
    return code if isinstance(code, int) else int(bool(code))
