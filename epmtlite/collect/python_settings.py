"""The literals of a settings.py of EPMT as an INI file; nothing of it is run."""

import ast
import json
import logging

from epmtlite.collect import errors, files
from epmtlite.collect.settings import DEFAULTS, MOST_BYTES, SECTION, WITHOUT_EFFECT, converted

logger = logging.getLogger(__name__)


class Taken:
    """What a settings.py holds: .values {setting: value}, .left (line number, why) of the rest."""

    def __init__(self):
        self.values, self.left = {}, []


def read(path):
    """Return the Taken of a file. Raises CollectError."""
    with files.open_regular(path) as file:
        source = files.read_whole(file, MOST_BYTES, path)
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise errors.MalformedError(f"{path} is not Python: {error}") from None
    taken = Taken()
    for statement in statements:
        take(statement, taken)
    return taken


def take(statement, taken):
    """Take what a statement assigns, or note why it is left."""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass)) or is_text(statement):
        return
    names, value = assigned(statement)
    if not names:
        taken.left.append((statement.lineno, "it is no plain assignment"))
    for name in names:
        why = take_one(name, value, taken.values)
        if why:
            taken.left.append((statement.lineno, f"{name} {why}"))


def is_text(statement):
    """Tell whether a statement is a text that documents something."""
    try:
        return isinstance(statement, ast.Expr) and isinstance(literal(statement.value), str)
    except ValueError:
        return False


def literal(expression):
    """Return the value of a literal. Raises ValueError if it is none."""
    try:
        return ast.literal_eval(expression)
    except (TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError("no literal") from error


def assigned(statement):
    """Return (names, expression) of an assignment, ([], None) of anything else."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value:
        targets = [statement.target]
    else:
        return [], None
    names = [one.id for one in targets if isinstance(one, ast.Name)]
    return (names, statement.value) if len(names) == len(targets) else ([], None)


def take_one(name, expression, values):
    """Take the value of a setting; return why not, None if it is taken."""
    if name in WITHOUT_EFFECT:
        logger.info("%s has no effect here", name)
        return None
    if name not in DEFAULTS:
        return "is no setting"
    values.pop(name, None)  # what was assigned before does not count
    try:
        value = literal(expression)
    except ValueError:
        return "is no literal: set it by hand"
    try:
        is_same = converted(text_of(value), DEFAULTS[name]) == value
    except (ValueError, TypeError):
        is_same = False
    if not is_same:
        return "is not of the kind that it should be"
    values[name] = value
    return None


def text_of(value):
    """Return a value as it is written in the file. Raises TypeError, ValueError."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return ", ".join(value)
    text = str(value)
    if text != text.strip() or len(text.splitlines()) > 1 or "\0" in text:
        raise ValueError(text)
    return text


def ini_text(values):
    """Return the INI file of settings, in the order of DEFAULTS."""
    lines = [f"{key} = {text_of(values[key])}".rstrip() for key in DEFAULTS if key in values]
    return "\n".join((f"[{SECTION}]", *lines)) + "\n"
