"""Describe the commands as they are: what manual pages and completion are made of."""

import dataclasses
import importlib
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
MAIN = re.compile(r"^from (\S+) import main", re.MULTILINE)
FILES = {"FILE", "FILES", "PATH", "FILENAME", "ARCHIVE"}
DIRECTORIES = {"DIR", "DIRECTORY"}


@dataclasses.dataclass
class Option:
    """An option: its names as they are written, what follows it, and what it does."""

    names: list  # with their dashes
    value: str = ""  # how the help names what follows; "" for a flag
    help: str = ""
    choices: list = dataclasses.field(default_factory=list)
    repeats: bool = False
    is_optional: bool = False  # the value

    @property
    def kind(self):
        """What its value is: choice, file, directory, text, or "" for a flag."""
        return "choice" if self.choices else kind_of(self.value)


@dataclasses.dataclass
class Argument:
    """What stands on the command line without an option."""

    name: str
    help: str = ""
    choices: list = dataclasses.field(default_factory=list)
    kind: str = "text"  # or choice, file, directory, command (of the shell)


@dataclasses.dataclass
class Command:
    """A command, or a command of a command."""

    name: str  # such as "epmt run"
    summary: str
    usage: str  # what follows the name
    paragraphs: list = dataclasses.field(default_factory=list)  # (text, whether as it is written)
    examples: list = dataclasses.field(default_factory=list)  # lines
    options: list = dataclasses.field(default_factory=list)
    arguments: list = dataclasses.field(default_factory=list)
    commands: list = dataclasses.field(default_factory=list)
    exit_codes: list = dataclasses.field(default_factory=list)  # (code, meaning); none: the suite's

    @property
    def page(self):
        """The name of its manual page."""
        return self.name.replace(" ", "-")

    @property
    def word(self):
        """Its last word."""
        return self.name.rpartition(" ")[2]


def kind_of(value):
    """Return what the value of an option is, from how the help names it."""
    if not value:
        return ""
    word = value.strip("[]").upper()
    return "file" if word in FILES else "directory" if word in DIRECTORIES else "text"


def describe(name, checkout=CHECKOUT):
    """Return the Command of that name in bin/ of a checkout, with the commands below it."""
    from release import of_argparse, of_click

    module_name = MAIN.findall((checkout / "bin" / name).read_text())[0]
    if module_name == "epmtlite.command":
        return of_argparse.describe_epmt()
    module = importlib.import_module(module_name)
    command = getattr(module, "command", None) or getattr(module, name)
    return of_click.describe(name, command)


def sentence(text):
    """Return the first sentence of a help text as one line, as the NAME of a manual has it."""
    line = re.split(r"(?<=[.:])\s", " ".join(text.split()) + " ")[0].rstrip(".: ")
    return line[:1].lower() + line[1:] if line[1:2].islower() or line[1:2] == " " else line


def walk(command):
    """Yield a command and all below it."""
    yield command
    for one in command.commands:
        yield from walk(one)
