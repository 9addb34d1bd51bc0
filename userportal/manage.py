#!/usr/bin/env python3
"""Pass on every command of Django: python manage.py makemessages -l fr."""

import os
import sys
from pathlib import Path


def main():
    """Run the Django command that the arguments name."""
    root = str(Path(__file__).resolve().parent.parent)
    # Beside this file stand packages whose names mean something else to Python.
    sys.path[:] = [root, *(place for place in sys.path if place != str(Path(__file__).parent))]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "userportal.settings")
    from django.core.management import execute_from_command_line

    from userportal.access.environment import warn_of_environment

    warn_of_environment(next(iter(sys.argv[1:]), ""))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
