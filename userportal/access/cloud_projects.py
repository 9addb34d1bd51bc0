"""Read who belongs to which project of virtual machines: an INI file, or a list in simple YAML."""

import configparser
import functools
import re

from usagedb import errors
from userportal.access.files import ReadFile
from userportal.access.names import is_username
from userportal.access.project_yaml import read_yaml

MOST_NAME = 255


class Projects:
    """The projects of one file, read again when it changes; used by many threads at once."""

    def __init__(self, path):
        """Remember the path; the file is read when it is asked."""
        self._file = ReadFile(path, read)

    def projects_of(self, username):
        """Return the names of a user's projects, in order.

        Raises ConfigurationError or RefusedError if the file cannot be read.
        """
        found = self._file.get().items()
        return sorted(name for name, members in found if username in members)

    def members_of(self, project):
        """Return the members of a project, in order; [] for an unknown one. Raises as above."""
        return sorted(self._file.get().get(project, ()))


@functools.lru_cache(maxsize=8)
def projects_for(path):
    """Return the Projects of a file: the same for all who ask."""
    return Projects(path)


def read(text, path):
    """Return {project: members} of a file's text. Raises ConfigurationError."""
    is_yaml = re.search(r"^projects:", text, re.MULTILINE)
    found = (read_yaml if is_yaml else read_ini)(text, path)
    for project, members in found.items():
        bad = [name for name in members if not is_username(name)]
        if bad or len(project) > MOST_NAME or not project.isprintable():
            raise errors.ConfigurationError(f"{path}: {project!r}: bad names {bad[:3]!r}")
    return found


def read_ini(text, path):
    """Return {project: members} of sections [PROJECT] with members = ann, bob."""
    parser = configparser.RawConfigParser(strict=True, comment_prefixes=("#",))
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise errors.ConfigurationError(f"{path}: {' '.join(str(error).split())}") from error
    return {
        name: frozenset(parser[name].get("members", "").replace(",", " ").split())
        for name in parser.sections()
    }
