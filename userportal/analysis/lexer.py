"""Cut a condition into words, numbers with units, texts and signs."""

import dataclasses
import re
from typing import Any

MAXIMUM_CHARACTERS = 2_000
# What a bare number is measured in; "bare" goes with everything (0, or bytes without a unit).
BARE, PLAIN, BYTES, SECONDS = "bare", "plain", "bytes", "seconds"
UNITS = {
    "%": (0.01, PLAIN),
    **{"s": (1, SECONDS), "min": (60, SECONDS), "h": (3600, SECONDS), "d": (86400, SECONDS)},
    "B": (1, BYTES),
    # As for Slurm, K is 1024, whether it is written KB or KiB.
    **{
        letter + ending: (2 ** (10 * power), BYTES)
        for power, letter in enumerate("KMGTP", start=1)
        for ending in ("B", "iB")
    },
}
TOKEN = re.compile(
    r"(?P<number>\d{1,18}(?:\.\d{1,18})?)(?P<unit>%|[A-Za-z_]\w*)?"
    r"|(?P<word>[A-Za-z_]\w*)"
    r'|"(?P<text>[^"]*)"'
    r"|(?P<sign><=|>=|==|!=|[<>=+*/(),-])",
    re.ASCII,
)
NUMBER, WORD, LITERAL, SIGN, END = "number", "word", "text", "sign", "end"


class ConditionFault(Exception):
    """A condition cannot be read; ``place`` is the character, counted from 1."""

    def __init__(self, place, complaint):
        super().__init__(f"character {place}: {complaint}")


@dataclasses.dataclass(frozen=True)
class Token:
    """A word, number, text or sign, and where it stands."""

    what: str
    content: Any  # of a number: (value, dimension)
    place: int  # from 1

    def __str__(self):
        return "the end" if self.what == END else f'"{self.content}"'


def tokens_of(text):
    """Return the Tokens of a condition, the last one END. Raises ConditionFault."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise ConditionFault(MAXIMUM_CHARACTERS, f"longer than {MAXIMUM_CHARACTERS} characters")
    tokens, place = [], 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        found = TOKEN.match(text, place)
        if not found:
            raise ConditionFault(place + 1, f"{text[place]!a} has no meaning here")
        tokens.append(token_of(found, place + 1))
        place = found.end()
    return [*tokens, Token(END, "", place + 1)]


def token_of(found, place):
    """Return the Token of a match."""
    if found["number"]:
        return Token(NUMBER, number_of(found["number"], found["unit"], place), place)
    for what in (WORD, LITERAL, SIGN):
        if found[what] is not None:
            return Token(what, found[what], place)
    raise AssertionError(found)


def number_of(digits, unit, place):
    """Return (value, dimension) of a number with its unit, or none. Raises ConditionFault."""
    if unit is None:
        return float(digits), BARE
    if unit not in UNITS:
        raise ConditionFault(place, f"{unit} is no unit; there are {' '.join(UNITS)}")
    factor, dimension = UNITS[unit]
    # 15 % is what 15 / 100 is, not 15 times a rounded 0.01.
    return (float(digits) / 100 if unit == "%" else float(digits) * factor), dimension
