"""Give the roles that configuration, groups and affiliations say, and take them away again."""

import datetime
import logging

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from usagedb import accounts, errors
from userportal.access.retries import with_retries
from userportal.access.roles import HELPERS
from userportal.records.models import GivenRoles

logger = logging.getLogger(__name__)

AFFILIATED_METHODS = {"remote_user", "headers"}
AFFILIATED_DAYS = 30


def give_roles(user, affiliations=frozenset()):
    """Set a user's roles to what they are at this login. Commits.

    A role that an administrator gave by hand stays; one that an earlier login gave goes. A
    directory that does not answer gives nobody a role.
    """
    set_roles(user, *wanted_roles(user.get_username(), affiliations, is_surely_in_groups))


@with_retries
def set_roles(user, wants_staff, wants_helper):
    """Give a user the roles that are wanted, and take away those that were given. Commits."""
    GivenRoles.objects.get_or_create(user=user)
    with transaction.atomic():
        given = GivenRoles.objects.select_for_update().get(user=user)
        was_given = given.is_staff, given.is_helper
        if user.is_staff != wants_staff and (wants_staff or given.is_staff):
            user.is_staff = given.is_staff = wants_staff
            user.save(update_fields=["is_staff"])
        is_helper = user.groups.filter(name=HELPERS).exists()
        if is_helper != wants_helper and (wants_helper or given.is_helper):
            set_helper(user, wants_helper)
            given.is_helper = wants_helper
        if (given.is_staff, given.is_helper) != was_given:
            given.save()


def renew_roles(user):
    """Take roles that a login gave away again, if nothing gives them any more. Commits.

    For who comes with a token, and so without a login. What affiliations gave holds for
    AFFILIATED_DAYS after the last login: only a login tells it. While the directory does not
    answer the roles stay: nothing would give them back but a login, and robots have none.
    """
    given = GivenRoles.objects.filter(user=user).first()
    if given is None or not (given.is_staff or given.is_helper):
        return
    if set(settings.PORTAL.access.methods) & AFFILIATED_METHODS:
        since = timezone.now() - datetime.timedelta(days=AFFILIATED_DAYS)
        if user.last_login is not None and user.last_login > since:
            return
    username = user.get_username()
    try:
        wanted = wanted_roles(username, frozenset(), is_in_groups)
    except errors.UsageDBError as error:
        logger.error("the groups of %s are not known, the roles stay: %s", username, error)
        return
    set_roles(user, *wanted)


def set_helper(user, is_helper):
    """Put a user into the group of helpers, or out of it."""
    group, _is_new = Group.objects.get_or_create(name=HELPERS)
    (user.groups.add if is_helper else user.groups.remove)(group)


def wanted_roles(username, affiliations, is_member):
    """Return whether a user is to be staff, and a helper.

    is_member(username, groups) tells of groups. Raises what it raises.
    """
    access = settings.PORTAL.access
    suffixes = [one.lstrip("@").lower() for one in access.user_suffixes]
    return tuple(
        username in names
        or any(matches(affiliation, wanted, suffixes)
               for affiliation in affiliations for wanted in kinds)
        or is_member(username, groups)
        for names, kinds, groups in (
            (access.staff, access.staff_affiliations, access.staff_groups),
            (access.helpers, access.helper_affiliations, access.helper_groups),
        )
    )  # fmt: skip


def matches(affiliation, wanted, suffixes):
    """Tell whether an affiliation is one that gives a role.

    staff@example.org is that alone. staff is that of any place; of those in user_suffixes, if
    there are any, since the staff of a place whose users are not let in are no staff here.
    """
    affiliation, wanted = affiliation.lower(), wanted.lower()
    if affiliation == wanted:
        return True
    kind, _at, place = affiliation.partition("@")
    return kind == wanted and "@" not in wanted and (not suffixes or place in suffixes)


def is_surely_in_groups(username, groups):
    """Tell whether a user is in one of some groups, as far as that is known."""
    try:
        return is_in_groups(username, groups)
    except errors.UsageDBError as error:
        logger.error("the groups of %s are not known: %s", username, error)
        return False


def is_in_groups(username, groups):
    """Tell whether a user is in one of some groups, of the directory or of the machine.

    Raises as the directory does.
    """
    if not groups:
        return False
    if settings.PORTAL.ldap.url:
        from userportal.access.ldap_directory import directory_for

        return bool(directory_for(settings.PORTAL.ldap).groups_of(username) & set(groups))
    return any(username in (accounts.members(group) or ()) for group in groups)
