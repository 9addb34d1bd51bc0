"""Read what setup.cfg says of the package: its version, what it needs, its extras, its commands."""

import configparser
import re

from packaging.requirements import Requirement

VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


def settings(tree):
    """Return the parsed setup.cfg of a tree."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(tree / "setup.cfg")
    return setup


def version(tree):
    """Return the version of the sources."""
    return VERSION.findall((tree / "usagedb" / "__init__.py").read_text())[0]


def command_names(tree):
    """Return the names of all commands that are installed, sorted."""
    scripts = lines(settings(tree)["options"]["scripts"])
    return sorted(line.rpartition("/")[2] for line in scripts)


def extras_on(tree, extras, python):
    """Return those extras that can be had on a version of Python, such as 3.9.

    One of whose requirements some are for other versions only would be a half.
    """
    known = settings(tree)["options.extras_require"]
    return [
        extra
        for extra in extras
        if all(
            not requirement.marker or requirement.marker.evaluate({"python_version": python})
            for requirement in map(Requirement, lines(known[extra]))
        )
    ]


def lines(text):
    """Return the lines of a value that are not empty."""
    return [line.strip() for line in text.splitlines() if line.strip()]
