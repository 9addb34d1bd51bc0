"""Apply the rules to what is known of a job: what there is to tell its user.

A finding needs a condition that holds; one that is unknown, since a figure is missing, is none.
Scripts are their users' and may be hostile: of a script's lines the first 2,000 characters are
looked at, of a script the first 100,000 lines and 1,000,000 characters.
"""

import dataclasses

from userportal.analysis import amounts, figures, names, patterns
from userportal.analysis.rules import JOB, KIND_OF_DIMENSION, fields_of

MAXIMUM_LINES = 100_000
MAXIMUM_CHARACTERS = 1_000_000
# A script may sleep on every line; its user needs to be told of the first ones.
LINES_FOR_EACH_RULE = 20
MAXIMUM_VALUE_CHARACTERS = 200


@dataclasses.dataclass(frozen=True)
class Finding:
    """What there is to say of a job."""

    rule: str
    severity: str  # info, warning, critical
    message: str  # English, with {names}: the key of its translation
    values: dict  # name -> text; from users, not escaped
    commands: tuple = ()  # lines to type or to put in a script
    line_number: int = 0  # of the script, from 1; 0: of no line
    graph: str = ""
    url: str = ""

    @property
    def text(self):
        """Return the message with its values, in English."""
        return self.message.format_map(self.values)

    def in_words(self, translate):
        """Return the message with its values, translated by a gettext function.

        A translation whose {names} are wrong counts as none.
        """
        try:
            return translate(self.message).format_map(self.values)
        except (KeyError, IndexError, ValueError, AttributeError):
            return self.text


class Values:
    """The values of names for one job, and the numbers that a script line's pattern found."""

    def __init__(self, facts, numbers=None):
        self.facts = facts
        self.numbers = numbers or {}

    def get(self, name):
        """Return a value, None if it is unknown."""
        if name in names.NAMES:
            return names.value(name, self.facts)
        return self.numbers.get(name)


def findings(facts, rules):
    """Return the Findings for one job, those of script lines last, in the order of the lines."""
    lines = script_lines(facts.script)
    found = []
    for rule in rules.rules:
        is_so = rule.condition is None or rule.condition.evaluate(Values(facts))
        if rule.scope == JOB:
            if is_so:
                found.append(finding(rule, facts, rules.thresholds))
        elif is_so is not False:  # what is unknown may be known by a line's numbers
            found += line_findings(rule, facts, rules.thresholds, lines)
    return sorted(found, key=lambda one: one.line_number)


def script_lines(script):
    """Return [(number, line)] of the lines of a script that are no comments, within the bounds."""
    if not script:
        return []
    lines = script[:MAXIMUM_CHARACTERS].split("\n", MAXIMUM_LINES)[:MAXIMUM_LINES]
    return [
        (number, line[: patterns.LINE_CHARACTERS].rstrip("\r"))
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def line_findings(rule, facts, thresholds, lines):
    """Return the Findings of one rule for the lines that its pattern fits."""
    found: list = []
    for number, line in lines:
        match = rule.pattern.search(line)
        if not match or (rule.unless and rule.unless.search(line)):
            continue
        numbers = {name: number_in(text) for name, text in match.groupdict().items()}
        if rule.condition is not None and not rule.condition.evaluate(Values(facts, numbers)):
            continue
        found.append(finding(rule, facts, thresholds, match.groupdict(), number))
        if len(found) == LINES_FOR_EACH_RULE:
            break
    return found


def number_in(text):
    """Return the number that a line holds, None if it is none."""
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if figures.is_number(number) else None


def finding(rule, facts, thresholds, groups=None, line_number=0):
    """Return the Finding of a rule that holds."""
    wanted = dict.fromkeys(name for text in (rule.text, *rule.commands) for name in fields_of(text))
    values = {
        name: value_text(name, facts, thresholds, groups or {})[:MAXIMUM_VALUE_CHARACTERS]
        for name in wanted
    }
    return Finding(
        rule=rule.name,
        severity=rule.severity,
        message=rule.text,
        values=values,
        commands=tuple(command.format_map(values) for command in rule.commands),
        line_number=line_number,
        graph=rule.graph,
        url=rule.url,
    )


def value_text(name, facts, thresholds, groups):
    """Return what stands for {name} in a text."""
    if name in groups:
        return groups[name] or "?"
    if name in thresholds:
        constant = thresholds[name]
        return amounts.shown(constant.content, KIND_OF_DIMENSION[constant.kind])
    return amounts.shown(names.value(name, facts), names.NAMES[name].kind)
