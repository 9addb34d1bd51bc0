"""Read lists of node names as Slurm writes them, nc[01-03,07],ng1, and write them.

An item is a text with any number of groups in brackets; several groups are multiplied. The first
number of a range tells to how many digits all of it are filled with zeros.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

MOST_NAMES = 20_000
LONGEST_TEXT = 100_000  # characters of a list that are looked at
LONGEST_NAME = 256
LONGEST_ITEM = LONGEST_NAME * 64
MOST_GROUPS = 16  # of one item
NOBODY = ("None assigned", "(null)", "NULL")
RANGE = re.compile(r"(\d{1,15})(?:-(\d{1,15}))?", re.ASCII)
GROUP = re.compile(r"\[([0-9,-]+)\]", re.ASCII)
LAST_NUMBER = re.compile(r"(?s)(.*?)([0-9]{1,15})([^0-9]*)", re.ASCII)


def expand(text: "str | None", most: int = MOST_NAMES) -> "list[str]":
    """Return the names of a list of nodes in its order, each once and at most `most`.

    NULL, '' and "None assigned" are []. An item that does not follow the grammar is a name, and
    one with more than MOST_GROUPS of brackets or a name longer than LONGEST_NAME is left out.
    """
    if not text or text.strip() in NOBODY:
        return []
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT + 1].rpartition(",")[0]
    names = itertools.chain.from_iterable(map(names_of_item, items(text)))
    # Cut before names are made unique: one item may stand for as many as one likes.
    return list(dict.fromkeys(itertools.islice(names, most)))


def items(text: str) -> "Iterator[str]":
    """Yield the parts of a list between commas that are not in brackets."""
    start = depth = 0
    for place, letter in enumerate(text):
        if letter == "[":
            depth += 1
        elif letter == "]":
            depth = max(0, depth - 1)
        elif letter == "," and not depth:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def names_of_item(item: str) -> "Iterator[str]":
    """Yield the names of one item, one after the other: it may stand for very many."""
    item = item.strip()
    if not item or len(item) > LONGEST_ITEM or item.count("[") > MOST_GROUPS:
        return iter(())
    pieces = GROUP.split(item)
    ranges = [parsed_group(group) for group in pieces[1::2]]
    if any(letter in piece for piece in pieces[::2] for letter in "[]") or None in ranges:
        ranges, pieces = [], [item]
    if sum(map(len, pieces[::2])) > LONGEST_NAME:
        return iter(())
    return multiplied(pieces[::2], [one for one in ranges if one is not None])


def multiplied(literals: "list[str]", groups: "list[list[range_]]") -> "Iterator[str]":
    """Yield the names with each combination of the groups' numbers, the last one fastest."""
    if not groups:
        yield literals[0]
        return
    for number in numbers(groups[0]):
        for rest in multiplied(literals[1:], groups[1:]):
            yield literals[0] + number + rest


range_ = tuple[int, int, int]  # first, last, digits


def parsed_group(text: str) -> "list[range_] | None":
    """Return the ranges of what stands in brackets, None if it does not follow the grammar."""
    found = [RANGE.fullmatch(part) for part in text.split(",")]
    ranges = [
        (int(one[1]), int(one[2] or one[1]), len(one[1]) if one[1][0] == "0" else 1)
        for one in found
        if one
    ]
    if len(ranges) < len(found) or any(first > last for first, last, _digits in ranges):
        return None
    return ranges


def numbers(ranges: "list[range_]") -> "Iterator[str]":
    """Yield the numbers of some ranges, filled with zeros."""
    for first, last, digits in ranges:
        for number in range(first, last + 1):
            yield str(number).zfill(digits)


def fold(names: "Iterable[str]") -> str:
    """Return the shortest list, in the order of prefixes and numbers, that stands for some names.

    Names are folded at their last number.
    """
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    plain = set()
    for name in itertools.islice(names, MOST_NAMES):
        found = LAST_NUMBER.fullmatch(name)
        if found:
            groups[found[1], found[3]].add(found[2])
        elif name:
            plain.add(name)
    folded = [
        (prefix, first, written)
        for (prefix, suffix), digits in groups.items()
        for first, written in folded_group(prefix, digits, suffix)
    ]
    folded += [(name, 0, name) for name in plain]
    return ",".join(written for _prefix, _first, written in sorted(folded))


def folded_group(prefix: str, digits: "set[str]", suffix: str) -> "Iterator[tuple[int, str]]":
    """Yield the first number and the text of each list of numbers of the same form."""
    widths = {len(text) for text in digits if text[0] == "0" and len(text) > 1}
    forms = defaultdict(list)
    for text in digits:
        forms[len(text) if len(text) in widths else 0].append(int(text))
    for width, found in forms.items():
        found.sort()
        runs = list(folded_runs(found, width))
        is_one = len(found) == 1
        yield found[0], prefix + (runs[0] if is_one else f"[{','.join(runs)}]") + suffix


def folded_runs(found: "list[int]", width: int) -> "Iterator[str]":
    """Yield the runs of a sorted list of numbers as texts: 3, 5-7."""
    first = last = found[0]
    for number in [*found[1:], None]:
        if number is not None and number == last + 1:
            last = number
            continue
        begin, end = (str(one).zfill(width) for one in (first, last))
        yield begin if first == last else f"{begin}-{end}"
        if number is not None:
            first = last = number
