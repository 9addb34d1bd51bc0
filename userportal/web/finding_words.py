"""Say a Finding in the page's language: its message, and the figures in it."""

import dataclasses
import re

from django.utils.formats import get_format
from django.utils.translation import get_language, gettext

from userportal.analysis import names
from userportal.web.formats import NO_BREAK

# What userportal.analysis.amounts makes of a number, which is what a reader of English reads.
FIGURE = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:(%)| ([KMGTP]?i?B))?", re.ASCII)


def words_of(finding):
    """Return the message of a Finding with its values, in the page's language."""
    if (get_language() or "en").startswith("en"):
        return finding.text
    values = {
        name: text if is_text(name) else figure_text(text) for name, text in finding.values.items()
    }
    return dataclasses.replace(finding, values=values).in_words(gettext)


def is_text(name):
    """Tell whether a name of a Finding's values is a fact that is no number."""
    return name in names.NAMES and names.NAMES[name].kind not in names.NUMBERS


def figure_text(text):
    """Return a figure with the separator and the unit of the page's language; other texts as is."""
    found = FIGURE.fullmatch(text)
    if not found:
        return text
    whole, decimals, percent, unit = found.groups()
    number = whole + (get_format("DECIMAL_SEPARATOR") + decimals if decimals else "")
    if percent:
        return f"{number}{NO_BREAK}%"
    return f"{number}{NO_BREAK}{gettext(unit)}" if unit else number
