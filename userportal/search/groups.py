"""Find groups that have a place with a quota, by a part of their names."""

import logging
import time

from django.conf import settings

from usagedb import errors
from userportal.access.memberships import allocations
from userportal.quotas.members import group_kinds
from userportal.storage import places

logger = logging.getLogger(__name__)

RECENT_SECONDS = 86400


def found_groups(text, accounts):
    """Return the Allocations that have a place of a group, and a text in their names.

    accounts: the names of accounts of Slurm to look behind. Directories are not searched for
    groups: the one of exactly this name is found, too.
    """
    kinds = group_kinds()
    found: dict = {}
    for account in dict.fromkeys([text, *accounts]) if kinds else ():
        one = allocations().allocation(account)
        if one is not None and text.lower() in one.name.lower():
            found[one.name] = one
    numbers = measured_numbers(kinds)
    return [one for name, one in sorted(found.items()) if has_place(one, numbers)]


def has_place(allocation, numbers):
    """Tell whether one of an allocation's places is measured, or its measures are not known."""
    return any(
        amount.place in numbers
        and (numbers[amount.place] is None or str(amount.gid) in numbers[amount.place])
        for amount in allocation.storage
    )


def measured_numbers(kinds):
    """Return {kind: the numbers of the groups that have a series, None if that is not known}."""
    source, now = settings.SOURCES.metrics, time.time()
    found: dict = {}
    for kind, one in kinds.items():
        place = places.Place(kind, "", None, settings=one)
        found[kind] = None
        if source is None or one.label == "fileset":
            continue
        if not settings.PORTAL.has_exporter(places.exporter_of(place)):
            continue
        try:
            values = source.label_values(
                one.label, places.of_all(one, "bytes"), now - RECENT_SECONDS, now
            )
        except errors.UsageDBError as error:
            logger.warning("groups with quotas: %s", error)
            continue
        found[kind] = frozenset(values)
    return found
