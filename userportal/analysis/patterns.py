"""Regular expressions of rules whose cost on a hostile line is known beforehand.

A matcher that goes back and tries again can take for ever: (a+)+b on a line of a's. A pattern is
therefore refused if it repeats what is repeated itself, or if the ways of matching it, multiplied
with the length of a line, are more than MAXIMUM_WAYS. `\\s{1,9}` in the place of `\\s+`, or ^ at
the beginning, keep a pattern below.
"""

import re
import warnings

MAXIMUM_LENGTH = 500
LINE_CHARACTERS = 2_000
MAXIMUM_WAYS = 500_000
MAXIMUM_DEPTH = 10
REPETITION = re.compile(r"\*|\+|\?|\{(\d{0,9})(,?)(\d{0,9})\}")
GROUP = re.compile(r"\((\?:|\?P<\w+>|\?=|\?!|\?i:|(?!\?))", re.ASCII)
SET = re.compile(r"\[\^?\]?(?:\\.|[^]\\])*\]")


class PatternFault(Exception):
    """A pattern cannot be used; the text says where and why."""


def compile_pattern(text):
    """Return the compiled pattern; upper and lower case differ. Raises PatternFault."""
    if len(text) > MAXIMUM_LENGTH:
        raise PatternFault(f"longer than {MAXIMUM_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            # What a later Python may read in another way: [[ or && in a set.
            warnings.simplefilter("error", FutureWarning)
            pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise PatternFault(str(error)) from None
    ways = Scanner(text).ways()
    starts = 1 if text.startswith("^") and not has_branches(text) else LINE_CHARACTERS
    if ways * starts > MAXIMUM_WAYS:
        raise PatternFault(
            "a hostile line would take too long; write {1,9} in the place of + or *, or begin"
            " with ^"
        )
    return pattern


def has_branches(text):
    """Tell whether there is a | anywhere, outside of sets and escapes."""
    return "|" in SET.sub("", re.sub(r"\\.", "", text, flags=re.DOTALL))


class Scanner:
    """Counts in how many ways a pattern can match at one place of a line."""

    def __init__(self, text):
        self.text = text
        self.place = 0

    def ways(self):
        """Return the number of ways. Raises PatternFault for what is not allowed."""
        ways, _is_simple = self.branches(0)
        return ways

    def branches(self, depth):
        """Return the ways of a | b up to a parenthesis or the end, and whether it is plain: one
        branch without a repetition."""
        if depth > MAXIMUM_DEPTH:
            raise PatternFault(f"nested deeper than {MAXIMUM_DEPTH} levels")
        ways, is_simple = self.sequence(depth)
        while self.text[self.place : self.place + 1] == "|":
            self.place += 1
            more, _is_simple = self.sequence(depth)
            ways, is_simple = ways + more, False
        return ways, is_simple

    def sequence(self, depth):
        """Return the ways of one branch, and whether nothing in it is repeated."""
        ways, is_simple = 1, True
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            atom_ways, atom_is_simple = self.atom(depth)
            times = self.repetition()
            # A choice of one or nothing may hold other choices; what is repeated may not.
            if times > 2 and not atom_is_simple:
                raise PatternFault(f"character {self.place}: repeats what is repeated itself")
            ways *= atom_ways + 1 if times == 2 else times * atom_ways
            is_simple = is_simple and atom_is_simple and times == 1
        return ways, is_simple

    def atom(self, depth):
        """Go beyond one character, set or group; return its ways and whether it is plain."""
        character = self.text[self.place]
        if character == "(":
            return self.group(depth)
        if character == "[":
            end = SET.match(self.text, self.place)
            if not end:
                raise PatternFault(f"character {self.place + 1}: [ without ]")
            self.place = end.end()
            return 1, True
        if character == "\\":
            if self.text[self.place + 1].isdigit():
                raise PatternFault(f"character {self.place + 1}: refers back to a group")
            self.place += 2
            return 1, True
        self.place += 1
        return 1, True

    def group(self, depth):
        """Go beyond a group; return its ways and whether it is plain."""
        begin = GROUP.match(self.text, self.place)
        if not begin:
            raise PatternFault(f"character {self.place + 1}: this kind of group is not allowed")
        self.place = begin.end()
        found = self.branches(depth + 1)
        self.place += 1
        return found

    def repetition(self):
        """Go beyond what follows an atom; return how many lengths it allows, 1 for none."""
        found = REPETITION.match(self.text, self.place)
        if not found or found[0] == "{}":
            return 1
        self.place = found.end()
        if self.text[self.place : self.place + 1] in ("?", "+"):  # lazy; possessive
            self.place += 1
        if found[0] == "?":
            return 2
        if found[0] in "*+" or (found[2] and not found[3]):
            return LINE_CHARACTERS
        lowest, highest = int(found[1] or 0), int(found[3] or found[1] or 0)
        if highest > LINE_CHARACTERS:
            raise PatternFault(f"character {self.place}: repeats more than {LINE_CHARACTERS} times")
        # {2} is no choice, but repeats the choices of what it repeats.
        return max(highest - lowest + 1, 3) if highest > 1 else 2 if highest != lowest else 1
