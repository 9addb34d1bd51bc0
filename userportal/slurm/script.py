"""Find the modules that a job's script loads."""

import itertools
import re
from collections.abc import Iterator

from userportal.slurm.dependencies import words_of

MOST_MODULES = 200
LONGEST_SCRIPT = 1 << 20
LONGEST_LINE = 4096
MOST_LINES = 2000  # that may load a module
MOST_CHARACTERS = 200_000  # of those lines together
SEPARATORS = re.compile(r"&&|\|\||[;|&]")
# It begins at the first of some digits alone: else a line of digits would take very long.
REDIRECTION = re.compile(r"(?:(?<!\d)\d+)?(?:>&|>>?|<)\s*[^\s;|&<>]*")
# Words that a command may stand behind.
LEADING = frozenset(["then", "do", "else", "time", "!", "{", "(", "eval", "command", "builtin"])
LOADS = frozenset(["load", "add", "try-load", "try-add", "load-any"])
SWAPS = frozenset(["swap", "switch", "sw"])
# What follows ml is one of these, or names.
OTHER_COMMANDS = frozenset((
    "av", "avail", "spider", "list", "purge", "unload", "rm", "del", "delete", "use", "unuse",
    "save", "restore", "s", "r", "savelist", "sl", "saverm", "describe", "show", "display",
    "whatis", "keyword", "key", "reset", "refresh", "update", "help", "is-loaded", "is-avail",
    "tablelist", "disable", "category", "overview", "ov",
))  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/@:=-]{0,199}", re.ASCII)


def modules(text: "str | None") -> "list[str]":
    """Return the modules that a script loads, as it names them, each once and in order.

    [] for None. Names made of variables are left out: only a shell knows them.
    """
    found: dict[str, None] = {}
    for line in command_lines((text or "")[:LONGEST_SCRIPT]):
        for command in SEPARATORS.split(REDIRECTION.sub(" ", line)):
            found.update(dict.fromkeys(loaded_by(words_of(command))))
            if len(found) >= MOST_MODULES:
                return list(found)[:MOST_MODULES]
    return list(found)


def command_lines(text: str) -> "Iterator[str]":
    """Yield the lines that may load a module, those that go on joined, comments left out.

    They end after MOST_LINES, and after MOST_CHARACTERS.
    """
    joined = re.sub(r"\\\r?\n", " ", text).splitlines()
    cut = (line[:LONGEST_LINE] for line in joined if "module" in line or "ml" in line)
    left = MOST_CHARACTERS
    for line in itertools.islice(cut, MOST_LINES):
        left -= len(line)
        if left < 0:
            return
        yield re.sub(r"(?:^|\s)#.*", "", line)


def loaded_by(words: "list[str]") -> "list[str]":
    """Return the modules that a command of some words loads."""
    while words and words[0] in LEADING:
        words = words[1:]
    if not words or words[0] not in ("module", "ml"):
        return []
    arguments = [word for word in words[1:] if not word.startswith("-")]
    command = arguments[0] if arguments else ""
    if command in LOADS:
        names = arguments[1:]
    elif command in SWAPS:
        names = arguments[-1:] if len(arguments) > 1 else []
    else:
        names = arguments if words[0] == "ml" and command not in OTHER_COMMANDS else []
    return [name for name in names if NAME.fullmatch(name)]
