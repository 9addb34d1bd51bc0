"""A small language of conditions: what EPMT's users wrote as SQL, without its dangers.

    duration > 60e6 and (exename like '%sh' or tags.op in ('cp', 'mv')) and exitcode != 0

A name is a key of the dictionaries of jobs or processes, a metric too, or tags.KEY,
annotations.KEY, analyses.KEY, written tags['any key'] where the key is no plain word. Times are
compared with what moments.microseconds_of reads: texts, numbers of seconds since the epoch, 0 for
now, -N for N days ago. Words of the language may be of any case; texts are compared as they are,
and where a number meets a text, the text counts as the number that it shows.

As in SQL, a comparison with what is not known, as a tag that a job has not got, is neither true nor
false, nor is its contrary: only `is null` finds it. The same condition means the same on all
databases, since it is never given to one: it is carried out here, on what was read.
"""

import math
import re
from typing import Any, Callable, NamedTuple, Optional

from epmtlite import moments
from epmtlite.analysis.errors import BadArgument
from usagedb import errors

MOST_CHARACTERS = 10_000
MOST_DEPTH = 50  # of parentheses and nots
MOST_DIGITS = 300  # of a number
SHOWN = 200  # characters of a condition in a message
MOMENTS = ("start", "end", "submit", "created_at", "updated_at")
MAPPINGS = ("tags", "annotations", "analyses")
WORDS = ("and", "or", "not", "in", "like", "between", "is", "null")
TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_][\w-]*|\[\s*(?:'(?:[^']|'')*'|"(?:[^"]|"")*")\s*\])?)
      | (?P<sign><=|>=|<>|!=|==|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?")
COMPARISONS: dict = {
    "=": lambda order: order == 0,
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<>": lambda order: order != 0,
    "<": lambda order: order is not None and order < 0,
    "<=": lambda order: order is not None and order <= 0,
    ">": lambda order: order is not None and order > 0,
    ">=": lambda order: order is not None and order >= 0,
}


class Name(NamedTuple):
    """What is looked up: a key, or the key of a mapping like tags."""

    column: str
    key: Any = None  # of a mapping


class Filter(NamedTuple):
    """A condition: the names in it, and a function that tells whether {Name: value} meets it."""

    names: frozenset  # of Name
    accepts: Callable
    text: str

    def columns(self):
        """Return the columns that have to be known."""
        return {name.column for name in self.names}


def parsed(text):
    """Return the Filter of a text. Raises BadArgument, which says what is wrong and where."""
    return Parser(text).filter()


class Token(NamedTuple):
    """A piece of a condition."""

    kind: str  # number, text, name, sign, word or end
    value: Any
    place: int


def tokens_of(text):
    """Yield the Tokens of a condition. Raises BadArgument."""
    place = 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if not match:
            raise BadArgument(f"{shown(text)}: what begins at {text[place:].strip()[:20]!r}?")
        kind = match.lastgroup or ""
        value: Any = match.group(kind)
        begin = match.start(kind)
        if kind == "number":
            value = number_of(value)
        elif kind == "text":
            value = unquoted(value)
        elif kind == "name" and value.lower() in WORDS:
            kind, value = "word", value.lower()
        yield Token(kind, value, begin)
        place = match.end()
    yield Token("end", "the end", len(text))


def number_of(text):
    """Return a number, whole where it is written so. Raises BadArgument for one without end."""
    if len(text) > MOST_DIGITS or math.isinf(float(text)):
        raise BadArgument(f"{shown(text)} is too large a number")
    return float(text) if re.search("[.eE]", text) else int(text)


def shown(text):
    """Return the beginning of a text, for messages."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def unquoted(text):
    """Return what stands between quotes; a doubled quote is one."""
    return text[1:-1].replace(text[0] * 2, text[0])


def name_of(text):
    """Return the Name that a text means. Raises BadArgument."""
    column, bracket, key = text.partition("[")
    if bracket:
        found = Name(column, unquoted(key.rstrip("] \t\n").strip()))
    else:
        column, dot, key = text.partition(".")
        found = Name(column, key) if dot else Name(column)
    if (found.key is None) == (found.column in MAPPINGS):
        raise BadArgument(
            f"{shown(text)}: write KEY, or {', '.join(f'{one}.KEY' for one in MAPPINGS)}"
        )
    return found


class Parser:
    """Reads a condition, of the lowest binding first: or, and, not, comparison.

    What it makes of each is a function of {Name: value} that returns True, False, or None where the
    values that it needs are not known.
    """

    def __init__(self, text):
        if len(text) > MOST_CHARACTERS:
            raise BadArgument(f"a condition has at most {MOST_CHARACTERS} characters")
        self.text, self.names, self.depth = text, set(), 0
        self.tokens = list(tokens_of(text))
        self.at = 0

    def filter(self):
        """Return the Filter. Raises BadArgument."""
        test = self.either()
        if self.peek().kind != "end":
            raise self.error("and, or, or the end")
        return Filter(frozenset(self.names), lambda row: test(row) is True, self.text)

    def peek(self):
        return self.tokens[self.at]

    def take(self, kind, *values):
        """Return the next Token if it is such a one, and go on; else None."""
        token = self.peek()
        if token.kind != kind or (values and token.value not in values):
            return None
        self.at += 1
        return token

    def need(self, kind, *values):
        """Return the next Token, which must be such a one. Raises BadArgument."""
        token = self.take(kind, *values)
        if token is None:
            raise self.error(" or ".join(values) or f"a {kind}")
        return token

    def error(self, wanted):
        token = self.peek()
        return BadArgument(
            f"{shown(self.text)}: {wanted} should stand at character {token.place + 1}, not"
            f" {shown(str(token.value))}"
        )

    def either(self):
        tests = [self.both()]
        while self.take("word", "or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda row: one_of_all(tests, row)

    def both(self):
        tests = [self.negation()]
        while self.take("word", "and"):
            tests.append(self.negation())
        return tests[0] if len(tests) == 1 else lambda row: each_of_all(tests, row)

    def negation(self):
        if self.take("word", "not"):
            return contrary(self.deeper(self.negation))
        if self.take("sign", "("):
            test = self.deeper(self.either)
            self.need("sign", ")")
            return test
        return self.comparison()

    def deeper(self, read):
        """Return read(), one level below."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise BadArgument(f"a condition has at most {MOST_DEPTH} levels")
        found = read()
        self.depth -= 1
        return found

    def comparison(self):
        name = self.name()
        if self.take("word", "is"):
            is_not = self.take("word", "not") is not None
            self.need("word", "null")
            return lambda row: (row.get(name) is None) != is_not
        is_not = self.take("word", "not") is not None
        word = self.take("word", "in", "like", "between")
        if word:
            test = {"in": self.one_of, "like": self.like, "between": self.between}[word.value](name)
            return contrary(test) if is_not else test
        if is_not:
            raise self.error("in, like or between")
        return self.compared(name, self.need("sign", *COMPARISONS).value)

    def name(self):
        found = name_of(self.need("name").value)
        self.names.add(found)
        return found

    def compared(self, name, sign):
        if self.peek().kind == "name":
            other, compare = self.name(), COMPARISONS[sign]
            return lambda row: compared_values(compare, row.get(name), row.get(other))
        return compared_with(name, sign, self.literal(name))

    def literal(self, name):
        """Return the next number or text; a moment in microseconds for what is compared with it.

        Raises BadArgument.
        """
        token = self.take("text") or self.take("number")
        if token is None:
            raise self.error("a number or a 'text'")
        if name.column not in MOMENTS:
            return token.value
        try:
            return moments.microseconds_of(token.value)
        except errors.UsageError as error:
            raise BadArgument(str(error)) from error

    def one_of(self, name):
        self.need("sign", "(")
        tests = [compared_with(name, "=", self.literal(name))]
        while self.take("sign", ","):
            tests.append(compared_with(name, "=", self.literal(name)))
        self.need("sign", ")")
        return lambda row: one_of_all(tests, row)

    def between(self, name):
        low = self.literal(name)
        self.need("word", "and")
        tests = compared_with(name, ">=", low), compared_with(name, "<=", self.literal(name))
        return lambda row: each_of_all(tests, row)

    def like(self, name):
        pattern = Pattern(self.need("text").value)

        def test(row):
            value = row.get(name)
            return None if value is None else pattern.matches(str(value))

        return test


def one_of_all(tests, row):
    """Return whether one of the tests says True; None where that cannot be known."""
    known: Optional[bool] = False
    for test in tests:
        found = test(row)
        if found:
            return True
        if found is None:
            known = None
    return known


def each_of_all(tests, row):
    """Return whether each of the tests says True; None where that cannot be known."""
    known: Optional[bool] = True
    for test in tests:
        found = test(row)
        if found is None:
            known = None
        elif not found:
            return False
    return known


def contrary(test):
    """Return the function that says the contrary of another one."""

    def contrary_test(row):
        found = test(row)
        return None if found is None else not found

    return contrary_test


def compared_with(name, sign, literal):
    """Return the function that compares a value with a literal."""
    compare = COMPARISONS[sign]
    return lambda row: compared_values(compare, row.get(name), literal)


def compared_values(compare, one, other):
    """Return what a comparison says of two values, None if one of them is not known."""
    return None if one is None or other is None else compare(order_of(one, other))


def order_of(one, other):
    """Return whether one is less (-1), equal (0) or greater (1); None where that cannot be said.

    Where a number meets a text, the text counts as the number that it shows.
    """
    if isinstance(one, str) != isinstance(other, str):
        one, other = as_number(one), as_number(other)
        if one is None or other is None:
            return None
    try:
        return (one > other) - (one < other)
    except TypeError:  # lists and the like
        return 0 if one == other else None


def as_number(value):
    """Return a value as a number, None if it shows none."""
    if not isinstance(value, str):
        return value
    if NUMBER.fullmatch(value.strip()) is None:  # float reads nan and 1_000, too
        return None
    return float(value)


class Pattern:
    """A pattern of LIKE: % any characters, _ one, and \\ takes that away.

    The parts between the % are sought one after the other, so that the time it takes is at most
    the length of the pattern times that of the text.
    """

    def __init__(self, text):
        parts = parts_of(text)
        self.parts = [re.compile("".join(part), re.DOTALL) for part in parts]
        self.last_length = len(parts[-1])

    def matches(self, text):
        """Tell whether all of a text fits."""
        first, *others = self.parts
        if not others:
            return first.fullmatch(text) is not None
        found = first.match(text)
        for part in others[:-1]:
            found = found and part.search(text, found.end())
        place = len(text) - self.last_length
        return bool(found and place >= found.end() and others[-1].match(text, place))


def parts_of(text):
    """Return what stands between the % of a pattern of LIKE: a list of regular expressions, one of
    each character."""
    parts: list = [[]]
    escaped = False
    for character in text:
        if escaped or character not in "\\%_":
            parts[-1].append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "_":
            parts[-1].append(".")
        else:
            parts.append([])
    if escaped:
        parts[-1].append(r"\\")
    return parts
