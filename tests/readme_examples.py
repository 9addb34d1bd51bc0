"""The console examples of the READMEs: found, run in order, and compared with what they show.

The convention, for whoever writes an example:

- A block of code (indented by four, or fenced) whose first line begins with `$ ` is a console: each
  `$ ` begins a command, lines with `> ` go on with it, and all else is what it prints, stdout and
  stderr together. Every such block is run, and its output must be what stands there.
- A command ends with 0, or `$ echo $?` follows and shows its status. One whose output ends with a
  line `^C` is interrupted after the lines above it; it then ends with 130 or 0.
- `...` stands for any text of a line, and alone in a line for any lines, or none.
- The examples happen on 21 November 2026 at login1, of the cluster aurora: that day stands for
  today, a time behind it for any time, a number of seconds (`2s`) for any number, and `login1` for
  the name of this machine. Where an output holds one of these, or `...`, widths of columns do not
  count.
- /etc/hpcusage, /home, /var, /data, /srv, /run and /apps/xalt are below a scratch directory, which
  the output does not show, and of which /home/ann is $HOME, where the commands run.
  tests/readme_places.py makes the files that a README takes for granted.
- All examples of one `##` section are one session; each section begins with the same files.
- A command of ours in any other block is not run: tests/test_readme_examples.py lists it with the
  reason.
"""

import configparser
import getpass
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import CHECKOUT
from tests.readme_blocks import Example, without_blank_end
from tests.readme_comparison import STAND_INS, is_same, told

INTERRUPTED_STATUSES = (0, 130)  # servers of other projects end with 0
PLACES = ("etc/hpcusage", "home", "var", "data", "srv", "run", "apps/xalt")
PLACE = re.compile(rf"(?:(?<=sqlite:///)|(?<![\w.~/%-]))/(?={'|'.join(PLACES)})(?:(?=[\w/])|$)")
MARK = "\x1e"  # the status of a command, between its output and that of the next


def scripts() -> "list[str]":
    """Return the names of all installed commands."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    return sorted(line.rpartition("/")[2] for line in setup["options"]["scripts"].split())


class Session:
    """A scratch directory, in which examples run one after the other in one shell."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home" / "ann"
        self.programs = root / "programs"
        self.at_the_end: list[str] = []  # commands
        for path in (self.home, self.programs, *(root / place for place in PLACES)):
            path.mkdir(parents=True, exist_ok=True)
        for name in scripts():
            self.add_program(name, f'exec {sys.executable} {CHECKOUT / "bin" / name} "$@"')
        self.environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": str(self.home),
            "TZ": "UTC", "LC_ALL": "C.UTF-8", "COLUMNS": "100", "PYTHONUNBUFFERED": "1",
            "XDG_STATE_HOME": str(self.home / ".local/state"),
        }  # fmt: skip

    def add_program(self, name: str, text: str) -> None:
        """Write a program in shell that the examples find by its name."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, section: "list[Example]") -> "list[tuple[int, list[str]]]":
        """Run the examples; return (status, lines of output) of each."""
        script = self.root / "session.sh"
        script.write_text("exec 2>&1\n" + "".join(map(self.step, section)))
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", script], cwd=self.home, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
        parts = done.stdout.decode(errors="backslashreplace").split(MARK)
        return [
            (int(status), without_blank_end([line.rstrip() for line in output.split("\n")]))
            for output, status in zip(parts[::2], parts[1::2])
        ]

    def step(self, example: Example) -> str:
        """Return the lines of shell that run an example, say its status, and keep it for $?."""
        command = PLACE.sub(lambda _: f"{self.root}/", example.command)
        lines = example.lines_before_interrupt
        if lines is not None:
            helper = f"{sys.executable} {CHECKOUT / 'tests' / 'until_interrupted.py'}"
            command = f"{helper} {lines} {shlex.quote(command)}"
        keep = f"readme_status=$?; printf '{MARK}%d{MARK}' $readme_status; (exit $readme_status)"
        return f"{command}\n{keep}\n"

    def prepare(self, command: str, statuses: "tuple[int, ...]" = (0,)) -> None:
        """Run a command that the examples take for granted. Raises AssertionError if it fails."""
        ((status, output),) = self.run([Example(0, command, [])])
        assert status in statuses, f"{command}: {status}: {output}"

    def close(self) -> None:
        """End what the examples may have left."""
        if self.at_the_end:
            self.run([Example(0, command, []) for command in self.at_the_end])

    def shown(self, lines: "list[str]") -> "list[str]":
        """Return output as a README shows it: without the scratch directory."""
        source = f"({self.root}/embedded.conf)"
        own = (
            (source, "(embedded, no configuration file found)"),
            (str(self.root), ""),
            (f"/epmt/{getpass.getuser()}/", "/epmt/ann/"),
        )
        for text, instead in own:
            lines = [line.replace(text, instead) for line in lines]
        return [re.sub(rf"^(user +){getpass.getuser()}$", r"\1ann", line) for line in lines]

    def difference(self, example: Example, status: int, actual: "list[str]") -> str:
        """Return what is wrong with the output or the status of an example, or ''."""
        interrupted = example.lines_before_interrupt is not None
        expected = example.expected[:-1] if interrupted else example.expected
        shown = self.shown(actual)
        is_loose = bool(STAND_INS.search("\n".join(expected))) or shown != actual
        if not is_same(expected, shown, is_loose):
            return told(expected, shown, is_loose)
        if interrupted and status not in INTERRUPTED_STATUSES:
            return f"ended with {status} after Ctrl-C"
        return ""


def check(session: Session, section: "list[Example]") -> "list[str]":
    """Run a section's examples; return a text for each that is not as the README says."""
    ran = session.run(section)
    wrong = [f"the session ended after {len(ran)} commands"] if len(ran) < len(section) else []
    for number, (example, (status, actual)) in enumerate(zip(section, ran)):
        difference = session.difference(example, status, actual)
        following = section[number + 1].command if number + 1 < len(section) else ""
        is_shown = "$?" in following or example.lines_before_interrupt is not None
        if not difference and status and not is_shown:
            difference = f"ended with {status}: show it with `echo $?`"
        if difference:
            wrong.append(f"line {example.line}: {example.command}\n{difference}")
    return wrong
