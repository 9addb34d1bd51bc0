"""Make the user of Django for a person whom a directory or a web server vouches for."""

import logging

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from usagedb import errors
from userportal.access.memberships import people
from userportal.access.names import is_username
from userportal.access.retries import with_retries

logger = logging.getLogger(__name__)

MOST_CHARACTERS = 150  # of Django's first_name


@with_retries
def user_for(username, full_name=""):
    """Return the user of that name, made without a password if it is not there; commits.

    None if the person stays out: the user is disabled, or is an administrator who has a password
    here and whose name somebody else could have elsewhere.
    """
    if not is_username(username):
        return None
    full_name = (full_name or known_name(username))[:MOST_CHARACTERS]
    user, _is_new = get_user_model().objects.get_or_create(
        username=username, defaults={"password": make_password(None), "first_name": full_name}
    )
    reason = reason_against(user, username)
    if reason:
        logger.warning("%s stays out: %s", username, reason)
        return None
    if full_name and user.get_full_name() != full_name:
        user.first_name, user.last_name = full_name, ""
        user.save(update_fields=["first_name", "last_name"])
    return user


def reason_against(user, username):
    """Return why a person may not be this user, or ""."""
    if user.get_username() != username:  # a database that takes capitals for the same
        return f"the user is written {user.get_username()}"
    if not user.is_active:
        return "the user is disabled"
    if user.is_superuser and user.has_usable_password():
        return "it is an administrator with a password of the portal's own"
    return ""


def known_name(username):
    """Return the full name that the directory has, "" if it has none or does not answer."""
    try:
        return people().full_name_of(username) or ""
    except errors.UsageDBError as error:
        logger.warning("the full name of %s is not known: %s", username, error)
        return ""
