"""Make the accounts and notes of a demo in the portal's own database: all that needs Django.

As a program it reads them as JSON from its input: passwords are in no list of processes.
"""

import json
import os
import subprocess
import sys

from usagedb import errors
from userportal.configuration import VARIABLE


def make(configuration, people, notes=()):
    """Make the portal's tables and an account for each Login, in a process of its own.

    notes: {field of a Note: value}, written by the first of the staff.

    Raises ConfigurationError with what Django said, if that fails.
    """
    environment = {
        **os.environ, VARIABLE: str(configuration), "PYTHONPATH": os.pathsep.join(sys.path),
        "DJANGO_SETTINGS_MODULE": "userportal.settings",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "userportal.demo.logins"], env=environment, text=True,
        input=json.dumps([[person._asdict() for person in people], list(notes)]),
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise errors.ConfigurationError(
            f"the demo's accounts could not be made: {done.stderr.strip()[-500:]}"
        )


def main():
    """Make the accounts and notes of the input, with the settings that are in the environment."""
    from userportal.django_commands import set_up_django

    people, notes = json.load(sys.stdin)
    set_up_django()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    for person in people:
        first, _blank, last = person["full_name"].partition(" ")
        get_user_model().objects.create_user(
            person["username"], password=person["password"], first_name=first, last_name=last,
            is_staff=person["role"] == "staff",
        )  # fmt: skip
    from userportal.records.models import Note

    staff = get_user_model().objects.filter(is_staff=True).first()
    for note in notes:
        Note.objects.create(created_by=staff, **note)


if __name__ == "__main__":
    main()
