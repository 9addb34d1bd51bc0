"""Make data_texts.py: texts of data files in conf/, which makemessages itself cannot read."""

import json
import textwrap
from pathlib import Path

from userportal.analysis import rules
from userportal.pages import software

TARGET = Path(__file__).with_name("data_texts.py")
LINE_CHARACTERS = 100
HEAD = '''"""Texts of the files in conf/ that readers see, for makemessages alone.

Made by `manage.py data_texts`: change nothing here.
"""

from django.utils.translation import gettext_noop

TEXTS = (
'''


def data_texts():
    """Return the texts of the shipped rules, then the names of where software is stored."""
    stacks = [name for name, _is_path, _what in software.read_names().stacks]
    return list(dict.fromkeys([*rules.read().texts(), *stacks]))


def module_text():
    """Return the text of data_texts.py. Raises ConfigurationError for a file with a fault."""
    return HEAD + "".join(entry(text) for text in data_texts()) + ")\n"


def entry(text):
    """Return the lines for one text, as ruff would format them."""
    line, alone = f"    gettext_noop({literal(text)}),", f"        {literal(text)}"
    if len(line) <= LINE_CHARACTERS:
        return f"{line}\n"
    lines = [alone] if len(alone) <= LINE_CHARACTERS else pieces(text)
    return "\n".join(["    gettext_noop(", *lines, "    ),", ""])


def pieces(text):
    """Return lines with the pieces of a long text."""
    width = LINE_CHARACTERS - len(f"        {literal(' ')}")
    parts = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [f"        {literal(f'{part} ')}" for part in parts[:-1]] + [
        f"        {literal(parts[-1])}"
    ]


def literal(text):
    """Return a text as Python writes it, between double quotation marks."""
    return json.dumps(text, ensure_ascii=False)
