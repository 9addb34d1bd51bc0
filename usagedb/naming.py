"""Replace the name of a person in texts: wherever it is a word, or only where it means the person.

What a person's own records say is the person's: every word that is the name is replaced there. In
what belongs to others, or to nobody, a name such as `gcc` or `test` is mostly something else: only
what names an account is replaced, such as /home/NAME, ~NAME, NAME@host and user=NAME, and the user
in the file name of a record of XALT.
"""

import json
import re

# Directories that hold one directory for each user, perhaps below its first letters:
# /home/a/an/anna.
HOMES = re.compile(r"(home|homes|users?|u|people|nfshome|staffhome)\d*", re.IGNORECASE)
# Those that hold others as well: the user's own is right below them, or below users/.
WORK_PLACES = re.compile(
    r"(scratch|localscratch|work|data|projects?|lustre|gpfs|beegfs|nobackup|archive|nearline|store"
    r"|tmp|spool|cron|mail)\d*",
    re.IGNORECASE,
)
LONGEST_PATH = 128  # of the directories above a home
# What a path can stand behind: /home/anna in PATH=/bin:/home/anna/bin.
BEFORE_PATHS = " \t\n:;,\"'=()[]{}<>|"
QUOTES = r"(?:\\{0,3}[\"'])?"  # also those of JSON within JSON
UUID = "[0-9a-fA-F]{8}-"  # how it begins, in the names of XALT's records: date.NAME.zzz.uuid.json
VARIABLES = "user|logname|login|username|owner|uid|account|mail"


class Renaming:
    """One name and what takes its place."""

    def __init__(self, name, new="", homes=()):
        """homes are further directories that hold one directory for each user."""
        self.name, self.new = name, new
        self.raw = name.encode("utf-8", "surrogateescape")
        self.homes = {home.rstrip("/") for home in homes}
        word = re.escape(name)
        self._word = re.compile(rf"(?<![\w-]){word}(?![\w-])")
        # A dot may go on with another name: ann.smith is not ann.
        end = r"(?![\w-]|\.\w)"
        self._alone = re.compile(
            rf"(?P<path>/{word}{end})|(?P<tilde>(?<![\w/])~{word}{end})"
            rf"|(?P<mail>(?<![\w.+@/-]){word}(?=@[A-Za-z0-9]))"
            rf"|(?P<record>(?<=\d\.){word}(?=\.(?:aaa\.|zzz\.)?{UUID}))"
            rf"|(?P<variable>(?<![a-z])(?i:{VARIABLES}){QUOTES}[=:]\s?{QUOTES}{word}(?![\w-]|\.\w))"
        )

    def own(self, text):
        """Return a text of the person's own records without the name."""
        if not text or not self.name or self.name not in text:
            return text
        return self._word.sub(lambda _found: self.new, text)

    def shared(self, text):
        """Return a text of somebody else's without what names the person."""
        if not text or self.name not in text:
            return text
        return self._alone.sub(self._replaced, text)

    def _replaced(self, found):
        whole = found[0]
        if not self._is_meant(found):
            return whole
        return whole[: len(whole) - len(self.name)] + self.new

    def _is_meant(self, found):
        """Tell whether a match means the person: a path may be that of something else."""
        if found.lastgroup != "path" or found.string[found.end() : found.end() + 1] == "@":
            return True
        return self._is_home(found.string, found.start())

    def _is_home(self, text, place):
        """Tell whether what stands before a place is a directory of users' directories."""
        before = text[max(0, place - LONGEST_PATH) : place]
        path = before[max(map(before.rfind, BEFORE_PATHS)) + 1 :]
        if path in self.homes:
            return True
        above = path.split("/")
        if WORK_PLACES.fullmatch(above[-1]):
            return True
        while len(above) > 1 and above[-1] and self.name.startswith(above[-1]):
            above.pop()
        return bool(HOMES.fullmatch(above[-1]))

    def in_bytes(self, value, change):
        """Return bytes of text changed by own or shared."""
        value = bytes(value)
        if self.raw not in value:
            return value
        text = value.decode("utf-8", "surrogateescape")
        return change(text).encode("utf-8", "surrogateescape")

    def in_json(self, text, change):
        """Return a JSON text with all its texts changed by own or shared, keys too.

        What is no JSON is changed as a text.
        """
        written = json.dumps(self.name)[1:-1]
        if not text or (self.name not in text and written not in text):
            return text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return change(text)
        changed = self.in_value(value, change)
        return text if changed == value else json.dumps(changed)

    def in_value(self, value, change):
        """Return plain data with all its texts changed."""
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [self.in_value(one, change) for one in value]
        if isinstance(value, dict):
            return {change(key): self._of_key(key, one, change) for key, one in value.items()}
        return value

    def _of_key(self, key, value, change):
        """Return the value of a key changed: {"user": "anna"} means what user=anna does."""
        if isinstance(value, str) and self.name in value:
            start = change(key) + "="
            changed = change(f"{key}={value}")
            if changed.startswith(start) and changed != start + value:
                return changed[len(start) :]
        return self.in_value(value, change)

    def is_in(self, text):
        """Tell whether somebody else's text names the person."""
        return self.name in text and any(map(self._is_meant, self._alone.finditer(text)))
