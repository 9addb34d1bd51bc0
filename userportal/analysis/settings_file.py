"""Read the sections of a file of data: ours in conf/, and the site's on top."""

import configparser
from pathlib import Path

from usagedb import errors
from usagedb.files import conf_file


def read_merged(shipped_name, path=None):
    """Return {section: ({key: text}, the last file that has it)} of our file and the site's.

    A section of the site's file changes single keys of ours. Raises ConfigurationError naming the
    file, or RefusedError if it may not be read. Read-only.
    """
    merged: dict = {}
    for one in (conf_file(shipped_name), *([Path(path)] if path else ())):
        for name, values in read_sections(one).items():
            merged[name] = ({**merged.get(name, ({}, one))[0], **values}, one)
    return merged


def read_sections(path):
    """Return {section: {key: text}} of a file. Raises ConfigurationError or RefusedError."""
    # No section is one of defaults for all others: [DEFAULT] is a section like any other.
    parser = configparser.RawConfigParser(
        strict=True, comment_prefixes=("#",), default_section="\0"
    )
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise errors.ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    return {name: dict(parser[name]) for name in parser.sections()}
