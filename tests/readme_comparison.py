"""Compare what a command prints with what a README shows: see readme_examples.py."""

import datetime
import difflib
import re
import socket

TODAY = "2026-11-21"
STAND_INS = re.compile(
    r"(?P<any>\.\.\.)"
    rf"|(?P<moment>{TODAY}[ T]\d\d:\d\d(?::\d\d)?|20261121-\d{{6}})|(?P<day>{TODAY}|20261121)"
    r"|(?P<seconds>\b\d+(?=s\b))|(?P<host>\blogin1\b(?:\.example\.org)?)"
)
ANY_LINES = r"(?:.*\n)*?"


def is_same(expected: "list[str]", shown: "list[str]", is_loose: bool, end: str = "") -> bool:
    """Tell whether lines of output are what a README shows; end is what may follow them."""
    text = "".join(f"{line}\n" for line in shown)
    return re.fullmatch(pattern(expected, is_loose) + end, text) is not None


def told(expected: "list[str]", shown: "list[str]", is_loose: bool) -> str:
    """Return what differs: the first line of the README that is not there, and all lines."""
    numbers = range(len(expected))
    wrong = (n for n in numbers if not is_same(expected[: n + 1], shown, is_loose, ANY_LINES))
    first = next(wrong, None)
    missing = "more lines than shown" if first is None else f"not printed: {expected[first]}"
    lines = difflib.unified_diff(expected, shown, "README", "now", lineterm="")
    return "\n".join([missing, *lines])


def pattern(lines: "list[str]", is_loose: bool) -> str:
    """Return the regular expression for lines of a README, each of which ends with a newline.

    is_loose: runs of blanks, and of dashes, may have any length.
    """
    return "".join(
        ANY_LINES if line.strip() == "..." else line_pattern(line, is_loose) for line in lines
    )


def line_pattern(line: str, is_loose: bool) -> str:
    """Return the regular expression for a line of a README and its newline."""
    parts, at = [], 0
    for found in STAND_INS.finditer(line):
        parts += [escaped(line[at : found.start()], is_loose), meaning(found)]
        at = found.end()
    return "".join(parts) + escaped(line[at:], is_loose) + r"\n"


def escaped(text: str, is_loose: bool) -> str:
    """Return the expression for a text without stand-ins."""
    if not is_loose:
        return re.escape(text)
    parts = re.split(r"( +|-{3,})", text)
    return "".join(
        " *" if part.startswith(" ") else "-+" if part.startswith("---") else re.escape(part)
        for part in parts
    )


def meaning(found: "re.Match[str]") -> str:
    """Return the expression for a stand-in."""
    if found["any"]:
        return ".*?"
    if found["seconds"]:
        return r"\d+"
    if found["host"]:
        name = socket.gethostname()
        return "|".join(("(?:" + re.escape(socket.getfqdn()), re.escape(name))) + ")"
    form = "%Y-%m-%d" if "-11-" in found[0] else "%Y%m%d"
    now = datetime.datetime.now(datetime.timezone.utc)
    days = (now - datetime.timedelta(minutes=10), now)  # a section may run over midnight
    clock = re.sub(r"\d", r"\\d", found[0][len(days[0].strftime(form)) :])
    return f"(?:{'|'.join(day.strftime(form) for day in days)}){clock}"
