"""Read release/Containerfile, and find what would fail in it, without an engine for containers."""

import fnmatch
import json
import re
import shlex

from release.__main__ import PYTHONS
from tests.conftest import CHECKOUT

PATH = CHECKOUT / "release" / "Containerfile"
SUITE = "bookworm"  # in which the release is tested without a container, too
CONTINUED = re.compile(r"\\\n\s*")
BASE = re.compile(r"python:(3\.\d+)-slim-(\w+)")
OPTION = re.compile(r"(?<!\S)--?[A-Za-z][\w-]*")
OF_INSTALLER = re.compile(r"python3 hpcusage-installer ([^&]*)")


def instructions(text):
    """Return [(word, the rest)] of the instructions, lines that go on joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = (line.split(None, 1) for line in CONTINUED.sub(" ", lines).splitlines())
    return [(words[0], words[1]) for words in found if words]


def arguments(text, word):
    """Return what follows a word in all of its instructions, split into words."""
    return [shlex.split(rest) for name, rest in instructions(text) if name == word]


def environment(text):
    """Return {name: value} of ENV, a reference to the PATH of the image left as it is."""
    return dict(pair.split("=", 1) for words in arguments(text, "ENV") for pair in words)


def command(text):
    """Return the words that a container runs by itself."""
    (rest,) = [rest for name, rest in instructions(text) if name == "CMD"]
    return json.loads(rest)


def shown_lines(text, program):
    """Return the command lines that the comments show, those that go on joined."""
    comments = "\n".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    return re.findall(rf"^{program} .*", CONTINUED.sub(" ", comments), re.MULTILINE)


def faults(text, delivered, commands, installer_options):
    """Return what is wrong: with names that `make release` does not deliver, or an installation
    does not have.

    delivered are names of files, commands those of an installation.
    """
    found = list(of_base(text))
    for *sources, target in arguments(text, "COPY"):
        found += [f"COPY {one}: nothing of that name" for one in sources
                  if not fnmatch.filter(delivered, one)]  # fmt: skip
        found += [] if target.endswith("/") else [f"COPY to {target}: no directory"]
    run = " && ".join(rest for name, rest in instructions(text) if name == "RUN")
    given = set(OPTION.findall(OF_INSTALLER.search(run)[1]))
    found += [f"the installer has no {one}" for one in sorted(given - set(installer_options))]
    called = [command(text)[0], *(words[-1] for words in called_in_comments(text))]
    return found + [f"{name}: no command" for name in called if name not in commands]


def called_in_comments(text):
    """Return the words of each `podman run` of the comments, up to the command in the container."""
    found = []
    for line in shown_lines(text, "podman run"):
        words = shlex.split(line)
        found.append(words[: words.index("hpcusage") + 2])
    return found


def of_base(text):
    """Yield what is wrong with the image."""
    (words,) = arguments(text, "FROM")
    base = BASE.fullmatch(words[0])
    if not base or base[1] not in PYTHONS.split() or base[2] != SUITE:
        yield f"FROM {words[0]}: a Python of the release ({PYTHONS}) in Debian {SUITE}"
