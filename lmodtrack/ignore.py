"""The file of --ignoreFn: modules that are not counted."""

import re
from pathlib import Path

from usagedb import errors


def read_patterns(path):
    """Return the compiled patterns of a file: one Python regular expression a line.

    They are matched at the beginning of a module's full name. A blank line or one that begins
    with # means nothing. Raises MissingInputError, or ConfigurationError naming file and line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.MissingInputError(f"cannot read {path}: {error}") from error
    patterns = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                patterns.append(re.compile(text))
            except re.error as error:
                raise errors.ConfigurationError(
                    f"{path}:{number}: {text!r} is no regular expression: {error}"
                ) from error
    return tuple(patterns)
