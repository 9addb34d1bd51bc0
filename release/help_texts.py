"""Write what each command prints with --help into COMMANDS.md of its package: `make docs`."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from release.describe import CHECKOUT, MAIN, describe

FILE = "COMMANDS.md"
COLUMNS = 100
PARALLEL = 4
HEAD = """\
# The commands of {package}, and all their options

What the commands print with `--help`. This file is made by `make docs`: change the command, not the
file. What the commands are for, with examples, is in [README.md](README.md).
"""


def packages(checkout=CHECKOUT):
    """Return {package: names of its commands in bin/}; the names with .py are the same commands."""
    found: dict = {}
    for path in sorted((checkout / "bin").iterdir()):
        if path.suffix != ".py":
            package = MAIN.findall(path.read_text())[0].partition(".")[0]
            found.setdefault(package, []).append(path.name)
    return found


def calls(name):
    """Return the words before --help of a command and of all below it that are ours."""
    words = [one.word for one in describe(name).commands]
    if name == "userportal":
        from userportal.command import DJANGO_COMMANDS

        words = [word for word in words if word not in DJANGO_COMMANDS]
    return [[name], *([name, word] for word in words)]


def help_text(words, checkout=CHECKOUT):
    """Return what a command prints with --help at 100 columns, without settings of a site.

    Raises CalledProcessError if it does not end with 0.
    """
    program, *rest = words
    with tempfile.TemporaryDirectory() as empty:
        environment = {
            "PATH": os.environ["PATH"], "HOME": empty, "COLUMNS": str(COLUMNS),
            "LC_ALL": "C.UTF-8", "TZ": "UTC",
        }  # fmt: skip
        command = [sys.executable, checkout / "bin" / program, *rest, "--help"]
        done = subprocess.run(
            command, cwd=empty, env=environment, capture_output=True, text=True, check=True
        )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def text_of(package, names, checkout=CHECKOUT):
    """Return the text of a package's file."""
    every = [words for name in names for words in calls(name)]
    with ThreadPoolExecutor(PARALLEL) as pool:
        texts = list(pool.map(lambda words: help_text(words, checkout), every))
    parts = [HEAD.format(package=package)]
    for words, text in zip(every, texts):
        parts.append(f"{'#' * (len(words) + 1)} {' '.join(words)}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def main():
    """Write the files that are not up to date, and name them."""
    for package, names in packages().items():
        path, text = Path(CHECKOUT, package, FILE), text_of(package, names)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {package}/{FILE}")


if __name__ == "__main__":
    main()
