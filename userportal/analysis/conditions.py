"""Read the condition of a rule: a small language of facts, numbers and words, never evaluated.

    cores > 1 and cpu_efficiency < 50% and elapsed_seconds > 10min
    state in (TIMEOUT, NODE_FAIL) or not interactive
    memory_used_bytes / cores > 4GB        0.85 < serial_ratio < 1.01
    has option "--exclude"                 has option "--dependency=singleton"
    has module "gromacs"                   has application "python"

    condition   = conjunction {"or" conjunction}
    conjunction = negation {"and" negation}
    negation    = "not" negation | comparison
    comparison  = "has" ("option" | "module" | "application") text
                | sum "in" "(" word {"," word} ")" | sum "not" "in" "(" … ")"
                | sum {("<" | "<=" | ">" | ">=" | "=" | "==" | "!=") sum}
    sum         = product {("+" | "-") product}
    product     = factor {("*" | "/") factor}
    factor      = number [unit] | "-" factor | name | text | "(" condition ")"

What is compared must be of one kind: a size is no time. ``logic`` has the parts and the meaning of
what is unknown.
"""

import difflib

from userportal.analysis import logic, names, submitted
from userportal.analysis.lexer import (
    BARE,
    BYTES,
    END,
    LITERAL,
    NUMBER,
    PLAIN,
    SECONDS,
    SIGN,
    WORD,
    ConditionFault,
    tokens_of,
)

FLAG, TEXT = names.FLAG, names.TEXT
DIMENSIONS = (BARE, PLAIN, BYTES, SECONDS)
KIND_OF_NAME = {
    names.COUNT: PLAIN,
    names.RATIO: PLAIN,
    names.BYTES: BYTES,
    names.SECONDS: SECONDS,
    names.TEXT: TEXT,
    names.FLAG: FLAG,
}
KEYWORDS = ("and", "or", "not", "in", "has")
MAXIMUM_DEPTH = 40
SHOWN = {
    BARE: "a number",
    PLAIN: "a number",
    BYTES: "a size",
    SECONDS: "a time",
    TEXT: "a text",
    FLAG: "yes or no",
}


def parse(text, constants=None, groups=()):
    """Return the logic.Part of a condition.

    constants are the thresholds by name: logic.Constant; groups are names of numbers that a script
    line's pattern gives. Raises ConditionFault, which tells the place.
    """
    return Parser(tokens_of(text), constants or {}, frozenset(groups)).condition_and_end()


class Parser:
    """Reads tokens from left to right, one method for each line of the grammar."""

    def __init__(self, tokens, constants, groups):
        self.tokens = tokens
        self.constants = constants
        self.groups = groups
        self.position = 0
        self.depth = 0

    @property
    def token(self):
        """Return the token that comes next."""
        return self.tokens[self.position]

    def take(self):
        """Return the next token and go on to the one behind it."""
        token = self.token
        if token.what != END:
            self.position += 1
        return token

    def is_next(self, what, *contents):
        """Tell whether the next token is one of these."""
        return self.token.what == what and self.token.content in contents

    def took(self, what, *contents):
        """Take the next token if it is one of these, and tell whether it was."""
        return self.is_next(what, *contents) and bool(self.take())

    def need(self, sign):
        """Take a sign that must be there."""
        if not self.took(SIGN, sign):
            raise ConditionFault(self.token.place, f'"{sign}" is missing before {self.token}')

    def condition_and_end(self):
        place = self.token.place
        part = self.flag(self.condition(), place)
        if self.token.what != END:
            raise ConditionFault(self.token.place, f"{self.token} is too much")
        return part

    def factor_and_end(self):
        """Return the constant that is all there is: a threshold."""
        part = self.factor()
        if self.token.what != END or not isinstance(part, logic.Constant) or part.kind == TEXT:
            raise ConditionFault(1, "a threshold is one number, with a unit or %")
        return part

    def condition(self):
        return self.chain("or", self.conjunction, logic.Either)

    def conjunction(self):
        return self.chain("and", self.negation, logic.Every)

    def chain(self, keyword, read, kind):
        """Return what read() gives, or a part of that kind of several, joined by the keyword."""
        place = self.token.place
        parts = [read()]
        while self.took(WORD, keyword):
            self.flag(parts[-1], place)
            place = self.token.place
            parts.append(self.flag(read(), place))
        return kind(tuple(parts), FLAG) if len(parts) > 1 else parts[0]

    def negation(self):
        if not self.took(WORD, "not"):
            return self.comparison()
        place = self.token.place
        return logic.Opposite(self.flag(self.deeper(self.negation), place), FLAG)

    def comparison(self):
        if self.took(WORD, "has"):
            return self.possession()
        place = self.token.place
        first = self.sum()
        if self.is_next(WORD, "in", "not"):
            return self.membership(self.of_kind(first, (TEXT,), place))
        further, before = [], first
        while self.is_next(SIGN, *logic.COMPARISONS):
            sign = self.take()
            part = self.sum()
            self.comparable(before, part, sign)
            further.append((sign.content, part))
            before = part
        return logic.Comparison(first, tuple(further), FLAG) if further else first

    def possession(self):
        what, text = self.take(), self.take()
        if what.what != WORD or what.content not in ("option", "module", "application"):
            raise ConditionFault(what.place, f"has what? Not {what}: option, module, application")
        if text.what != LITERAL or not text.content:
            raise ConditionFault(text.place, f'a text in " is missing before {text}')
        if what.content == "module":
            return logic.HasModule(text.content.lower(), FLAG)
        if what.content == "application":
            return logic.HasApplication(text.content, FLAG)
        option, equals, value = text.content.partition("=")
        try:
            name = submitted.option_name(option)
        except ValueError as error:
            raise ConditionFault(text.place, str(error)) from None
        return logic.HasOption(name, value if equals else None, FLAG)

    def membership(self, part):
        is_negated = self.took(WORD, "not")
        if not self.took(WORD, "in"):
            raise ConditionFault(self.token.place, f'"in" is missing before {self.token}')
        self.need("(")
        texts = [self.list_word()]
        while self.took(SIGN, ","):
            texts.append(self.list_word())
        self.need(")")
        among = logic.Among(part, frozenset(texts), FLAG)
        return logic.Opposite(among, FLAG) if is_negated else among

    def list_word(self):
        token = self.take()
        if token.what not in (WORD, LITERAL):
            raise ConditionFault(token.place, f"a word is missing before {token}")
        return token.content

    def sum(self):
        return self.arithmetic(("+", "-"), self.product)

    def product(self):
        return self.arithmetic(("*", "/"), self.factor)

    def arithmetic(self, signs, read):
        place = self.token.place
        first, further = read(), []
        kind = first.kind
        while self.is_next(SIGN, *signs):
            sign = self.take()
            self.of_kind(first, DIMENSIONS, place)
            part = self.of_kind(read(), DIMENSIONS, sign.place)
            kind = dimension(sign, kind, part.kind)
            further.append((sign.content, part))
        return logic.Calculation(first, tuple(further), kind) if further else first

    def factor(self):
        token = self.take()
        if token.what == NUMBER:
            return logic.Constant(*token.content)
        if token.what == LITERAL:
            return logic.Constant(token.content, TEXT)
        if token.what == SIGN and token.content == "-":
            part = self.of_kind(self.deeper(self.factor), DIMENSIONS, token.place)
            return logic.Calculation(logic.Constant(0.0, part.kind), (("-", part),), part.kind)
        if token.what == SIGN and token.content == "(":
            part = self.deeper(self.condition)
            self.need(")")
            return part
        if token.what == WORD and token.content not in KEYWORDS:
            return self.named(token)
        raise ConditionFault(token.place, f"a fact or a number is missing before {token}")

    def named(self, token):
        """Return the threshold, group or fact of that name; a word in capitals is a text."""
        name = token.content
        if name in self.constants:
            return self.constants[name]
        if name in self.groups:
            return logic.Fact(name, BARE)
        if name in names.NAMES:
            return logic.Fact(name, KIND_OF_NAME[names.NAMES[name].kind])
        if name.isupper():
            return logic.Constant(name, TEXT)
        near = difflib.get_close_matches(name, [*names.NAMES, *self.constants, *self.groups], n=1)
        hint = f"; {near[0]} is meant?" if near else ""
        raise ConditionFault(token.place, f"no fact or threshold is called {name}{hint}")

    def deeper(self, read):
        """Return what read() gives, one level deeper. Raises ConditionFault if that is too deep."""
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise ConditionFault(self.token.place, f"nested deeper than {MAXIMUM_DEPTH} levels")
        part = read()
        self.depth -= 1
        return part

    def flag(self, part, place):
        return self.of_kind(part, (FLAG,), place)

    def of_kind(self, part, kinds, place):
        """Return a part if it is of one of the kinds. Raises ConditionFault."""
        if part.kind not in kinds:
            raise ConditionFault(place, f"here is {SHOWN[part.kind]}, not {SHOWN[kinds[0]]}")
        return part

    def comparable(self, one, other, sign):
        """Raise ConditionFault if two parts cannot be compared."""
        if TEXT in (one.kind, other.kind) or FLAG in (one.kind, other.kind):
            is_well = one.kind == other.kind == TEXT and sign.content in ("=", "==", "!=")
        else:
            is_well = BARE in (one.kind, other.kind) or one.kind == other.kind
        if not is_well:
            raise ConditionFault(
                sign.place,
                f"{SHOWN[one.kind]} {sign.content} {SHOWN[other.kind]} is no comparison",
            )


def dimension(sign, one, other):
    """Return what a calculation is measured in. Raises ConditionFault for a size plus a time."""
    if sign.content in ("+", "-"):
        if one == other or BARE in (one, other):
            return other if one == BARE else one
    elif sign.content == "*":
        if one in (BARE, PLAIN) or other in (BARE, PLAIN):
            return max((one, other), key=(BARE, PLAIN, BYTES, SECONDS).index)
    elif one == other and one != BARE:
        return PLAIN
    elif other in (BARE, PLAIN):
        return one
    raise ConditionFault(
        sign.place, f"{SHOWN[one]} {sign.content} {SHOWN[other]} cannot be calculated"
    )
