"""Read the YAML of a list of projects: projects: {NAME: {members: [..], pi: ..}}, in lines.

Only this form is read, and any other is refused, so that nothing is taken for what it is not.
"""

import re

from usagedb import errors

WORD = r"""'[^']*'|"[^"\\]*"|[A-Za-z0-9_][A-Za-z0-9_.@+ -]*"""
KEY = re.compile(rf"({WORD}) *:(?: +(.*))?", re.ASCII)
MEMBER = re.compile(rf"- +({WORD})", re.ASCII)
LIST = re.compile(rf"\[ *(?:(?:{WORD})(?: *, *(?:{WORD}))*)? *\]", re.ASCII)
PROJECTS, MEMBERS, PI = "projects", "members", "pi"
NOTHING = ("null", "Null", "NULL")


def read_yaml(text, path):
    """Return {project: (members, principal investigator or None)} of a file's text; other keys are
    passed over, and an investigator that is not one name.

    Raises ConfigurationError for YAML of another form.
    """
    reader = Reader()
    for number, line in enumerate(text.split("\n"), 1):
        content = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if not content or content == "---":
            continue
        try:
            reader.take(len(content) - len(content.lstrip(" ")), content.lstrip(" "))
        except ValueError as error:
            raise errors.ConfigurationError(f"{path}:{number}: {error}") from None
    return {name: (members, reader.pis.get(name)) for name, members in reader.found.items()}


class Reader:
    """Where in the file a line is, and what was found so far."""

    def __init__(self):
        self.found = {}  # project -> [member]
        self.pis = {}  # project -> its principal investigator
        self.section = self.project = self.key = None
        self.project_width = self.key_width = None
        self.is_open = False  # the list of members goes on in lines of its own

    def take(self, width, content):
        """Take a line, which begins after `width` blanks. Raises ValueError."""
        if width == 0:
            self.begin_section(content)
        elif self.section == PROJECTS:
            if self.project_width is None or width <= self.project_width:
                self.begin_project(width, content)
            elif self.key is not None and width >= self.key_width and content.startswith("-"):
                self.take_item(content)
            elif self.key_width is None or width <= self.key_width:
                self.begin_key(width, content)
            elif self.key == MEMBERS:
                raise ValueError("a member is a line of its own: - NAME")

    def begin_section(self, content):
        """Take a line at the margin."""
        if content.startswith("-") and self.section not in (None, PROJECTS):
            return
        self.section, value = key_of(content)
        if self.section == PROJECTS and value:
            raise ValueError("projects stand in lines of their own")
        self.project = self.key = self.project_width = self.key_width = None

    def begin_project(self, width, content):
        """Take the name of a project."""
        if self.project_width not in (None, width):
            raise ValueError("projects begin after the same number of blanks")
        self.project_width = width
        self.project, value = key_of(content)
        if value:
            raise ValueError("what a project has stands in lines of its own")
        if self.project in self.found:
            raise ValueError(f"a second project {self.project!r}")
        self.found[self.project] = []
        self.key = self.key_width = None
        self.keys = set()

    def begin_key(self, width, content):
        """Take a key of a project."""
        if self.key_width not in (None, width):
            raise ValueError("keys of a project begin after the same number of blanks")
        self.key_width = width
        self.key, value = key_of(content)
        if self.key in self.keys:
            raise ValueError(f"a second key {self.key!r}")
        self.keys.add(self.key)
        self.is_open = not value
        if self.key == PI and re.fullmatch(WORD, value, re.ASCII) and value not in NOTHING:
            self.pis[self.project] = bare(value)
        if self.key == MEMBERS and value:
            if not LIST.fullmatch(value):
                raise ValueError("members are a list: [NAME, NAME]")
            self.found[self.project] += [bare(word) for word in re.findall(WORD, value)]

    def take_item(self, content):
        """Take a line of a list."""
        if self.key != MEMBERS:
            return
        matched = MEMBER.fullmatch(content)
        if not self.is_open or matched is None:
            raise ValueError("a member is a line of its own: - NAME")
        self.found[self.project].append(bare(matched[1]))


def key_of(content):
    """Return (key, what stands behind it or ""). Raises ValueError."""
    matched = KEY.fullmatch(content)
    if matched is None:
        raise ValueError("a key and a colon are expected")
    return bare(matched[1]), (matched[2] or "").strip()


def bare(word):
    """Return a word without its quotes."""
    return word[1:-1] if word[0] in "'\"" else word.strip()
