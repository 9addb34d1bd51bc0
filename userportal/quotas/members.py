"""Who of a group has stored what: by the tables of Robinhood, else by the metrics of its users."""

import dataclasses
import logging
import time

from django.conf import settings
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.memberships import allocations, people
from userportal.metrics.expression import any_of, maximum
from userportal.storage import places, robinhood

logger = logging.getLogger(__name__)

TAPE = "nearline"  # the kind of place whose files go to tape
MOST_MEMBERS = 500


def group_kinds():
    """Return {kind: section [storage KIND]} of the places of groups."""
    return {
        kind: one for kind, one in settings.PORTAL.storage.items() if places.is_of_group(one)
    }  # fmt: skip


def uses_of_groups(wanted):
    """Return {(kind, group): what Robinhood says} of pairs of kind and group.

    Each database is asked at once, and once only if it is away. Of a kind without Robinhood
    nothing is told.
    """
    by_path: dict = {}
    for kind, group in dict.fromkeys(wanted):
        one = group_kinds().get(kind)
        if one is not None and one.robinhood is not None:
            by_path.setdefault(one.robinhood, []).append((kind, group))
    found = {}
    for path, pairs in by_path.items():
        try:
            with settings.SOURCES.opened(path) as database:
                found.update({pair: use_of_group(database, *pair) for pair in pairs})
        except errors.UsageDBError as error:
            logger.warning("Robinhood of %s: %s", pairs[0][0], error)
            missing = {"missing": gettext("Who has stored it is not known now.")}
            found.update(dict.fromkeys(pairs, missing))
    return found


def use_of_group(database, kind, group):
    """Return what a database of Robinhood says of a group: its users, or its tape."""
    if kind == TAPE:
        return {"tape": robinhood.tape_of_group(database, group)}
    return {
        "users": robinhood.users_of_group(database, group),
        "total": robinhood.total_of_group(database, group),
    }


def filled(place, use):
    """Return a Place that the metrics do not measure with what Robinhood says that it has."""
    total = (use or {}).get("total")
    if place.is_measured or total is None:
        return place
    return dataclasses.replace(
        place, is_measured=True, used_bytes=total.size_bytes, used_files=total.files
    )


def is_measured_by_user(kind):
    """Tell whether the metrics say what each user has on the file system of a kind of place."""
    one = group_kinds().get(kind)
    if one is None or settings.SOURCES.metrics is None:
        return False
    return settings.PORTAL.has_exporter(places.exporter_of(places.Place(kind, "", 0, settings=one)))


def members_of(group):
    """Return {uid: user name} of the members of a group."""
    names = allocations().members_of(group)[:MOST_MEMBERS]
    found = {people().uid_of(name): name for name in names}
    return {uid: name for uid, name in found.items() if uid is not None}


def measured_members(kind, group, unit):
    """Return [(user name, bytes or files)] of the members of a group, the most first.

    What a member has on the file system of the place counts, for whichever group it is.
    """
    names = members_of(group)
    one = group_kinds()[kind]
    expression = maximum(places.of_users(one, any_of(names), unit), by=("user",))
    found = [
        (names[int(series.labels["user"])], series.last() * places.factor(one, unit))
        for series in settings.SOURCES.metrics.instant(expression, time.time())
    ]
    return most_first(found)


def stored_members(kind, group, unit):
    """Return the same by Robinhood, which knows whose group a file is."""
    with settings.SOURCES.opened(group_kinds()[kind].robinhood) as database:
        if kind == TAPE:
            rows = robinhood.tape_of_group(database, group)
            return most_first([(one.user, getattr(one, f"tape_{unit}")) for one in rows])
        rows = robinhood.users_of_group(database, group)
    return most_first(
        [(one.user, one.size_bytes if unit == "bytes" else one.files) for one in rows]
    )  # fmt: skip


def most_first(rows):
    """Return rows of (name, amount) without those of nothing, the most first."""
    return sorted((row for row in rows if row[1] > 0), key=lambda row: (-row[1], row[0]))


def members_of_several(kind, group):
    """Return the members of a group who have another place of the same kind, by name."""
    return [
        name
        for name in allocations().members_of(group)[:MOST_MEMBERS]
        if sum(amount.place == kind for amount in allocations().storage_of(name)) > 1
    ]
