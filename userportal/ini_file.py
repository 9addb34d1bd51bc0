"""Read an INI file of the site's: the sections of text, faults told with the file's name."""

import configparser
from pathlib import Path

from usagedb import errors


def read_ini(path, keeps_case=False, delimiters=("=", ":")):
    """Return {section: {key: text}} of a file. Read-only.

    keeps_case: keys keep their capitals. No section is one of defaults for all others: [DEFAULT] is
    a section like any other. Raises ConfigurationError naming the file, or RefusedError if it may
    not be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise errors.ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    return sections_of(text, path, keeps_case, delimiters)


def sections_of(text, path, keeps_case=False, delimiters=("=", ":")):
    """Return what read_ini does of the text of a file, which the path but names.

    Raises ConfigurationError naming the file.
    """
    parser = configparser.RawConfigParser(
        strict=True, comment_prefixes=("#",), delimiters=delimiters, default_section="\0"
    )
    if keeps_case:
        parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise errors.ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    return {name: dict(parser[name]) for name in parser.sections()}
