"""Read a .po file: what is to be translated, how it is, and what is wrong with an entry."""

import ast
import dataclasses
import re
from pathlib import Path

import userportal

LOCALE = Path(userportal.__file__).parent / "locale" / "fr" / "LC_MESSAGES"
DOMAINS = ("django", "djangojs")
FIELD = re.compile(r'(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")')
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry of a .po file."""

    context: str
    message: str
    plural: str
    translations: tuple  # one, or one for each plural form
    is_fuzzy: bool = False

    @property
    def key(self):
        """Return what tells it from other entries."""
        return self.context, self.message


def read(path):
    """Return (Entries with the header first, lines of obsolete entries) of a .po file."""
    text = path.read_text(encoding="utf-8")
    obsolete = [line for line in text.splitlines() if line.startswith("#~")]
    found = [entry_of(block.splitlines()) for block in re.split(r"\n\s*\n", text)]
    return [entry for entry in found if entry], obsolete


def entry_of(lines):
    """Return the Entry of a block's lines, None if it has none."""
    fields, name = {}, None
    for line in lines:
        begun = FIELD.fullmatch(line)
        if begun:
            name = begun[1]
            fields[name] = ast.literal_eval(begun[2])
        elif line.startswith('"'):
            fields[name] += ast.literal_eval(line)
    if "msgid" not in fields:
        return None
    return Entry(
        context=fields.get("msgctxt", ""),
        message=fields["msgid"],
        plural=fields.get("msgid_plural", ""),
        translations=tuple(text for name, text in fields.items() if name.startswith("msgstr")),
        is_fuzzy=any(line.startswith("#,") and "fuzzy" in line for line in lines),
    )


def entries(domain):
    """Return the Entries of a domain of the French catalogue, without the header."""
    return [entry for entry in read(LOCALE / f"{domain}.po")[0] if entry.message]


def placeholders(text):
    """Return the placeholders of a text, each as often as it is there."""
    return sorted(PLACEHOLDER.findall(text))
