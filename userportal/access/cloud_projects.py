"""Read who belongs to which project of virtual machines: an INI file, or a list in simple YAML."""

import functools
import re

from usagedb import errors
from userportal.access.files import ReadFile
from userportal.access.names import is_username, shown_text
from userportal.access.project_yaml import read_yaml
from userportal.ini_file import sections_of

MOST_NAME = 255


class Project(frozenset):
    """The usernames of a project's members."""

    pi = ""  # who answers for it, its principal investigator: a name of any kind, "" if not told

    @classmethod
    def of(cls, members, pi):
        """Return the Project of some members and a principal investigator, None for none."""
        made = cls(members)
        made.pi = shown_text(pi or "")
        return made


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

    def pi_of(self, project):
        """Return the name of a project's principal investigator, "" where the file tells none.

        Raises as above.
        """
        return self._file.get().get(project, Project()).pi


@functools.lru_cache(maxsize=8)
def projects_for(path):
    """Return the Projects of a file: the same for all who ask."""
    return Projects(path)


def read(text, path):
    """Return {name: Project} of a file's text. Raises ConfigurationError."""
    is_yaml = re.search(r"^projects:", text, re.MULTILINE)
    found = yaml_projects(text, path) if is_yaml else read_ini(text, path)
    for project, members in found.items():
        bad = [name for name in members if not is_username(name)]
        if bad or len(project) > MOST_NAME or not project.isprintable():
            raise errors.ConfigurationError(f"{path}: {project!r}: bad names {bad[:3]!r}")
    return found


def read_ini(text, path):
    """Return {name: Project} of sections [PROJECT] with members = ann, bob and pi = ann."""
    return {
        name: Project.of(section.get("members", "").replace(",", " ").split(), section.get("pi"))
        for name, section in sections_of(text, path).items()
    }


def yaml_projects(text, path):
    """Return {name: Project} of a list in YAML."""
    return {name: Project.of(members, pi) for name, (members, pi) in read_yaml(text, path).items()}
