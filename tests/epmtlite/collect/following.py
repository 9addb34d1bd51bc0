"""Run commands followed by a collector, as processes of their own; the standard library alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
# Becomes the command that its arguments name, followed into the directory that is the first.
FOLLOWED = (
    "import sys; from epmtlite.collect.launch import follow;"
    " from epmtlite.collect.run import become; follow(sys.argv[1]); become(sys.argv[2:], {})"
)


class Record:
    """One line of what the collector wrote."""

    def __init__(self, names, line):
        fields = line.split("\t")
        self.tags, self.host, self.name, self.path = fields[1:5]
        (self.status, self.signal, self.pid, self.generation, self.parent, self.group, self.session,
         self.threads, self.start, self.end) = map(int, fields[5:15])  # fmt: skip
        self.arguments = fields[15]
        numbers = [int(one) for one in fields[0].strip("{}").split(",")]
        width = len(names)
        self.metrics = [
            dict(zip(names, numbers[first : first + width]))
            for first in range(0, len(numbers), width)
        ]

    def total(self, name):
        """Return the sum of a metric over all threads."""
        return sum(one[name] for one in self.metrics)


class Followed:
    """A command that has run, and what was recorded of it."""

    def __init__(self, done, directory):
        self.done = done
        self.status, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr
        (header,) = directory.glob("*-papiex-header.tsv")
        (data,) = directory.glob("*-papiex.tsv")
        names = header.read_text().partition("}")[0].lstrip("{").split(",")
        self.lines = data.read_text().splitlines()
        self.records = [Record(names, line) for line in self.lines]

    def named(self, name):
        """Return the records of programs of a name."""
        return [one for one in self.records if one.name == name]

    def states(self):
        """Return {name of a program: state} of processes whose end was not seen."""
        return {
            one.name: one.tags.rpartition(":")[2]
            for one in self.records
            if "epmt_state" in one.tags
        }


def call(arguments, **options):
    """Run a command; return its CompletedProcess."""
    return subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        **options,
    )  # fmt: skip


def command_of(directory, arguments):
    """Return the command that runs another one, followed."""
    return [sys.executable, "-c", FOLLOWED, str(directory), *arguments]


def follow(arguments, **options):
    """Run a command, followed; return the Followed."""
    directory = Path(tempfile.mkdtemp(prefix="followed-"))
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **options.pop("env", {})}
    try:
        done = call(command_of(directory, arguments), env=environment, **options)
        return Followed(done, directory)
    finally:
        shutil.rmtree(directory)


def both(arguments):
    """Run a command alone and followed; return both: CompletedProcess, Followed."""
    # Libraries of the tests may have changed the environment below that of Python.
    return call(arguments, env=dict(os.environ)), follow(arguments)
