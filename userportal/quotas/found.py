"""The places of a user, measured as far as this site can."""

import logging
import time

from django.conf import settings
from django.http import Http404
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.memberships import allocations, people
from userportal.jobstats.found import user_id_of
from userportal.storage.places import UNITS, exporter_of, measured, places_of

logger = logging.getLogger(__name__)


def own_places(username):
    """Return the Places of a user, not measured yet. Raises Http404 for an unknown user."""
    user_id = user_id_of(username)
    amounts = allocations().storage_of(username)
    # Where the users' groups are shared, a group with the number of a user is somebody else's.
    has_own_group = people().has_own_group(username)
    return places_of(amounts, username, user_id, settings.PORTAL.storage, has_own_group)


def places_of_user(username):
    """Return (Places of a user, a plain statement of what is missing or ""). Raises Http404."""
    places = own_places(username)
    source = settings.SOURCES.metrics
    if not settings.PORTAL.storage:
        return [], gettext("No place with quotas is set up here.")
    known = [place for place in places if not place.is_personal]
    if source is None:
        return known, gettext("No metrics are set up here: what is used is not known.")
    try:
        return measured(source, places, time.time(), settings.PORTAL.has_exporter), ""
    except errors.UsageDBError as error:
        logger.warning("quotas of %s: %s", username, error)
        return known, gettext("The metrics do not answer now: what is used is not known.")


def place_named(username, kind, name):
    """Return one Place of a user, not measured. Raises Http404 if it is none of the user's.

    So a user sees the own places and those of the own groups, and no others.
    """
    for place in own_places(username):
        if (place.kind, place.name) == (kind, name) and place.owner_id is not None:
            return place
    raise Http404(gettext("This user has no such place."))


def is_drawn(place):
    """Tell whether the history of a place can be drawn."""
    return (
        place.owner_id is not None
        and settings.SOURCES.metrics is not None
        and settings.PORTAL.has_exporter(exporter_of(place))
    )


def graphs_of(username, place):
    """Return {unit: address of the graph of its history} of a measured place; {} if it has none."""
    if not place.is_measured or not is_drawn(place):
        return {}
    try:
        return {
            unit: reverse("quotas:graph", args=[username, place.kind, place.name, unit])
            for unit in UNITS
        }
    except NoReverseMatch:  # a name that no address can hold, or the module is not shown
        return {}
