"""Read the rules of the job analysis: ours in conf/portal-rules.conf, and the site's on top.

[thresholds] names numbers; every other section is a rule: enabled, scope (job or line), severity,
condition, pattern and unless (of script lines), text, command, graph, url. A site's file changes
single settings of our rules, turns them off (enabled = no), and adds others.
"""

import dataclasses
import re
import string
from typing import Optional

from usagedb import errors
from userportal.analysis import conditions, lexer, logic, names, patterns, settings_file

SHIPPED_NAME = "portal-rules.conf"
THRESHOLDS = "thresholds"
SEVERITIES = ("info", "warning", "critical")
JOB, LINE = "job", "line"
KEYS = (
    *("enabled", "scope", "severity", "condition", "pattern", "unless"),
    *("text", "command", "graph", "url"),
)
YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
MAXIMUM_TEXT = 2_000
KIND_OF_DIMENSION = {
    lexer.BARE: names.COUNT,
    lexer.PLAIN: names.RATIO,
    lexer.BYTES: names.BYTES,
    lexer.SECONDS: names.SECONDS,
}


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule, checked."""

    name: str
    scope: str  # JOB or LINE
    severity: str  # one of SEVERITIES
    condition: Optional[logic.Part]  # None: always
    pattern: Optional[re.Pattern]  # of script lines
    unless: Optional[re.Pattern]
    text: str  # English, with {names}
    commands: tuple  # each a line, with {names}
    graph: str  # the graph that shows it: cpu, mem, thread, gpu_utilization …; or ""
    url: str


@dataclasses.dataclass(frozen=True)
class Rules:
    """All enabled rules in the order of the files, and the thresholds that they use."""

    rules: tuple
    thresholds: dict  # name -> logic.Constant

    def threshold(self, name):
        """Return the number of a threshold; seconds, bytes or a part of 1.

        Raises ConfigurationError if there is none of that name.
        """
        if name not in self.thresholds:
            raise errors.ConfigurationError(f"[{THRESHOLDS}] has no {name}")
        return self.thresholds[name].content

    def texts(self):
        """Return every text once: what a catalogue of translations has to hold."""
        return list(dict.fromkeys(rule.text for rule in self.rules))


def read(path=None):
    """Return the shipped Rules, with those of the site's file on top if one is named.

    Raises ConfigurationError naming file, section and place, or RefusedError. Read-only.
    """
    sections = settings_file.read_merged(SHIPPED_NAME, path)
    thresholds = read_thresholds(*sections.pop(THRESHOLDS, ({}, None)))
    rules = (
        read_rule(name, values, thresholds, source) for name, (values, source) in sections.items()
    )
    return Rules(tuple(rule for rule in rules if rule), thresholds)


def read_thresholds(values, path):
    """Return {name: logic.Constant}. Raises ConfigurationError."""
    found = {}
    for name, text in values.items():
        where = f"{path}: [{THRESHOLDS}] {name} = {text}"
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name) or name in names.NAMES:
            raise errors.ConfigurationError(f"{where}: choose another name")
        try:
            part = conditions.Parser(lexer.tokens_of(text), {}, frozenset()).factor_and_end()
        except lexer.ConditionFault as fault:
            raise errors.ConfigurationError(f"{where}: {fault}") from None
        found[name] = part
    return found


def read_rule(name, values, thresholds, path):
    """Return the Rule of a section, None if it is not enabled. Raises ConfigurationError."""
    try:
        return rule_of(name, values, thresholds)
    except (lexer.ConditionFault, patterns.PatternFault, ValueError) as fault:
        raise errors.ConfigurationError(f"{path}: [{name}] {fault}") from None


def rule_of(name, values, thresholds):
    """Return the Rule of a section's settings. Raises ValueError or a fault with the place."""
    for key in values:
        if key not in KEYS:
            raise ValueError(f"has no setting {key}; there are {', '.join(KEYS)}")
    is_enabled = word_of(values, "enabled", (*YES, *NO), "yes") in YES
    if not is_enabled and "text" not in values:
        raise ValueError("cannot be turned off: there is no rule of this name")
    scope = word_of(values, "scope", (JOB, LINE), JOB)
    pattern, unless = pattern_of(values, "pattern"), pattern_of(values, "unless")
    if (scope == LINE) != (pattern is not None) or (unless and not pattern):
        raise ValueError("scope = line needs a pattern, and only that can have one")
    groups = tuple(pattern.groupindex) if pattern else ()
    rule = Rule(
        name=name,
        scope=scope,
        severity=word_of(values, "severity", SEVERITIES, "warning"),
        condition=condition_of(values, thresholds, groups, scope),
        pattern=pattern,
        unless=unless,
        text=template_of(" ".join(values.get("text", "").split()), "text", thresholds, groups),
        commands=tuple(
            template_of(line.strip(), "command", thresholds, groups)
            for line in values.get("command", "").splitlines()
            if line.strip()
        ),
        graph=matching(values, "graph", r"[a-z0-9_]{0,40}"),
        url=matching(values, "url", r"(https?://[^\s\"'<>\x00-\x20]{1,500})?"),
    )
    if not rule.text:
        raise ValueError("has no text")
    return rule if is_enabled else None


def word_of(values, key, words, default):
    """Return a setting that is one of some words. Raises ValueError."""
    text = values.get(key, default).strip()
    if text not in words:
        raise ValueError(f"{key} = {text}: one of {', '.join(words)}")
    return text


def matching(values, key, pattern):
    """Return a setting that a pattern allows. Raises ValueError."""
    text = values.get(key, "").strip()
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(f"{key} = {text}: cannot be")
    return text


def pattern_of(values, key):
    """Return a compiled pattern, None if there is none. Raises ValueError or PatternFault."""
    text = values.get(key, "").strip()
    if not text:
        return None
    try:
        pattern = patterns.compile_pattern(text)
    except patterns.PatternFault as fault:
        raise ValueError(f"{key} = {text}: {fault}") from None
    taken = [name for name in pattern.groupindex if name in names.NAMES]
    if taken:
        raise ValueError(f"{key}: the name {taken[0]} is one of a fact")
    return pattern


def condition_of(values, thresholds, groups, scope):
    """Return the condition, None if there is none. Raises ValueError, which tells the place."""
    text = " ".join(values.get("condition", "").split())
    if not text:
        if scope == JOB:
            raise ValueError("has no condition")
        return None
    try:
        return conditions.parse(text, thresholds, groups)
    except lexer.ConditionFault as fault:
        raise ValueError(f"condition = {text}: {fault}") from None


def template_of(text, key, thresholds, groups):
    """Return a text whose {names} are all known. Raises ValueError."""
    if len(text) > MAXIMUM_TEXT:
        raise ValueError(f"{key}: longer than {MAXIMUM_TEXT} characters")
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{key}: {error}; {{{{ is a {{") from None
    for _before, name, form, conversion in fields:
        if name is None:
            continue
        if form or conversion or not (name in names.NAMES or name in (*thresholds, *groups)):
            raise ValueError(f"{key}: {{{name}}} is no fact, threshold or group")
    return text


def fields_of(text):
    """Return the names in a text's braces."""
    return [name for _before, name, _form, _conversion in string.Formatter().parse(text) if name]
