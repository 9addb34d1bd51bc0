"""epmt settings: show the settings as a file, or make one of a settings.py of EPMT."""

import logging
import os

from epmtlite.collect import errors, files, python_settings
from epmtlite.collect.console import print_line
from epmtlite.collect.parsing import add_command
from epmtlite.collect.settings import DEFAULTS, masked

logger = logging.getLogger(__name__)

REJECTED = 3  # done, but for what could not be taken


def add_settings(subparsers):
    """Add the command settings."""
    text = "print the settings as a file; with --from, make one of a settings.py of EPMT"
    parser = add_command(subparsers, "settings", settings_command, text, never_fails=True)
    parser.add_argument(
        "--from", dest="python_file", metavar="FILE",
        help="take the literals of this settings.py, without running it",
    )  # fmt: skip
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write this file, which must not exist, with the passwords (shown as *** otherwise)",
    )


def settings_command(options):
    """Print or write settings; return the exit status."""
    values, left = {key: getattr(options.settings, key) for key in DEFAULTS}, []
    if options.python_file:
        taken = python_settings.read(options.python_file)
        values, left = taken.values, taken.left
    if options.output:
        write(options.output, python_settings.ini_text(values))
    else:
        shown = {key: masked(key, value) for key, value in values.items()}
        for line in python_settings.ini_text(shown).splitlines():
            print_line(line)
        if shown != values:
            logger.warning("passwords are shown as ***: -o FILE writes them")
    for number, why in left:
        logger.warning("%s, line %d: %s", options.python_file, number, why)
    return REJECTED if left else 0


def write(path, text):
    """Write a new file that only its owner can read. Raises CollectError."""
    if os.path.lexists(path):
        raise errors.UsageError(f"{path} is there already: choose another name, or remove it")
    files.write_whole(path, lambda stream: stream.write(text.encode()))
