"""Run a command of Django inside ours, with the suite's exit codes."""

import os
import sys

from usagedb import errors


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


def run_django(name, arguments):
    """Run one command of Django and return its status. Raises UsageError for an unknown one."""
    set_up_django()
    from django.core.management import ManagementUtility, get_commands
    from django.core.management.base import CommandError

    if name not in get_commands():
        raise errors.UsageError(f"no command is called {name}: see userportal --help")
    utility = ManagementUtility([os.path.basename(sys.argv[0]), name, *arguments])  # noqa: PTH119
    try:
        utility.execute()
    except CommandError as error:
        raise errors.UsageError(str(error)) from error
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0
