"""Show a job's script: lines with numbers that can be linked to, and colours for bash."""

import dataclasses
import re

from django.utils.html import escape
from django.utils.safestring import mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import BashLexer

# A line this long is data, and an expression of the lexer may need long for it.
LEXED_LINE_CHARACTERS = 2000
LEXED_CHARACTERS = 50_000
# Control characters, and those of Unicode's category Cf that are no part of a script's letters.
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f]"
)


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a script."""

    number: int
    html: str  # safe


@dataclasses.dataclass(frozen=True)
class ShownScript:
    """A script as a page shows it."""

    lines: list
    is_cut: bool  # more than the limit was there
    text_characters: int


def visible(match):
    """Return a character that nobody sees, or that turns the text round, as its number."""
    return f"\\u{ord(match[0]):04x}"


def shown_script(text, limit_characters):
    """Return the ShownScript of a text, of which limit_characters are shown at most."""
    kept = text[:limit_characters].replace("\r\n", "\n")
    kept = CONTROLS.sub(visible, kept)
    lines = kept.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    found = [Line(number, html) for number, html in enumerate(colored(lines), 1)]
    return ShownScript(found, len(text) > limit_characters, len(text))


def colored(lines):
    """Return the lines as safe HTML, with classes of Pygments if they look like a script."""
    too_long = any(len(line) > LEXED_LINE_CHARACTERS for line in lines)
    if too_long or sum(map(len, lines)) > LEXED_CHARACTERS:
        return [escape(line) for line in lines]
    lexer = BashLexer(stripnl=False, ensurenl=True)
    html = highlight("\n".join(lines), lexer, HtmlFormatter(nowrap=True))
    found = html.split("\n")[: len(lines)]
    if len(found) != len(lines):
        return [escape(line) for line in lines]
    return [mark_safe(line) for line in found]  # nosec B308 # Pygments has escaped it
