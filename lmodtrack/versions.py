"""The report `versions`: what one must know before a version is removed. Read-only."""

import collections
import re

from lmodtrack import usage, userset
from usagedb.dates import shown_day

PRE_RELEASE, END, TEXT, NUMBER = range(4)  # what may follow in a version, in this order
PRE_RELEASES = ("dev", "alpha", "beta", "pre", "rc")


def versions(question, most_names=None):
    """Return rows (module, version, users, users of no other version, loads, last load, names).

    One row per version, oldest version first. names are the users of the oldest version that is
    still in use, '' for the others; of more than most_names the rest is only counted.
    """
    modules = question.modules()
    families: dict[str, dict[str, usage.Use]] = collections.defaultdict(
        lambda: collections.defaultdict(usage.Use)
    )
    for (module_id, _cluster), use in question.read(modules).items():
        name, version = split_version(modules[module_id].name)
        families[name][version].add(use)
    names = usage.user_names(question.database)
    return [
        row
        for name in sorted(families)
        for row in family_rows(name, families[name], names, most_names)
    ]


def family_rows(name, uses, names, most_names):
    """Return the rows of one module name, given {version: Use}."""
    rows = []
    for number, version in enumerate(sorted(uses, key=version_key)):
        use = uses[version]
        others = 0
        for other, other_use in uses.items():
            others |= other_use.users if other != version else 0
        users = sorted(names[user_id] for user_id in userset.members(use.users))
        rows.append(
            (
                name,
                version,
                len(users),
                userset.count(use.users & ~others),
                use.loads,
                shown_day(use.last_day),
                listed(users, most_names) if number == 0 else "",
            )
        )
    return rows


def listed(users, most):
    """Return the names in one text."""
    if most is None or len(users) <= most:
        return ", ".join(users)
    return f"{', '.join(users[:most])} and {len(users) - most} more"


def split_version(full_name):
    """Return (name, version) of a module's full name: gcc/12.2.0 is version 12.2.0 of gcc."""
    name, _slash, version = full_name.rpartition("/")
    return (name, version) if name else (full_name, "")


def version_key(version):
    """Return a key that sorts 1.9 before 1.10, and 1.10rc1 before 1.10."""
    parts: list = []
    for part in re.findall(r"[0-9]+|[^0-9._-]+", version):
        if part.isascii() and part.isdigit():  # ² is a digit too, and no number
            parts.append((NUMBER, int(part), ""))
        else:
            parts.append((PRE_RELEASE if part in PRE_RELEASES else TEXT, 0, part))
    return [*parts, (END, 0, "")]
