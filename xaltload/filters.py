"""What a site leaves out of its database: runs by probability, packages by name or path.

The rules come from the site's configuration of XALT, a Python file of which only the two lists are
read and nothing is executed, or from a JSON file of our own:

    {"pre_ingest": [[0.01, "/usr/bin/.*"]], "packages": [["SKIP", "python:name:os"]]}

As in XALT, the first pattern counts that matches the whole text.
"""

import ast
import functools
import hashlib
import json
import re
from pathlib import Path

from usagedb import errors

LISTS = {"pre_ingest_patterns": "pre_ingest", "pkg_patterns": "packages"}
KEEP, SKIP = "KEEP", "SKIP"
# What the patterns' language calls classes of characters, in Python's.
CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
    "space": r" \t\n\r\f\v", "blank": r" \t", "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip
MAX_CACHED = 200_000
MAX_SUBJECT = 4096


class Filters:
    """Decides which runs and packages are stored."""

    def __init__(self, pre_ingest=(), packages=()):
        """pre_ingest is a list of (probability, pattern), packages of ("KEEP"|"SKIP", pattern)."""
        self._runs, self._packages = list(pre_ingest), list(packages)
        self.probability_of = functools.lru_cache(MAX_CACHED)(self._probability_of)
        self._package_rule = functools.lru_cache(MAX_CACHED)(self._find_package_rule)

    def _probability_of(self, exec_path):
        """Return with which probability a run of an executable is stored: 0 to 1."""
        return first_match(self._runs, exec_path, 1.0)

    def keeps_run(self, exec_path, run_uuid):
        """Tell whether a run is stored: the same for its start, its end, and in a second load."""
        probability = self.probability_of(exec_path)
        return probability >= 1 or share_of(run_uuid) < probability

    def keeps_package(self, program, name, path):
        """Tell whether a package is stored: neither its name nor its path is skipped."""
        if not self._packages:
            return True
        subjects = (f"{program}:name:{name}", f"{program}:path:{path}")
        return all(self._package_rule(subject) != SKIP for subject in subjects)

    def _find_package_rule(self, subject):
        return first_match(self._packages, subject, KEEP)


def first_match(rules, text, otherwise):
    """Return the value of the first rule whose pattern matches the whole text."""
    text = text[:MAX_SUBJECT]
    return next((value for value, pattern in rules if pattern.fullmatch(text)), otherwise)


def share_of(run_uuid):
    """Return a number from 0 to 1 that stands for a uuid, evenly spread."""
    digest = hashlib.sha256(run_uuid.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def read_filters(path):
    """Return the Filters of a file. Raises MissingInputError or ConfigurationError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise errors.ConfigurationError(f"{path} is no text in UTF-8") from error
    found = lists_of_json(path, text) if text.lstrip().startswith("{") else lists_of(path, text)
    return Filters(
        [(probability(path, row), pattern(path, row)) for row in found.get("pre_ingest", ())],
        [(keep_or_skip(path, row), pattern(path, row)) for row in found.get("packages", ())],
    )


def lists_of_json(path, text):
    """Return the lists of our own form. Raises ConfigurationError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.ConfigurationError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise errors.ConfigurationError(f"{path} must be a JSON object")
    found.pop("comment", None)
    unknown = set(found) - set(LISTS.values())
    if unknown:
        known = " and ".join(LISTS.values())
        raise errors.ConfigurationError(f"{path}: unknown {min(unknown)}: there are {known}")
    return checked(path, found)


def lists_of(path, text):
    """Return the lists of a site's configuration of XALT, without running it."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise errors.ConfigurationError(f"{path}: no configuration of XALT: {error}") from error
    found = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            name = getattr(node.targets[0], "id", "")
            if name in LISTS:
                found[LISTS[name]] = literal(path, name, node)
    return checked(path, found)


def literal(path, name, node):
    """Return the value of an assignment. Raises ConfigurationError if it is no plain list."""
    try:
        return ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise errors.ConfigurationError(
            f"{path}, line {node.lineno}: {name} must be a list of plain values"
        ) from error


def checked(path, found):
    """Return the lists if each is one of pairs. Raises ConfigurationError."""
    for name, rows in found.items():
        pairs = isinstance(rows, (list, tuple)) and all(
            isinstance(row, (list, tuple)) and len(row) == 2 for row in rows
        )
        if not pairs:
            raise errors.ConfigurationError(f"{path}: {name} must be a list of [value, pattern]")
    return found


def probability(path, row):
    """Return the probability of a row. Raises ConfigurationError."""
    value = row[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise errors.ConfigurationError(f"{path}: {value!r} is no probability from 0 to 1")
    return float(value)


def keep_or_skip(path, row):
    """Return KEEP or SKIP. Raises ConfigurationError."""
    if row[0] not in (KEEP, SKIP):
        raise errors.ConfigurationError(f"{path}: {row[0]!r} is neither KEEP nor SKIP")
    return row[0]


def pattern(path, row):
    """Return the compiled pattern of a row. Raises ConfigurationError."""
    if not isinstance(row[1], str):
        raise errors.ConfigurationError(f"{path}: {row[1]!r} is no pattern")
    try:
        return re.compile(in_python(row[1]))
    except (re.error, RecursionError, OverflowError) as error:
        raise errors.ConfigurationError(f"{path}: bad pattern {row[1]!r}: {error}") from error


def in_python(text):
    """Return a pattern of XALT, which is one of flex, in the language of Python.

    A leading ^ says nothing, text in double quotes stands for itself, and [:alpha:] names a class.
    """
    text = re.sub(r"\[:(\w+):\]", lambda found: CLASSES.get(found[1], found[0]), text)
    text = text[1:] if text.startswith("^") else text
    text = re.sub(r'(?<!\\)"((?:[^"\\]|\\.)*)"', lambda found: re.escape(found[1]), text)
    return text.replace(r"\/", "/").replace(r"\"", '"')
