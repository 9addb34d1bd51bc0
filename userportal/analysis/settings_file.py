"""Read the sections of a file of data: ours in conf/, and the site's on top."""

from pathlib import Path

from usagedb.files import conf_file
from userportal.ini_file import read_ini


def read_merged(shipped_name, path=None):
    """Return {section: ({key: text}, the last file that has it)} of our file and the site's.

    A section of the site's file changes single keys of ours. Raises ConfigurationError naming the
    file, or RefusedError if it may not be read. Read-only.
    """
    merged: dict = {}
    for one in (conf_file(shipped_name), *([Path(path)] if path else ())):
        for name, values in read_ini(one).items():
            merged[name] = ({**merged.get(name, ({}, one))[0], **values}, one)
    return merged
